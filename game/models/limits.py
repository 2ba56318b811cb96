"""How long texts may be, in code points."""

LONGEST_TEXT = 4_000  # in one action or reply, as PROTOCOL.md says
LONGEST_MEMORY = 8_000
LONGEST_NOTE = 2_000
LONGEST_SUMMARY = 4_000
