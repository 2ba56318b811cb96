"""What is wrong with the parts of adventures: cards, state, dice, recalled turns. Pure.

One rule, one function, as in `inference.finetune.rules`.
"""

from collections.abc import Iterable, Iterator

from inference.contract.request import GenerationRequest
from inference.contract.world import LONGEST_SENTENCE
from inference.finetune.corpus import Adventure, Turn, words_of
from inference.finetune.header import LANGUAGES, Change
from inference.finetune.playing import Played
from inference.finetune.voice import FEWEST_WORDS, found_language, same
from inference.prompts.beginnings import texts_of
from inference.prompts.cards import reachable
from inference.prompts.world import ended, mentions, world_lines
from inference.words import SearchIndex
from inference.world.checks import Facts
from inference.world.folding import Entries, fold_name

Found = Iterator[tuple[int, str]]  # a line, and what is wrong there

# As in play: `game.models.limits`, `game.cards.card_import`.
LONGEST_TEXT = 4_000  # code points of an opening or a reply
LONGEST = {"memory": 8_000, "note": 2_000, "summary": 4_000}
LONGEST_CARD = 2_000
LONGEST_TITLE = 80
LONGEST_KEY = 200
MOST_KEYS = 50

FEWEST_BETWEEN = 5  # turns between one that is recalled and the one that recalls it
ALL = 1_000_000  # room for every sentence of a state


def limits(adventure: Adventure) -> Found:
    """Texts that are longer than in play."""
    header = adventure.header
    for name, most in LONGEST.items():
        if len(getattr(header, name)) > most:
            yield header.lines[name], f"{name} is longer than {most:,} characters"
    for card, line in header.cards:
        if len(card.title) > LONGEST_TITLE:
            yield line, f"the card's title is longer than {LONGEST_TITLE} characters"
        if len(card.text) > LONGEST_CARD:
            yield line, f"the card's text is longer than {LONGEST_CARD:,} characters"
        if len(card.keys) > MOST_KEYS or any(len(key) > LONGEST_KEY for key in card.keys):
            yield line, f"a card has at most {MOST_KEYS} keys of {LONGEST_KEY} characters"
    texts = [(adventure.opening, adventure.opening_line)]
    texts += [(turn.reply, turn.reply_line) for turn in adventure.turns]
    for text, line in texts:
        if len(text) > LONGEST_TEXT:
            yield line, f"is longer than {LONGEST_TEXT:,} characters"


def cards(adventure: Adventure) -> Found:
    """Cards that never fire, and two of one title."""
    titles: dict[str, int] = {}
    # What the last reply mentions would only fire in the turn after it.
    inner = {turn.parent for turn in adventure.turns}
    texts = [adventure.opening]
    for turn in adventure.turns:
        texts += [turn.shown, turn.reply if turn.number in inner else ""]
    fired = {id(card) for card in reachable(adventure.cards, "\n".join(texts))}
    for card, line in adventure.header.cards:
        known = fold_name(card.title)
        if known in titles:
            yield line, f"the card {card.title!r} is there twice, first in line {titles[known]}"
        titles.setdefault(known, line)
        if id(card) not in fired:
            yield line, f"the card {card.title!r} never fires: no turn mentions one of its keys"


def recalled(adventure: Adventure) -> Found:
    """Recalled sentences that the prompt has anyway, and long ones."""
    for turn in adventure.turns:
        path = [0, *(each.number for each in adventure.path_to(turn))]
        for sentence in turn.earlier:
            between = len(path) - 2 - path.index(sentence.number) if sentence.number >= 0 else ALL
            if between < FEWEST_BETWEEN:
                what = f"recalls what was told {between + 1} turns before"
                yield sentence.line, f"{what}: at least {FEWEST_BETWEEN} turns lie between"
            if len(sentence.text) > LONGEST_SENTENCE:
                yield (
                    sentence.line,
                    f"a recalled sentence has at most {LONGEST_SENTENCE} characters",
                )


def players(adventure: Adventure) -> Found:
    """Players who never act."""
    acting = {turn.player for turn in adventure.turns}
    for name in adventure.header.players:
        if name not in acting:
            yield adventure.header.lines["players"], f"the player {name!r} never acts"


def language(adventure: Adventure) -> Found:
    """An adventure, or a part of it, in another language than its header says."""
    declared = LANGUAGES[adventure.header.language]
    texts = [(adventure.opening, adventure.opening_line)]
    texts += [(turn.reply, turn.reply_line) for turn in adventure.turns]
    found = found_language("\n".join(text for text, _ in texts))
    if found and not same(found, declared):
        line = adventure.header.lines.get("language", 1)
        what = f"this reads as {found.capitalize()}, not {declared.capitalize()}"
        yield line, f"{what}: say `language: …` in the header"
        return
    for text, line in texts:
        found = found_language(text) if words_of(text) >= FEWEST_WORDS else ""
        if found and not same(found, declared):
            yield line, f"this reads as {found.capitalize()}, not {declared.capitalize()}"


# ---- the state of the world


def state(adventure: Adventure) -> Found:
    """A state that a reply contradicts, or that nobody has heard of."""
    if not adventure.has_state:
        return
    played = Played(adventure)
    requests = [played.request(turn) for turn in adventure.turns]
    for turn, request in zip(adventure.turns, requests, strict=True):
        yield from contradiction(turn, request)
        yield from unheard(turn, played.read_entries[turn.number])
    yield from untold(adventure, requests)


def contradiction(turn: Turn, request: GenerationRequest) -> Found:
    """What the reply contradicts, as the worker would find it."""
    context = request.context
    if context.world is None:
        return
    found = Facts(context.world, turn.shown, texts_of(context)).contradicted(turn.reply)
    if found is not None:
        yield turn.reply_line, f"the reply contradicts the state before it: {found.fact}"


def unheard(turn: Turn, read: Entries) -> Found:
    """Names in declared changes that neither the turn has nor the state that rules read of it."""
    known = {name for _, name, _ in read}
    text = SearchIndex(f"{turn.shown}\n{turn.reply}")
    for line, changes in by_line(turn.changes).items():
        change = changes[0].change
        name = change.name
        if not change.value or change.value == "done":
            if fold_name(name) not in known:
                what = "forget" if not change.value else "done"
                yield line, f"{what}: {name!r} is not in the state"
        elif change.part in ("person", "thing") and not (
            fold_name(name) in known or mentions(text, name)
        ):
            yield line, f"neither the state nor this turn's text has {name!r}"


def by_line(changes: Iterable[Change]) -> dict[int, list[Change]]:
    """The changes of each line."""
    found: dict[int, list[Change]] = {}
    for each in changes:
        found.setdefault(each.line, []).append(each)
    return found


def untold(adventure: Adventure, requests: list[GenerationRequest]) -> Found:
    """Facts, dead people and things of the beginning that no prompt ever has."""
    told = {line.text for request in requests for line in world_lines(request.context, ALL, len)}
    for line, changes in by_line(adventure.header.state).items():
        change = next((each.change for each in changes if each.change.value != "alive"), None)
        if change is None or change.hidden or not change.value:
            continue
        name = change.name
        shown = {
            "fact": ended(name),
            "person": f"{name} is {change.value}." if change.field == "life" else "",
        }.get(change.part, "")
        if shown and shown not in told:
            yield line, f"no prompt ever says {shown!r}: no turn mentions it"


PART_RULES = (limits, cards, recalled, players, language, state)
