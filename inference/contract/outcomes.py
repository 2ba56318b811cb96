"""What the dice decided, in the words that a prompt has below the action (`Passage.outcome`).

Narrators learn these lines in training: other words are other lines to them.
"""

OUTCOME_LINES = {
    "disaster": "The attempt fails: what was attempted does not happen, and things get worse.",
    "failure": "The attempt fails: what was attempted does not happen.",
    "cost": "The attempt succeeds: what was attempted happens, but at a cost.",
    "success": "The attempt succeeds: what was attempted happens.",
    "triumph": "The attempt succeeds: what was attempted happens, better than anyone hoped.",
}
