"""Reads uploaded files within limits, in a process of its own."""
