"""Preferences: length and temperature of replies, the look of pages, sampling of adventures."""
