"""The parts of the sandbox's painter, see `seedream_nb.sandbox.painter`."""
