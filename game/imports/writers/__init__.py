"""Writes adventures and scenarios as files, one module for each format."""
