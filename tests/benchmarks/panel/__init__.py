"""Why: what it takes to bring the pictures of 1,000 finished tasks in front of somebody's eyes, in a real browser."""
