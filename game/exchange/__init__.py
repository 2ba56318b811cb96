"""Files that strangers bring: read within limits, in a process of its own."""
