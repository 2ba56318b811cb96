"""The two prompt formats, shared by serving and training. Pure.

`transcript` for base models, in the shape that AI Dungeon 2 was trained on, and `chat` for instruct
models, in their own template.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from inference.contract.request import Card
from inference.engines.base import Message
from inference.prompts.cards import card_text
from inference.prompts.parts import Given, Line, Origin, Piece

RenderChat = Callable[[list[Message], str], str]

# Summary, cards and the author's note stand one to this many turns before the end.
HINT_TURNS = 4

STYLE = (
    "You are the narrator of a text adventure. The player says what they do; you tell what happens "
    "next, in the second person and the present tense. Never act or speak for the player."
)
BEGIN = "Tell me the story."
ANOTHER = "Now tell me another story."
GO_ON = "Go on."
SO_FAR = "The story so far: "


# ---- transcript


def transcript(given: Given) -> list[Piece]:
    """The shape that AI Dungeon 2 was trained on: the story, and `> You …` lines between.

    Summary, cards and the author's note stand a little before the end, where `settled` says; what
    the dice decide stands in brackets below the action.
    """
    story = [in_transcript(line) for line in given.story]
    hints = [[frame("["), *hint, frame("]")] for hint in hints_of(given, "Author's note: ")]
    # Two lines a turn: what the player does, and what is told.
    place = settled(len(story) - 1, 2 * HINT_TURNS)
    parts = [[piece] for piece in front_of(given)]
    parts += [*story[:place], *hints, *story[place:]]
    parts += [[frame("["), card_piece(card), frame("]")] for card in given.newest_cards]
    if given.action is not None:
        parts.append(in_transcript(given.action))
    if given.dice:
        parts.append([frame("["), Piece(origin="dice", text=given.dice), frame("]")])
    pieces = joined(parts, "\n")
    if pieces:
        pieces.append(frame("\n"))
    if given.begun:
        pieces.append(Piece(origin="told", text=given.begun))
    return list(tidy(pieces))


def in_transcript(line: Line) -> list[Piece]:
    if line.by == "player":
        return [frame("> "), piece_of(line)]
    if line.by == "dice":
        return [frame("["), piece_of(line), frame("]")]
    return [piece_of(line)]


# ---- chat


@dataclass
class Said:
    """One message of a chat, as pieces."""

    role: Literal["system", "user", "assistant"]
    pieces: list[Piece]

    @property
    def message(self) -> Message:
        return Message(self.role, text_of(self.pieces))


# What a reply to each kind of action is like, for models that learn more from that than from being
# told. Nothing in it is likely to be in a player's story.
EXAMPLE: tuple[tuple[str, str], ...] = (
    (
        BEGIN,
        "The ferry has stopped in the fog. Odile, the mate, is hitting the engine with a spoon.",
    ),
    (
        "You look over the side.",
        "The water is as flat as tin. Something pale goes by under it, longer than the ferry, and "
        "takes its time. Behind you the spoon has stopped.",
    ),
    (
        'You say "What was that?"',
        '"The reason we carry goats," says Odile. She wipes the spoon on her sleeve and looks '
        "along the deck. The pen is open. You count one goat. There were two.",
    ),
)


def chat(given: Given, style: str, example: bool = False, reminder: str = "") -> list[Said]:
    """The game in the system message, the story as a conversation.

    `reminder` stands after the action, in the newest message alone.

    Summary, cards and the author's note stand in what the player said a little before, where
    `settled` says, so that the model answers the action and not the notes. (Measured with
    SmolLM2-135M: beside the action they are what it talks about; in a system message of their own
    it falls into the first person; and in the first one they would cost the engine's cache of the
    whole story whenever a card fires.)
    """
    turns: list[Said] = []
    for line in given.story:
        add(turns, "assistant" if line.by == "narrator" else "user", in_chat(line))
    if given.action is not None:
        add(turns, "assistant" if given.action.by == "narrator" else "user", in_chat(given.action))
    if given.dice:
        decided = Line("dice", given.dice)
        add(turns, "user", in_chat(decided))
    elif given.action is None or given.action.by == "narrator":
        add(turns, "user", [frame(GO_ON)])
    if turns[0].role == "assistant":
        turns.insert(0, Said("user", [frame(ANOTHER if example else BEGIN)]))
    if given.newest_cards:
        cards = joined([[card_piece(card)] for card in given.newest_cards], " ")
        turns[-1].pieces = [*cards, frame("\n\n"), *turns[-1].pieces]
    if reminder:
        turns[-1].pieces += [frame(f"\n\n{reminder}")]
    hints = joined(hints_of(given, ""), " ")
    if hints:
        asked = [turn for turn in turns if turn.role == "user"]
        turn = asked[settled(len(asked) - 2, HINT_TURNS)]
        turn.pieces = [*hints, frame("\n\n"), *turn.pieces]
    front = joined([[piece] for piece in (frame(style or STYLE), *front_of(given))], "\n\n")
    shown: list[Said] = []
    for question, answer in EXAMPLE if example else ():
        shown += [Said("user", [frame(question)]), Said("assistant", [frame(answer)])]
    return [Said("system", front), *shown, *turns]


def in_chat(line: Line) -> list[Piece]:
    if line.by == "dice":
        return [frame("("), piece_of(line), frame(")")]
    return [piece_of(line)]


def add(turns: list[Said], role: Literal["user", "assistant"], pieces: list[Piece]) -> None:
    """Add to the conversation, in which the two sides take turns."""
    if turns and turns[-1].role == role == "user":
        turns[-1].pieces += [frame("\n\n"), *pieces]
        return
    if turns and turns[-1].role == role:
        turns.append(Said("user", [frame(GO_ON)]))
    turns.append(Said(role, pieces))


def chat_text(said: list[Said], begun: str, render_chat: RenderChat) -> str:
    return render_chat([each.message for each in said], begun)


def chat_pieces(said: list[Said], begun: str, render_chat: RenderChat) -> list[Piece]:
    """The rendered chat as pieces: the template is rendered once more around marks.

    A template that does something to what was said, other than to frame it, is one piece.
    """
    text = chat_text(said, begun, render_chat)
    marks = [f"\ue000{index}\ue001" for index in range(len(said))]
    around = render_chat(
        [Message(each.role, mark) for each, mark in zip(said, marks, strict=True)], begun
    )
    pieces: list[Piece] = []
    for each, mark in zip(said, marks, strict=True):
        before, found, around = around.partition(mark)
        if not found:
            return [frame(text)]
        pieces += [frame(before), *each.pieces]
    if begun and around.endswith(begun):
        pieces += [frame(around.removesuffix(begun)), Piece(origin="told", text=begun)]
    else:
        pieces.append(frame(around))
    return list(tidy(pieces)) if text_of(pieces) == text else [frame(text)]


# ---- both


def front_of(given: Given) -> list[Piece]:
    """What stands in front and stays: memory and pinned cards."""
    memory = [Piece(origin="memory", text=given.memory)] if given.memory else []
    return memory + [card_piece(card) for card in given.pinned]


def hints_of(given: Given, note_label: str) -> list[list[Piece]]:
    """What changes, and so stands late: summary, fired cards, author's note.

    Cards by title: the order of their mentions changes from turn to turn, and the cache with it.
    """
    hints: list[list[Piece]] = []
    if given.summary:
        hints.append([frame(SO_FAR), Piece(origin="summary", text=given.summary)])
    hints += [[card_piece(card)] for card in sorted(given.cards, key=lambda card: card.title)]
    if given.note:
        note = Piece(origin="note", text=given.note)
        hints.append([frame(note_label), note] if note_label else [note])
    return hints


def settled(place: int, step: int) -> int:
    """`place`, or a little before: it moves by `step` at once.

    Between two moves a prompt only grows at its end, and the engine finds all of it again. Hints
    that moved with every turn would have it read the last two turns anew each time.
    """
    return max(0, place // step * step)


def card_piece(card: Card) -> Piece:
    return Piece(origin="card", text=card_text(card), title=card.title)


def piece_of(line: Line) -> Piece:
    """A line of the story, or of the action to be answered, which is of no passage of it."""
    origin: Origin = "dice" if line.by == "dice" else "action" if line.passage is None else "story"
    return Piece(
        origin=origin, text=line.text, passage=line.passage, side=line.side, skip=line.skip
    )


def frame(text: str) -> Piece:
    """What belongs to the format."""
    return Piece(origin="frame", text=text)


def joined(parts: Iterable[list[Piece]], separator: str) -> list[Piece]:
    """All that have something in them, with `separator` between."""
    pieces: list[Piece] = []
    for part in parts:
        if text_of(part):
            pieces += [frame(separator), *part] if pieces else part
    return pieces


def tidy(pieces: list[Piece]) -> Iterator[Piece]:
    """Without empty pieces, and neighbours of the frame as one."""
    waiting = ""
    for piece in pieces:
        if piece.origin == "frame":
            waiting += piece.text
            continue
        if waiting:
            yield frame(waiting)
            waiting = ""
        if piece.text:
            yield piece
    if waiting:
        yield frame(waiting)


def text_of(pieces: Iterable[Piece]) -> str:
    return "".join(piece.text for piece in pieces)
