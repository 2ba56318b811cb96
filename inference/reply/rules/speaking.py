"""What a model says for the player: words that the player did not choose."""

import re
from typing import Literal

from inference.reply.draft import Draft
from inference.reply.given import Given
from inference.reply.rules.clauses import JOINING, late
from inference.reply.rules.person import clause_by_i, in_first_person
from inference.reply.rules.rule import HOLD, SHOW, Rule, Unit, Verdict, bare, leave_out

Answer = Literal["yes", "maybe", "no"]

# In any sentence these are words that the player did not choose.
SPEECH = (
    r"(?:say|said|ask|asked|reply|replied|answer|answered|respond|responded|shout|shouted|whisper"
    r"|whispered|yell|yelled|exclaim|exclaimed|explain|explained|tell|told|mutter|muttered|murmur"
    r"|murmured|declare|declared|announce|announced|inquire|inquired|admit|admitted|retort|retorted)"
)
# These only beside the words themselves: who screams has not said anything yet.
BESIDE_WORDS = (
    r"(?:continue|continued|scream|screamed|cry|cried|call|called|add|added|begin|began|groan"
    r"|groaned|gasp|gasped|sigh|sighed|laugh|laughed|hiss|hissed|growl|growled|plead|pleaded|beg"
    r"|begged|demand|demanded|insist|insisted|agree|agreed|repeat|repeated|stammer|stammered|stutter"
    r"|stuttered|greet|greeted|warn|warned|suggest|suggested|offer|offered|echo|echoed|snap|snapped"
    r"|bark|barked|bellow|bellowed|roar|roared|interrupt|interrupted|finish|finished|think|thought"
    r"|wonder|wondered|mumble|mumbled|speak|spoke|nod|smile|grin|joke|joked|promise|promised|protest"
    r"|protested|remark|remarked|observe|counter|manage|confess|confessed|start|started|go on)"
)
SAYING = r"(?:saying|asking|adding|shouting|whispering|muttering|replying|calling)"
ADVERBS = r"(?:\w+ly|then|now|just|also|finally|still|quickly|only|even|turn and|nod and|smile and)"
SPEAKS = re.compile(rf"(?:(?:then|and),? )?you (?:{ADVERBS} )?{SPEECH}\b")
NOTHING_SAID = re.compile(
    rf"(?:(?:then|and),? )?you (?:{ADVERBS} )?{SPEECH},?"
    r" (?:nothing|no\b|not\b|little|him off|her off|yourself|apart|in kind|with (?:a|silence))"
)
MAY_SPEAK = re.compile(rf"(?:(?:then|and),?(?: you(?: {ADVERBS})?)?|you(?: {ADVERBS})?)$")
BEFORE_WORDS = re.compile(
    r"(?:.*[,;] )?(?:(?:then|and|as|but|to which),? )?you\b[^\"“]*"
    rf"\b(?:{SPEECH}|{BESIDE_WORDS}|{SAYING})"
    r"(?: (?:back|out|aloud|softly|quietly|loudly|to (?:\w+ ){0,3}\w+|(?:\w+))){0,2}[,:]?$"
)
AFTER_WORDS = re.compile(rf"you (?:{ADVERBS} )?(?:{SPEECH}|{BESIDE_WORDS})\b")
MAY_FOLLOW = re.compile(rf"you(?: {ADVERBS})?$")


MAY_TURN = re.compile(rf",? {JOINING}(?: then)?(?: you(?: {ADVERBS})?)?$")
TURNS = re.compile(
    rf" {JOINING}(?: then)? you (?:{ADVERBS} )?{SPEECH}(?P<rest>(?:[,:.…]| .*|$))"
    rf"|^you\b(?!.*\b(?:he|she|they|it|who|that|him|them|her \w+|man|woman|boy|girl)\b.* and)"
    rf".* and (?:then )?(?:{ADVERBS} )?{SPEECH}(?P<own>(?:[,:.…]| .*|$))"
)
NOTHING_FOLLOWS = re.compile(
    r" (?:nothing|no\b|not\b|little|him off|her off|yourself|apart|in kind|with (?:a|silence))"
)


class Speaker(Rule):
    """Leaves out sentences that tell what the player says, or that someone tells who says "I".

    Later clauses alike: "…, and you say". Both faults are in one rule: which of them counts depends
    on the order of its questions.
    """

    def __init__(self, given: Given) -> None:
        self._may_say_i = given.in_first_person

    def hear(self, unit: Unit, draft: Draft) -> Verdict:
        """Hold what may become the player's words; leave them out once that is sure."""
        if unit.quoted or draft.quotation == "closed":
            return SHOW
        match speaks(unit.said, complete=False):
            case "maybe":
                return HOLD
            case "yes":
                return leave_out("speaks")
        if in_first_person(unit.said) and not self._may_say_i:
            return leave_out("person")
        return self._hear_clause(unit.said)

    def _hear_clause(self, said: str) -> Verdict:
        clause = clause_speaks(said)
        if clause == "maybe":
            return HOLD
        if clause_by_i(said) and not self._may_say_i:
            return leave_out("person", mark=".")  # the clause before it is a sentence
        return leave_out("speaks", mark=".") if clause == "yes" else SHOW

    def close(self, draft: Draft) -> Verdict:
        """Leave out a sentence that says what the player says."""
        player = draft.narrates and self._player_speaks(draft)
        return leave_out("speaks") if player else SHOW

    def finish(self, draft: Draft) -> Verdict:
        """The same for the last sentence, or withhold its last clause."""
        if not draft.text:
            return leave_out("speaks") if self._player_speaks(draft) else SHOW
        if not draft.marks and clause_speaks(bare(draft.sentence)) != "no":
            return Verdict("hold", mark=".")
        return HOLD if self._player_speaks(draft) else SHOW

    def _player_speaks(self, draft: Draft) -> bool:
        return speaks(bare(draft.sentence), complete=True) == "yes"


def speaks(said: str, complete: bool) -> Answer:
    """Whether a sentence that begins with `said` tells what the player says. "You say nothing"
    does not. `complete`: nothing more of the sentence comes."""
    found = SPEAKS.match(said)
    if found is None:
        return "maybe" if MAY_SPEAK.match(said.rstrip(",")) and not complete else "no"
    if NOTHING_SAID.match(said):
        return "no"
    rest = said[found.end() :].strip(" ,")
    if not rest or rest in ("with", "in", "him", "her"):
        return "yes" if complete else "maybe"
    return "yes"


def players_words(after: str) -> Answer:
    """Whether a quotation is the player's, by the words `after` it: "you ask"."""
    if AFTER_WORDS.match(after):
        return "yes"
    return "maybe" if MAY_FOLLOW.match(after) else "no"


def introduces_players_words(said: str) -> bool:
    """Whether a quotation after `said` is the player's: "You turn around and say,"."""
    return BEFORE_WORDS.match(said) is not None


def clause_speaks(said: str) -> Answer:
    """Whether a later clause at the end of `said` is the player's words: "…, and you say"."""
    said = late(said)
    found = TURNS.search(said)
    if found is None:
        return "maybe" if MAY_TURN.search(said) else "no"
    rest = found["rest"] if found["rest"] is not None else found["own"]
    if not rest:
        return "maybe"
    return "no" if NOTHING_FOLLOWS.match(rest) else "yes"
