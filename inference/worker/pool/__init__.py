"""The narrators of one worker process: loaded on demand, evicted for others, swapped.

narrator_pool   the pool: its entries, start and end
state           what its parts share
defaults        of several default narrators, runs the best that can be loaded
model_fetch     fetches a model while another narrator runs
model_loader    loads models, and unloads others to make room
swapping        new revisions in the narrators file
draining        ends workers without losing a turn
"""
