"""The formats of the service: what each model accepts, the request body, the answers. Pure functions."""
