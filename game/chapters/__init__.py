"""Chapters: parts of a path that a player closed with a title."""
