"""The sandbox painter's workshop: each module knows one craft; `seedream_nb.sandbox.painter` is the shop window."""
