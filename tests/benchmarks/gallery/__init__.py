"""The time to bring the images of 100 finished tasks into a notebook."""
