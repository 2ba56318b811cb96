"""Work that a worker does while no turn runs or waits, and breaks off when one comes.

read_ahead      reads the next prompts of stories into the engine's cache; before the others
questions       asks the narrator about the newest turn: readings of the world, suggested actions
summaries       sums up what stories' prompts have no room for
batch           prompts by the thousand, from a file
"""
