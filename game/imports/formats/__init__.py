"""Reads files, one module for each format. They know no database and check no limit of it."""
