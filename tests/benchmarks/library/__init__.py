"""The cost of storing tasks and images, showing them again, and searching 100,000 records."""
