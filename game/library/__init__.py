"""The library: scenarios, the shelf of adventures, and what is shared by link."""
