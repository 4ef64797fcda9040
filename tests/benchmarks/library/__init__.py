"""Why: what it takes to keep tasks and pictures, to show them again, and to find them among 100,000."""
