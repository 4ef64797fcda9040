"""Sends requests to the service: settings, HTTP, retries, paid requests at most once, polling, and `SeedreamClient`."""
