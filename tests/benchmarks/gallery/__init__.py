"""Why: what it takes to bring the pictures of 100 finished tasks into a notebook."""
