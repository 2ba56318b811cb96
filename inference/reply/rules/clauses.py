"""Where a later clause of a sentence begins, in lower case."""

# It may be told of another than the first, or be words for the player.
JOINING = r"(?:and|but|then|as|so|while)"
LONGEST_CLAUSE = 300  # characters of a sentence that are looked at again with every word


def late(said: str) -> str:
    """The end of a long sentence: what stands before it was looked at when it was the end."""
    if len(said) <= LONGEST_CLAUSE:
        return said
    return " " + said[-LONGEST_CLAUSE:].partition(" ")[2]
