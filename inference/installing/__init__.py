"""Narrators that an operator adds while Grue runs: which there are, what they need, installing one.

catalogue    the entries that ship with Grue
machine      what this machine has: memory, cores, card, disk, and how fast its memory reads
estimates    what an entry needs of a machine, and about how fast it would tell there
"""
