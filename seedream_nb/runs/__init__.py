"""Runs: from the rows of a table to paid requests, each sent once, whatever becomes of the kernel."""
