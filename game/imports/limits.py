"""How much of a file to import is read. Real files: 179 cards, 437,595 characters of prompt."""

MIB = 1024**2

LARGEST_FILE = 32 * MIB  # bytes
LARGEST_PART = 32 * MIB  # bytes of one part of a file, decompressed
MOST_MEMBERS = 2_000  # files in an archive
MOST_CHUNKS = 20_000  # of a picture; some programs write IDAT in pieces of 8 KiB
MOST_PIXELS = 4096 * 4096
DEEPEST = 64  # lists and maps inside each other; each level of options takes two
MOST_VALUES = 500_000  # values and names; 5,000 actions with their metadata have 150,000
LONGEST_NUMBER = 300  # characters

CPU_SECONDS = 20
SECONDS = 40.0
MEMORY_BYTES = 512 * MIB
