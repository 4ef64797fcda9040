"""Why: what it takes to learn that 100 pending tasks are finished, and how soon one learns it."""
