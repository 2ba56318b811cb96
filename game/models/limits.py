"""The longest texts that are stored, in code points."""

LONGEST_TEXT = 4_000  # of one action or reply, see docs/protocol.md
LONGEST_OPENING = 20_000  # of the first turn
LONGEST_MEMORY = 8_000
LONGEST_NOTE = 2_000
LONGEST_SUMMARY = 4_000
LONGEST_CHAPTER_TITLE = 80
LONGEST_CHARACTER = 40  # the name of a player's character
LONGEST_DESCRIPTION = 200  # of a character, one line
