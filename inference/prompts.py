"""The prompt formats: from what the narrator is given to the text that its engine takes. Pure.

Two formats, shared by serving and training: `transcript` for base models, in the shape that AI
Dungeon 2 was trained on, and `chat` for instruct models, in their own template.

What goes in, from the front, stable parts first so that the engine's cache helps:

    memory, pinned cards | story, cut from the oldest | fired cards, author's note | action | told

How room is shared, P being the window less the reply's tokens. Memory takes at most 40 % of P, the
author's note 10 %, the last action 20 %: each is trimmed alone, so that a long action does not
change the front. What an earlier attempt told keeps its last 20 % of P. Cards get at most a
quarter, the pinned ones first. The story has the rest, less the room that a short action and the
adventure's other cards could take: so neither moves the cut. When the story outgrows its room, a
quarter of P goes at once, in blocks counted from the story's beginning: the cut stays where it is
from turn to turn until the next block must go.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from inference.engines.base import Message
from inference.narrators import Narrator
from inference.request import Card, GenerationRequest, Passage, Plain
from inference.sampling import SamplingParams
from inference.text import ReplyStream, neutralise, shown_action, spaceless

__all__ = ["BuiltPrompt", "Report", "begun", "build", "reply_stream", "shown_action"]

Count = Callable[[str], int]
RenderChat = Callable[[list[Message], str], str]
Origin = Literal["frame", "memory", "card", "story", "note", "action", "told"]

MEMORY_SHARE = 0.4
NOTE_SHARE = 0.1
ACTION_SHARE = 0.2
TOLD_SHARE = 0.2
CARD_SHARE = 0.25
BLOCK_SHARE = 0.25
SHORT_ACTION_SHARE = 0.05

# A reply may take this much more than the narrator's max_tokens, to end where a sentence ends.
MARGIN = 0.5
CHARS_PER_TOKEN = 4

# Cards and the author's note stand one to this many turns before the end.
HINT_TURNS = 4

# Cards fire on words in this much of the latest text.
RECENT_LINES = 6
RECENT_CHARS = 3000

STYLE = (
    "You are the narrator of a text adventure. The player says what they do; you tell what happens "
    "next, in the second person and the present tense. Never act or speak for the player."
)
BEGIN = "Tell me the story."
GO_ON = "Go on."


class Piece(Plain):
    """A stretch of the prompt and where it comes from. `title` names a card."""

    origin: Origin
    text: str
    title: str = ""


class Firing(Plain):
    """A card that entered the prompt, and the key it fired on; a pinned one needs none."""

    title: str
    key: str = ""


class Report(Plain):
    """What the narrator was given. The texts of `pieces`, joined, are the prompt."""

    tokens: int
    window: int
    max_tokens: int
    pieces: tuple[Piece, ...]
    fired: tuple[Firing, ...] = ()
    left_out: tuple[str, ...] = ()  # titles of cards that fired and found no room
    cut: dict[str, int] = {}  # by origin: characters that found no room


@dataclass(frozen=True)
class BuiltPrompt:
    """A prompt ready for an engine."""

    text: str
    sampling: SamplingParams
    report: Report


class Line(NamedTuple):
    """A stretch of the story: what the player does, or what is told."""

    by_player: bool
    text: str


@dataclass(frozen=True)
class Given:
    """The parts of a prompt as they go in."""

    memory: str
    pinned: tuple[Card, ...]
    story: tuple[Line, ...]
    cards: tuple[Card, ...]
    note: str
    action: Line | None  # None: nothing was typed
    begun: str  # of the reply, told earlier or begun for the narrator
    fired: tuple[Firing, ...] = ()
    left_out: tuple[str, ...] = ()
    cut: dict[str, int] = field(default_factory=dict)


Render = Callable[[Given], str]


def build(
    request: GenerationRequest,
    narrator: Narrator,
    count: Count,
    render_chat: RenderChat,
    window: int,
) -> BuiltPrompt:
    """The prompt for a turn: with its reply never longer than `window`, in the engine's tokens.

    Raises ValueError where the window has no room for any prompt.
    """
    sampling = sampling_for(request, narrator, count, window)
    room = window - sampling.max_tokens

    def render(given: Given) -> str:
        if narrator.format == "transcript":
            return transcript(given)
        return chat(given, narrator.style, render_chat)

    def tokens(given: Given) -> int:
        return count(render(given))

    whole, spare, block = gather(request, narrator, count, room)
    given = fit(whole, spare, block, room, tokens)
    text = render(given)
    report = Report(
        tokens=count(text),
        window=window,
        max_tokens=sampling.max_tokens,
        pieces=tuple(coloured(text, given)),
        fired=given.fired,
        left_out=given.left_out,
        cut={origin: lost for origin, lost in given.cut.items() if lost},
    )
    return BuiltPrompt(text, sampling, report)


def sampling_for(
    request: GenerationRequest, narrator: Narrator, count: Count, window: int
) -> SamplingParams:
    """The sampling, with room to end the last sentence and without what is told already."""
    sampling = request.sampling or narrator.sampling
    wanted = int(sampling.max_tokens * (1 + MARGIN))
    if request.told:
        wanted = max(wanted - count(request.told), 16)
    return sampling.model_copy(update={"max_tokens": max(1, min(wanted, window // 2))})


def begun(request: GenerationRequest, narrator: Narrator) -> str:
    """What the prompt begins of the reply for the narrator: the first that the player reads."""
    return "" if request.told else narrator.begun.get(request.context.action.kind, "")


def reply_stream(request: GenerationRequest, narrator: Narrator) -> ReplyStream:
    """What turns the engine's raw text for this request into the reply that players read."""
    sampling = request.sampling or narrator.sampling
    action = request.context.action
    return ReplyStream(
        action.kind,
        action.action,
        request.told,
        enough=sampling.max_tokens * CHARS_PER_TOKEN,
        begun=begun(request, narrator),
    )


# ---- what goes in


def gather(
    request: GenerationRequest, narrator: Narrator, count: Count, room: int
) -> tuple[Given, int, int]:
    """The parts with the whole story, the tokens to leave free, and the block in characters."""
    context = request.context
    cut: dict[str, int] = {}

    def within(origin: Origin, text: str, share: float, keep: Literal["start", "end"]) -> str:
        kept = trimmed(text, int(room * share), count, keep)
        cut[origin] = len(text) - len(kept)
        return kept

    memory = within("memory", neutralise(context.memory).strip(), MEMORY_SHARE, "start")
    note = within("note", neutralise(context.authors_note).strip(), NOTE_SHARE, "start")
    told = within("told", neutralise_told(request.told), TOLD_SHARE, "end")
    action = line_of(context.action)
    if action is not None:
        text = within("action", action.text, ACTION_SHARE, "start")
        action = Line(action.by_player, text)
    story = tuple(lines_of(context.story))
    fixed = count(memory) + count(note) + int(room * ACTION_SHARE)
    card_room = max(0, min(int(room * CARD_SHARE), (room - fixed) // 2))
    pinned, card_room_left, no_room = taken(
        [card for card in context.cards if card.pinned], card_room, count
    )
    loose = [card for card in context.cards if not card.pinned]
    mentioned = fired(loose, recent_text(story, action, told))
    cards, _, no_room_either = taken([card for card, _ in mentioned], card_room_left, count)
    # By title: the order of their mentions changes from turn to turn, and the cache with it.
    cards = tuple(sorted(cards, key=lambda card: card.title))
    keys = {id(card): key for card, key in mentioned}
    spare = min(card_room_left, sum(count(card_text(card)) for card in loose))
    spare -= sum(count(card_text(card)) for card in cards)
    spare += max(0, int(room * SHORT_ACTION_SHARE) - (count(action.text) if action else 0))
    given = Given(
        memory=memory,
        pinned=pinned,
        story=story,
        cards=cards,
        note=note,
        action=action,
        begun=told or begun(request, narrator),
        fired=tuple(Firing(title=card.title) for card in pinned)
        + tuple(Firing(title=card.title, key=keys[id(card)]) for card in cards),
        left_out=tuple(card.title for card in (*no_room, *no_room_either)),
        cut=cut,
    )
    return given, max(0, spare), block_of(story, room, count)


def neutralise_told(told: str) -> str:
    """What was told ends the prompt exactly as it stands, so that the next word fits on."""
    return neutralise(told).rstrip() if told else ""


def lines_of(story: tuple[Passage, ...]) -> Iterator[Line]:
    """The story as the narrator reads it, oldest first, without empty lines."""
    for passage in story:
        action = line_of(passage)
        if action is not None:
            yield action
        reply = neutralise(passage.reply).strip()
        if reply:
            yield Line(False, reply)


def line_of(passage: Passage) -> Line | None:
    """What the player adds to the story; None for Continue."""
    shown = neutralise(shown_action(passage.kind, neutralise(passage.action))).strip()
    if not shown:
        return None
    return Line(passage.kind in ("do", "say"), shown)


def trimmed(text: str, limit: int, count: Count, keep: Literal["start", "end"]) -> str:
    """`text` in at most `limit` tokens, cut at a word, at the end of a sentence if one is near."""
    if not text or count(text) <= limit:
        return text
    low, high = 0, len(text)  # characters that fit, and that do not
    while high - low > 1:
        middle = (low + high) // 2
        part = text[:middle] if keep == "start" else text[-middle:]
        low, high = (middle, high) if count(part) <= limit else (low, middle)
    if not low:
        return ""
    part = text[:low] if keep == "start" else text[-low:]
    part = whole_words(part, keep)
    while part and count(part) > limit:  # fewer characters are not always fewer tokens
        part = part[: len(part) * 9 // 10] if keep == "start" else part[-(len(part) * 9 // 10) :]
        part = part if len(part) > 1 else ""
    return part


def whole_words(part: str, keep: Literal["start", "end"]) -> str:
    """`part` without the word or sentence that the cut went through."""
    if keep == "start":
        ends = [match.end() for match in re.finditer(r"[.!?…。！？][\"”’)」]*(?=\s|$)|\n", part)]
        if ends and ends[-1] > len(part) * 0.7:
            return part[: ends[-1]].rstrip()
        space = part.rfind(" ")
        return part[:space].rstrip() if space > len(part) * 0.7 else part
    return after_a_break(part, len(part) * 3 // 10)


def after_a_break(text: str, within: int) -> str:
    """`text` from the first sentence that begins in its first `within` characters, or a word."""
    head = text[:within]
    found = re.search(r"[.!?…][\"”’)]*\s+|[。！？]+[」』”’]?|\n+", head) or re.search(r"\s+", head)
    return text[found.end() :] if found else text


# ---- cards


def card_text(card: Card) -> str:
    return neutralise(card.text).strip()


def taken(
    cards: list[Card], room: int, count: Count
) -> tuple[tuple[Card, ...], int, tuple[Card, ...]]:
    """Those of `cards` that fit in `room` tokens, the room left, and those that do not fit."""
    inside: list[Card] = []
    outside: list[Card] = []
    for card in cards:
        text = card_text(card)
        if not text:
            continue
        size = count(text)
        if size <= room:
            room -= size
            inside.append(card)
        else:
            outside.append(card)
    return tuple(inside), room, tuple(outside)


def recent_text(story: tuple[Line, ...], action: Line | None, told: str) -> str:
    """The latest text, where cards are looked for."""
    lines = [line.text for line in story[-RECENT_LINES:]]
    if action is not None:
        lines.append(action.text)
    return "\n".join([*lines, told])[-RECENT_CHARS:]


def fired(cards: list[Card], recent: str) -> list[tuple[Card, str]]:
    """Cards whose keys are in the recent text, each with its key, most recently mentioned first."""
    recent = recent.casefold()
    places: list[tuple[int, int, str]] = []
    for index, card in enumerate(cards):
        mentions = [(last_mention(key, recent), key) for key in card.keys]
        place, key = max(mentions, default=(-1, ""), key=lambda mention: mention[0])
        if place >= 0:
            places.append((-place, index, key))
    return [(cards[index], key) for _, index, key in sorted(places)]


def last_mention(key: str, text: str) -> int:
    """Where `key` last ends, as whole words, in a casefolded `text`; -1 where it does not."""
    word = " ".join(key.casefold().split())
    if not word:
        return -1
    place = text.rfind(word)
    while place >= 0:
        end = place + len(word)
        before, after = text[place - 1 : place], text[end : end + 1]
        if apart(before, word[0]) and apart(word[-1], after):
            return end
        place = text.rfind(word, 0, end - 1)
    return -1


def apart(left: str, right: str) -> bool:
    """Whether a word may end between two characters. Scripts without spaces allow it anywhere."""
    if not left or not right or spaceless(left) or spaceless(right):
        return True
    return not (left.isalnum() and right.isalnum())


# ---- the cut


def block_of(story: tuple[Line, ...], room: int, count: Count) -> int:
    """A quarter of the room in characters, as the story's first line measures them.

    In characters, because counting the tokens of a whole long story takes long each turn; by the
    first line, because it stays when the story grows.
    """
    first = story[0].text[:2000] if story else ""
    ratio = len(first) / max(1, count(first)) if first else CHARS_PER_TOKEN
    return max(16, int(room * BLOCK_SHARE * min(max(ratio, 0.25), 8)))


def without_blocks(story: tuple[Line, ...], blocks: int, block: int) -> tuple[Line, ...]:
    """The story from the first sentence after `blocks` blocks. What remains stays as it is."""
    skip = blocks * block
    for index, line in enumerate(story):
        if skip <= 0:
            return story[index:]
        if skip < len(line.text) and not line.by_player:
            rest = after_a_break(line.text[skip:], block // 2).strip()
            return (Line(False, rest), *story[index + 1 :]) if rest else story[index + 1 :]
        skip -= len(line.text)
    return ()


def fit(whole: Given, spare: int, block: int, room: int, tokens: Callable[[Given], int]) -> Given:
    """`whole` with as little cut as needed to fit in `room`, `spare` tokens left free."""
    length = sum(len(line.text) for line in whole.story)

    def cut(blocks: int) -> Given:
        story = without_blocks(whole.story, blocks, block)
        lost = length - sum(len(line.text) for line in story)
        return replace(whole, story=story, cut={**whole.cut, "story": lost})

    def fits(given: Given, free: int) -> bool:
        return tokens(given) <= room - free

    # No text has more than 8 characters a token for long: more than that is not worth counting.
    fewest = max(0, -(-(length - room * 8) // block))
    most = -(-length // block)
    if fits(cut(fewest), spare):
        return cut(fewest)
    while most - fewest > 1:
        middle = (fewest + most) // 2
        fewest, most = (fewest, middle) if fits(cut(middle), spare) else (middle, most)
    given = cut(most)
    while not fits(given, 0):
        given = less(given)
    return given


def less(given: Given) -> Given:
    """A little less of what can be spared, when no story is left to cut.

    The shares leave room for the frame in any sensible window; this is for the others.
    """
    if given.cards:
        return replace(given, cards=given.cards[:-1], fired=given.fired[:-1])
    if given.pinned:
        return replace(given, pinned=given.pinned[:-1], fired=given.fired[:-1])
    action = given.action.text if given.action else ""
    longest = max(len(given.memory), len(given.note), len(action), len(given.begun))
    if longest == 0:
        raise ValueError("the narrator's context has no room for a prompt")
    if len(given.memory) == longest:
        return replace(given, memory=shorter(given.memory))
    if len(given.note) == longest:
        return replace(given, note=shorter(given.note))
    if len(given.begun) == longest:
        return replace(given, begun=given.begun[-(longest * 3 // 4) :] if longest > 1 else "")
    line = Line(given.action.by_player, shorter(action)) if given.action else None
    return replace(given, action=line if line and line.text else None)


def shorter(text: str) -> str:
    return text[: len(text) * 3 // 4].rstrip()


# ---- the formats


def transcript(given: Given) -> str:
    """The shape that AI Dungeon 2 was trained on: the story, and `> You …` lines between.

    Cards and the author's note stand a little before the end, where `settled` says.
    """
    front = [part for part in (given.memory, *map(card_text, given.pinned)) if part]
    story = [f"> {line.text}" if line.by_player else line.text for line in given.story]
    hints = [f"[{card_text(card)}]" for card in given.cards]
    if given.note:
        hints.append(f"[Author's note: {given.note}]")
    # Two lines a turn: what the player does, and what is told.
    place = settled(len(story) - 1, 2 * HINT_TURNS)
    parts = ["\n".join(front), *story[:place], *hints, *story[place:]]
    if given.action is not None:
        parts.append(f"> {given.action.text}" if given.action.by_player else given.action.text)
    text = "\n".join(part for part in parts if part)
    return f"{text}\n{given.begun}" if text else given.begun


def chat(given: Given, style: str, render_chat: RenderChat) -> str:
    """The model's own template: the game in the system message, the story as a conversation.

    Cards and the author's note stand in what the player said a little before, where `settled`
    says, so that the model answers the action and not the notes. (Measured with SmolLM2-135M:
    beside the action they are what it talks about; in a system message of their own it falls into
    the first person; and in the first one they would cost the engine's cache of the whole story
    whenever a card fires.)
    """
    front = (style or STYLE, given.memory, *map(card_text, given.pinned))
    turns: list[Message] = []
    for line in given.story:
        add(turns, "user" if line.by_player else "assistant", line.text)
    if given.action is None or not given.action.by_player:
        if given.action is not None:
            add(turns, "assistant", given.action.text)
        add(turns, "user", GO_ON)
    else:
        add(turns, "user", given.action.text)
    if turns[0].role == "assistant":
        turns.insert(0, Message("user", BEGIN))
    hints = " ".join([*map(card_text, given.cards), given.note]).strip()
    if hints:
        asked = [index for index, turn in enumerate(turns) if turn.role == "user"]
        index = asked[settled(len(asked) - 2, HINT_TURNS)]
        turns[index] = Message("user", f"{hints}\n\n{turns[index].content}")
    system = Message("system", "\n\n".join(part for part in front if part))
    return render_chat([system, *turns], given.begun)


def settled(place: int, step: int) -> int:
    """`place`, or a little before: it moves by `step` at once.

    Between two moves a prompt only grows at its end, and the engine finds all of it again. Hints
    that moved with every turn would have it read the last two turns anew each time.
    """
    return max(0, place // step * step)


def add(turns: list[Message], role: Literal["user", "assistant"], text: str) -> None:
    """Add to the conversation, in which the two sides take turns."""
    if turns and turns[-1].role == role == "user":
        turns[-1] = Message(role, f"{turns[-1].content}\n\n{text}")
        return
    if turns and turns[-1].role == role:
        turns.append(Message("user", GO_ON))
    turns.append(Message(role, text))


def coloured(text: str, given: Given) -> Iterator[Piece]:
    """The prompt as pieces of known origin, in order; what lies between is the format's frame."""
    fixed = [Piece(origin="memory", text=given.memory)]
    fixed += [Piece(origin="card", text=card_text(card), title=card.title) for card in given.pinned]
    fixed += [Piece(origin="story", text=line.text) for line in given.story]
    if given.action is not None:
        fixed.append(Piece(origin="action", text=given.action.text))
    # Where these stand among the story is the format's business: they are taken as they come.
    hints = [Piece(origin="card", text=card_text(card), title=card.title) for card in given.cards]
    hints.append(Piece(origin="note", text=given.note))
    lanes = [[piece for piece in lane if piece.text] for lane in (fixed, hints)]
    begin = 0
    end = len(text) - len(given.begun) if text.endswith(given.begun) else len(text)
    while any(lanes):
        places = [text.find(lane[0].text, begin, end) if lane else -1 for lane in lanes]
        for lane, place in zip(lanes, places, strict=True):
            if lane and place < 0:
                lane.pop(0)  # a template may have changed it
        found = [(place, lane) for place, lane in zip(places, lanes, strict=True) if place >= 0]
        if not found:
            continue
        place, lane = min(found, key=lambda each: each[0])
        piece = lane.pop(0)
        if place > begin:
            yield Piece(origin="frame", text=text[begin:place])
        yield piece
        begin = place + len(piece.text)
    if end > begin:
        yield Piece(origin="frame", text=text[begin:end])
    if end < len(text):
        yield Piece(origin="told", text=text[end:])
