"""What people feel about the player."""

import re

from inference.world.rules.english.clauses import Clause
from inference.world.rules.english.scene import Scene
from inference.world.rules.text import Sentence

FEELING = re.compile(
    r"^(?:\w+ly |very |now |still |so |quite )*(?P<mood>\w+) (?:with|at|of|to|towards?|about) you\b"
)
TOWARD = {
    "hates": "hostile", "trusts": "trusting", "likes": "friendly", "loves": "loving",
    "fears": "afraid", "distrusts": "suspicious", "despises": "hostile", "admires": "impressed",
}  # fmt: skip
GLARES = frozenset(["glare", "scowl"])
SHOWN_FEELINGS = (
    (re.compile(r"thank you\b"), "grateful"),
    (re.compile(r"(?:hug|embrace|kiss) you\b"), "friendly"),
    (re.compile(r"smile (?:warmly|kindly|gratefully) at you\b"), "friendly"),
    (re.compile(r"(?:smile|beam|grin) at you\b"), "friendly"),
    (re.compile(r"(?:laugh|sneer|jeer) at you\b"), "mocking"),
    (re.compile(r"(?:threaten you|spit (?:at|on) you|curse you)\b"), "hostile"),
    (re.compile(r"(?:back|shrink|flinch|cower) (?:away |back )?(?:from|before) you\b"), "afraid"),
)
LOOKS_WITH = re.compile(
    r"^(?:look|stare|gaze|glance|regard|eye|watch|study)\b(?: at)? you\b.* (?:with|in) (?:a |an )?"
    r"(?:\w+ )?(?P<noun>\w+)"
)
LOOKS_HOW = re.compile(
    r"^(?:look|stare|gaze|glance|regard|eye|watch|study|glare|frown|smile"
    r"|nod)\b(?: at)? you (?P<how>\w+ly)"
)
MOOD_ADVERBS = {
    "angrily": "angry", "furiously": "angry", "suspiciously": "suspicious", "warily": "suspicious",
    "gratefully": "grateful", "coldly": "cold", "kindly": "friendly", "warmly": "friendly",
    "fearfully": "afraid", "nervously": "nervous", "sadly": "sad", "curiously": "curious",
    "scornfully": "contemptuous", "contemptuously": "contemptuous", "fondly": "fond",
}  # fmt: skip
MOOD_NOUNS = {
    "suspicion": "suspicious", "anger": "angry", "rage": "angry", "fury": "angry", "fear": "afraid",
    "terror": "afraid", "gratitude": "grateful", "contempt": "contemptuous", "hatred": "hostile",
    "respect": "respectful", "pity": "pitying", "affection": "fond", "love": "loving",
    "disgust": "disgusted", "admiration": "impressed", "distrust": "suspicious",
    "disappointment": "disappointed", "warmth": "friendly",
}  # fmt: skip


def read_feeling(scene: Scene, clause: Clause, sentence: Sentence) -> None:
    """ "Hatch glares at you", "Hatch trusts you", "Hatch looks at you with suspicion"."""
    told = f"{clause.verb} {clause.rest}"
    for pattern, mood in SHOWN_FEELINGS:
        if pattern.match(told):
            scene.found.put_mood(clause.person, mood, sentence)
    if (looks := LOOKS_HOW.search(told)) and looks["how"] in MOOD_ADVERBS:
        scene.found.put_mood(clause.person, MOOD_ADVERBS[looks["how"]], sentence)
    if (looks := LOOKS_WITH.search(told)) and looks["noun"] in MOOD_NOUNS:
        scene.found.put_mood(clause.person, MOOD_NOUNS[looks["noun"]], sentence)
    if clause.verb in GLARES and re.match(r"^(?:\w+ly )?at you\b", clause.rest):
        scene.found.put_mood(clause.person, "angry", sentence)
    if clause.form in TOWARD and re.match(r"^you\b", clause.rest):
        scene.found.put_mood(clause.person, TOWARD[clause.form], sentence)


NO_TRUST = re.compile(r"\b(?:no longer|does not|doesn't|do not|don't) trusts? you\b")
