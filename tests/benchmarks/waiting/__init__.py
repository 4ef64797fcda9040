"""The requests it takes to learn that 100 tasks are finished, and the delay until they are known."""
