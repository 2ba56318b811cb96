"""The state of the world at each turn: stored changes, the player's edits, pages."""
