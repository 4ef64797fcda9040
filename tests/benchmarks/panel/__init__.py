"""The time to bring the images of 1,000 finished tasks to the screen of a real browser."""
