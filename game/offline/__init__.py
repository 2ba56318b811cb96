"""Grue as an installable app, with the last adventure readable without a network."""
