"""What is wrong with adventures, as far as a program can see it. Pure.

One rule, one function. These find slips; whether a story is any good is for people who read it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from inference.finetune.corpus import Adventure, words_of
from inference.finetune.likeness import NEARLY, RUN_WORDS, alike, common_run, shingles
from inference.finetune.part_rules import PART_RULES, Found
from inference.finetune.split import HELD_OUT, side_of
from inference.finetune.voice import voice_of
from inference.reply import neutralise
from inference.reply.quotes import outside
from inference.reply.rules.scaffolding import META, begins_with
from inference.reply.rules.speaking import SPEECH
from inference.reply.sentences import END

BYTES_A_TOKEN = 3  # an estimate on the safe side, where no tokenizer is at hand


@dataclass(frozen=True)
class Complaint:
    """What is wrong, and where; line 0 is the whole file."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}" if self.line else f"{self.file}: {self.what}"


@dataclass(frozen=True)
class Measure:
    """What an adventure may measure. Words, except where it says otherwise."""

    opening: tuple[int, int] = (40, 200)
    reply: tuple[int, int] = (8, 120)
    turns: tuple[int, int] = (8, 16)  # of the longest path
    title: int = 60  # characters
    tags: int = 6
    window: int = 1024  # tokens: GPT-2's
    held_out: float = HELD_OUT  # share of the adventures


MEASURE = Measure()


def check(adventures: Sequence[Adventure], measure: Measure = MEASURE) -> list[Complaint]:
    """Every complaint about these adventures, by file and line."""
    found = [
        Complaint(adventure.file, line, what)
        for adventure in adventures
        for rule in RULES
        for line, what in rule(adventure, measure)
    ]
    found += [
        Complaint(adventure.file, line, what)
        for adventure in adventures
        for part_rule in PART_RULES
        for line, what in part_rule(adventure)
    ]
    found += between(adventures, measure)
    return sorted(found, key=lambda each: (each.file, each.line, each.what))


# ---- an adventure by itself


def header(adventure: Adventure, measure: Measure) -> Found:
    """Title, tags and licence."""
    lines = adventure.header.lines
    if len(adventure.title) > measure.title:
        yield lines["title"], f"the title is longer than {measure.title} characters"
    tags = adventure.tags
    if not all(tags) or len(set(tags)) < len(tags) or len(tags) > measure.tags:
        yield (
            lines["tags"],
            f"tags are up to {measure.tags} words or short phrases, each once, with commas",
        )
    if not re.fullmatch(r"[A-Za-z0-9.+-]+", adventure.licence):
        yield lines["licence"], "the licence is an SPDX identifier, such as CC0-1.0"


def lengths(adventure: Adventure, measure: Measure) -> Found:
    """The words of opening and replies, and the turns of the longest path."""
    yield from amiss("the opening", adventure.opening, adventure.opening_line, measure.opening)
    for turn in adventure.turns:
        yield from amiss("the reply", turn.reply, turn.reply_line, measure.reply)
    longest = max(len(path) for path in adventure.paths)
    least, most = measure.turns
    if not least <= longest <= most:
        yield 1, f"its longest path has {longest} turns, and {least} to {most} are wanted"


def amiss(called: str, text: str, line: int, bounds: tuple[int, int]) -> Found:
    """A text whose number of words is out of bounds."""
    words = words_of(text)
    if not bounds[0] <= words <= bounds[1]:
        yield line, f"{called} has {words} words, and {bounds[0]} to {bounds[1]} are wanted"


def window(adventure: Adventure, measure: Measure) -> Found:
    """A turn that no prompt has room for: it could be neither trained on nor told."""
    for turn in adventure.turns:
        if estimated_tokens(turn.action + turn.reply) > measure.window:
            yield turn.line, f"the turn is longer than the window of {measure.window} tokens"
    if estimated_tokens(adventure.opening) > measure.window:
        what = f"the opening is longer than the window of {measure.window} tokens"
        yield adventure.opening_line, what


def estimated_tokens(text: str) -> int:
    """How many tokens `text` is at most, more or less, in any tokenizer."""
    return -(-len(text.encode()) // BYTES_A_TOKEN)


def characters(adventure: Adventure, measure: Measure) -> Found:
    """What the prompt would not give to the narrator as it stands here."""
    for text, line in told(adventure):
        if neutralise(text).strip() != text:
            yield line, "holds control characters, template tokens or lines that begin with >"
        if text.count('"') % 2:
            yield line, "a quotation is not closed"


def actions(adventure: Adventure, measure: Measure) -> Found:
    """Actions that are not worded as the game words them."""
    english = adventure.header.language == "en"
    for turn in adventure.turns:
        who = f"{turn.player} says" if turn.player else "You say"
        written = f'{who} "{turn.action}"' if turn.kind == "say" else turn.action
        begins = turn.player or not english or re.match(r"You(?:r|['’]\w+)?\b", written)
        if turn.shown != written:
            yield turn.line, f"the game would show this action as {turn.shown!r}"
        elif written and not begins:
            yield turn.line, "an action tells what the player does: it begins with You"


def endings(adventure: Adventure, measure: Measure) -> Found:
    """Texts that do not end with a sentence."""
    for text, line in told(adventure):
        if not END.search(text):
            yield line, "does not end with a sentence's end"


def person(adventure: Adventure, measure: Measure) -> Found:
    """Outside quotation the narrator is nobody, and the player is "you"; several have names."""
    voice = voice_of(adventure.header.language)
    several = bool(adventure.header.players)
    for text, line in told(adventure):
        words = unquoted(text)
        if voice.first and (found := voice.first.search(words)):
            yield line, f"the narrator speaks of {found[0]!r}: the story is told to you"
        if several and voice.you and (found := voice.you.search(words)):
            yield line, f"{found[0]!r} may be any of the players: name them"
    texts = " ".join(unquoted(text) for text, _ in told(adventure))
    if not several and voice.you and not voice.you.search(texts):
        yield adventure.opening_line, "never says you: the story is told to the player"


WHO = r"\b(?:you|he|she|it|they|[A-Z][a-z]+)\s+(?:\w+ly\s+)?"
PAST = re.compile(
    rf"{WHO}(?:were|was|did|said|went|took|came|saw|heard|felt|gave|made|ran|stood|sat|knew|got"
    r"|began|turned|looked|asked|walked|opened|reached|pulled|pushed|stepped|smiled|nodded|told)\b"
)
PRESENT = re.compile(
    r"\b(?:is|are|has|have|does|goes|comes|says|takes|looks|stands|sits|turns|puts|gets|holds|makes"
    r"|gives|runs|begins|stops|falls|lies|asks|calls|smells|hangs|rises|opens|lifts)\b"
)


def tense(adventure: Adventure, measure: Measure) -> Found:
    """Past verbs, and not one of the present, in a text of some length."""
    if adventure.header.language != "en":
        return
    for text, line in told(adventure):
        words = unquoted(text)
        past = len(PAST.findall(words))
        if past > 1 and past > len(PRESENT.findall(words)):
            yield line, "seems to be told in the past tense: the present is wanted"


SPEAKS = re.compile(
    rf"(?:^|[.!?;,]\s+|\b(?:and|then|so|but)\s+)[Yy]ou (?:\w+ly )?(?:{SPEECH}|decide|choose|resolve"
    r"|agree to|think to yourself|wonder)\b(?! (?:nothing|no\b|not\b))"
)
BESIDE = re.compile(r'(?:"\s*,?\s*you (?:\w+ly )?(?:say|ask|reply|answer|shout|whisper|call)\b)')


def players_part(adventure: Adventure, measure: Measure) -> Found:
    """What the player says and decides is theirs."""
    english = adventure.header.language == "en"
    voice = voice_of(adventure.header.language)
    names = "|".join(map(re.escape, adventure.header.players))
    named = re.compile(rf"\b(?:{names}) (?:\w+ly )?{SPEECH}s?\b(?! nothing)") if names else None
    for turn in adventure.turns:
        words = unquoted(turn.reply)
        found = english and (SPEAKS.search(words) or BESIDE.search(turn.reply))
        found = found or (voice.speaks and voice.speaks.search(words))
        if found or (named and named.search(words)):
            yield turn.reply_line, "speaks or decides for the player"


LAST_SENTENCE = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])(?=.)")


def questions(adventure: Adventure, measure: Measure) -> Found:
    """A reply ends where the player must act, and does not say so."""
    voice = voice_of(adventure.header.language)
    for text, line in told(adventure):
        last = LAST_SENTENCE.split(unquoted(text).strip())[-1]
        asked = voice.asks and voice.asks.search(last)
        if asked or begins_with(last.lower(), META):
            yield line, "asks the player what to do"


STALE = re.compile(
    r"little do(?:es)? (?:you|he|she|they) know|chills? (?:runs? )?down (?:your|his|her) spine"
    r"|heart (?:skips|pounds|races|hammers)|blood runs cold|time (?:seems to )?stands? still"
    r"|deafening silence|(?:can(?:not|['’]t)|could(?:n['’]t)?) (?:shake|help but)|sense of (?:dread"
    r"|unease|foreboding|wonder)|a testament to|sends? shivers|pierc(?:es|ing) the silence"
    r"|nothing will ever be the same|only time will tell|let out a breath you",
    re.IGNORECASE,
)


def stale(adventure: Adventure, measure: Measure) -> Found:
    """Phrases that small models overuse."""
    for text, line in told(adventure):
        if found := STALE.search(unquoted(text)):
            yield line, f"{found[0]!r} has been told too often"


def repeated(adventure: Adventure, measure: Measure) -> Found:
    """The same words in two places of one tree: a slip of the pen that a narrator would learn."""
    lines: dict[tuple[str, ...], int] = {}  # where each run of words stands first
    for text, line in told(adventure):
        runs = shingles(text, RUN_WORDS)
        twice = sorted((lines[run], run) for run in runs & lines.keys() if len(run) >= RUN_WORDS)
        if twice:
            before, run = twice[0]
            yield line, f"repeats line {before}: {' '.join(run)!r}"
        lines.update({run: line for run in runs - lines.keys()})


Rule = Callable[[Adventure, Measure], Found]
RULES: tuple[Rule, ...] = (
    header,
    lengths,
    window,
    characters,
    actions,
    endings,
    person,
    tense,
    players_part,
    questions,
    stale,
    repeated,
)


# ---- adventures beside one another


def between(adventures: Sequence[Adventure], measure: Measure) -> Iterator[Complaint]:
    """The same adventure twice, and words that would leak from training to what measures it."""
    first: dict[str, Adventure] = {}
    for adventure in adventures:
        known = " ".join(adventure.title.casefold().split())
        if known in first:
            what = f"has the same title as {first[known].file}"
            yield Complaint(adventure.file, 1, what)
        first.setdefault(known, adventure)
    texts = {adventure.file: whole(adventure) for adventure in adventures}
    sides = {each.file: side_of(each.title, measure.held_out) for each in adventures}
    near = {pair: share for pair, share in alike(texts).items() if share >= NEARLY}
    for (one, other), share in near.items():
        yield Complaint(other, 1, f"is nearly the same as {one}: keep one ({share:.0%} shared)")
    for one, other in alike(texts, RUN_WORDS).keys() - near.keys():
        if sides[one] != sides[other] and (run := common_run(texts[one], texts[other])):
            what = f"shares {run!r} with {one}, which is on the other side of the split"
            yield Complaint(other, 1, what)


def whole(adventure: Adventure) -> str:
    """All texts of an adventure, one a line."""
    return "\n".join(
        [adventure.opening, *(f"{turn.action}\n{turn.reply}" for turn in adventure.turns)]
    )


def told(adventure: Adventure) -> Iterator[tuple[str, int]]:
    """What the narrator tells, and the line where it begins: the opening and every reply."""
    yield adventure.opening, adventure.opening_line
    for turn in adventure.turns:
        yield turn.reply, turn.reply_line


def unquoted(text: str) -> str:
    """`text` with each quotation as one empty pair of marks."""
    return "".join('""' if quoted else words for quoted, words in outside(text))


# ---- how much there is


@dataclass(frozen=True)
class Sum:
    """A line of the summary."""

    files: int
    turns: int
    words: int
    paths: int


def sum_of(adventures: Iterable[Adventure]) -> Sum:
    """Totals of the adventures."""
    listed = list(adventures)
    return Sum(
        files=len(listed),
        turns=sum(len(each.turns) for each in listed),
        words=sum(each.words for each in listed),
        paths=sum(len(each.paths) for each in listed),
    )
