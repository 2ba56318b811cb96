"""Brings stories, scenarios and cards in from files of Grue and of other programs."""
