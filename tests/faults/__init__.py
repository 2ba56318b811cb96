"""Breaking things on purpose: players play on while Grue falls apart, and a checker reads
afterwards what they saw and what Postgres holds. `python -m tests.faults --help`.
"""
