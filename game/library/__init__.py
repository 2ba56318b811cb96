"""The library: scenarios, the list of adventures, and what is shared by link."""
