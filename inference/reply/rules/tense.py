"""A reply that begins in the past tense, in a story of the present. For English."""

import re

from inference.reply.draft import Draft
from inference.reply.given import Given
from inference.reply.quotes import unquoted
from inference.reply.rules.rule import SHOW, Rule, Verdict, leave_out

PAST_WORDS = """
    was were had did didn't wasn't weren't hadn't couldn't said asked looked took went came saw felt
    turned stood smiled laughed nodded walked knew told replied answered made got gave found heard
    ran sat began started tried opened thought seemed wanted watched whispered shouted reached
    pulled picked stepped noticed
"""
PRESENT_WORDS = """
    am is are has have do does don't doesn't isn't aren't haven't hasn't can can't will won't
    say says ask asks look looks take takes go goes come comes see sees feel feels turn turns stand
    stands smile smiles laugh laughs nod nods walk walks know knows tell tells reply replies answer
    answers make makes get gets give gives find finds hear hears run runs sit sits begin begins
    start starts try tries open opens think thinks seem seems want wants watch watches whisper
    whispers shout shouts reach reaches pull pulls pick picks step steps notice notices
"""
PAST, PRESENT = frozenset(PAST_WORDS.split()), frozenset(PRESENT_WORDS.split())
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
SHORTENED = re.compile(r"'(?:re|s|ve|ll|m)$")


class PastTense(Rule):
    """Leaves out whole sentences at the start of a reply that tell what was, in a story that is."""

    def __init__(self, given: Given) -> None:
        past_story = any(given.recent) and past(unquoted(" ".join(given.recent)))
        self._applies = given.by_sentences and not past_story

    def close(self, draft: Draft) -> Verdict:
        """Leave out a sentence in the past tense at the start."""
        return self.finish(draft) if draft.narrates else SHOW

    def finish(self, draft: Draft) -> Verdict:
        """The same for a reply of one sentence."""
        told_past = self._applies and not draft.text and past(unquoted(draft.sentence))
        return leave_out("tense") if told_past else SHOW


def past(narration: str) -> bool:
    """Whether more of the verbs tell what was than what is. Give it no quotations."""
    was, now = verbs(narration)
    return was > now


def verbs(narration: str) -> tuple[int, int]:
    """How many common verbs tell what was, and how many what is."""
    words = WORD.findall(narration.lower().replace("’", "'"))
    was = sum(word in PAST for word in words)
    now = sum(word in PRESENT or SHORTENED.search(word) is not None for word in words)
    return was, now
