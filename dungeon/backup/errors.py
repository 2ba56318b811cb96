"""What goes wrong with a backup, in words for the host."""

UNTOUCHED = "nothing was changed"


class BackupError(Exception):
    """Why it could not be saved or loaded, in one line."""
