"""The two prompt formats, shared by serving and training. Pure.

`transcript` for base models, in the shape that AI Dungeon 2 was trained on, and `chat` for instruct
models, in their own template.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from inference.contract.request import Card
from inference.engines.base import Message
from inference.prompts.cards import card_text
from inference.prompts.parts import Given, Line, Origin, Piece

RenderChat = Callable[[list[Message], str], str]

# Summary, cards and the author's note are inserted one to this many turns before the end.
INSERTION_TURNS = 4

STYLE = (
    "You are the narrator of a text adventure. The player says what they do; you tell what happens "
    "next, in the second person and the present tense. Never act or speak for the player."
)
BEGIN = "Tell me the story."
ANOTHER = "Now tell me another story."
GO_ON = "Go on."
SO_FAR = "The story so far: "
EARLIER = "Earlier: "
NOW = "Now: "
HIDDEN = "hidden"  # the title of what players do not know yet


# ---- transcript


def transcript(given: Given) -> list[Piece]:
    """The format that AI Dungeon 2 was trained on: the story with `> You …` lines.

    Summary, cards and the author's note are inserted a little before the end, where `stable_place`
    says, or where `Given.beside_action` says; the outcome of the dice is in brackets below the
    action.
    """
    note_label = "Author's note: "
    story = [in_transcript(line) for line in given.story]
    if given.beside_action:
        story = with_placed_cards(given, story, bracketed([note_part(given, note_label)]))
    else:
        insertions = bracketed(changing_parts(given, note_label))
        # Two lines per turn: action and reply.
        place = stable_place(len(story) - 1, 2 * INSERTION_TURNS)
        story = [*story[:place], *insertions, *story[place:]]
    parts = [*constant_parts(given), *story]
    parts += [part for group in newest_parts(given) for part in bracketed(group)]
    if given.action is not None:
        parts.append(in_transcript(given.action))
    if given.dice:
        parts.append([frame("["), Piece(origin="dice", text=given.dice), frame("]")])
    if given.fact:
        parts.append([frame(f"[{given.fact}]")])
    pieces = joined(parts, "\n")
    if pieces:
        pieces.append(frame("\n"))
    if given.begun:
        pieces.append(Piece(origin="told", text=given.begun))
    return list(tidy(pieces))


def bracketed(parts: list[list[Piece]]) -> list[list[Piece]]:
    """Each part that is not empty in brackets."""
    return [[frame("["), *part, frame("]")] for part in parts if part]


def with_placed_cards(
    given: Given, story: list[list[Piece]], note: list[list[Piece]]
) -> list[list[Piece]]:
    """The lines of a transcript with the placed cards in front of their passages.

    The note stands in front of the newest passage.
    """
    newest = given.story[-1].passage if given.story else None
    lines: list[list[Piece]] = []
    before: int | None = None
    for line, pieces in zip(given.story, story, strict=True):
        if line.passage is not None and line.passage != before:
            lines += note if line.passage == newest else []
            lines += [part for group in cards_at(given, line.passage) for part in bracketed(group)]
        before = line.passage
        lines.append(pieces)
    return lines if given.story else note


def in_transcript(line: Line) -> list[Piece]:
    """A line of the story as pieces of a transcript."""
    if line.by == "player":
        return [frame("> "), piece_of(line)]
    if line.by == "dice":
        return [frame("["), piece_of(line), frame("]")]
    return [piece_of(line)]


# ---- chat


@dataclass
class ChatMessage:
    """One message of a chat, as pieces."""

    role: Literal["system", "user", "assistant"]
    pieces: list[Piece]

    @property
    def message(self) -> Message:
        """The message with its text."""
        return Message(self.role, text_of(self.pieces))


# Example replies, for models that follow examples better than instructions. Nothing in them is
# likely to be in a player's story.
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


def chat(given: Given, style: str, example: bool = False, reminder: str = "") -> list[ChatMessage]:
    """The instructions in the system message, the story as a conversation.

    `reminder` follows the action, in the last message alone.

    Summary, cards and the author's note are part of an earlier user message, where `stable_place`
    says, so that the model answers the action and not the notes. (Measured with SmolLM2-135M:
    beside the action it writes about them; in a system message of their own it changes to the first
    person; in the first one they would invalidate the whole cache whenever a card fires.) With
    `Given.beside_action` they stand where its docstring says.
    """
    turns = conversation(given)
    if given.action is not None:
        add(turns, "assistant" if given.action.by == "narrator" else "user", in_chat(given.action))
    if given.dice:
        decided = Line("dice", given.dice)
        add(turns, "user", in_chat(decided))
    elif given.action is None or given.action.by == "narrator":
        add(turns, "user", [frame(GO_ON)])
    if turns[0].role == "assistant":
        turns.insert(0, ChatMessage("user", [frame(ANOTHER if example else BEGIN)]))
    for parts in newest_parts(given)[::-1]:
        put_in_front(turns[-1], parts)
    if reminder:
        turns[-1].pieces += [frame(f"\n\n{reminder}")]
    if given.fact:
        turns[-1].pieces += [frame(f"\n\n({given.fact})")]
    asked = [turn for turn in turns if turn.role == "user"]
    if given.beside_action:
        # In front of the newest action it would be obeyed to the letter: "Short sentences." made
        # the replies of a model of 1.5B a third shorter.
        put_in_front(asked[-2:][0], [part for part in [note_part(given, "")] if part])
    else:
        place = stable_place(len(asked) - 2, INSERTION_TURNS)
        put_in_front(asked[place], changing_parts(given, ""))
    front = joined([[frame(style or STYLE)], *constant_parts(given)], "\n\n")
    shown: list[ChatMessage] = []
    for question, answer in EXAMPLE if example else ():
        shown += [ChatMessage("user", [frame(question)]), ChatMessage("assistant", [frame(answer)])]
    return [ChatMessage("system", front), *shown, *turns]


def conversation(given: Given) -> list[ChatMessage]:
    """The story as a conversation, with the placed cards in front of their actions."""
    turns: list[ChatMessage] = []
    for passage, lines in groupby(given.story, key=lambda line: line.passage):
        cards = [] if passage is None else [part for part in cards_at(given, passage) if part]
        for line in lines:
            if cards and line.side == "reply":
                if not turns or turns[-1].role != "user":
                    turns.append(ChatMessage("user", [frame(GO_ON)]))
                while cards:
                    put_in_front(turns[-1], cards.pop())
            add(turns, "assistant" if line.by == "narrator" else "user", in_chat(line))
        for parts in cards:  # a turn without a reply
            add(turns, "user", joined(parts, " "))
    return turns


def put_in_front(message: ChatMessage, parts: list[list[Piece]]) -> None:
    """Put parts in front of a message, as a paragraph."""
    if parts:
        message.pieces = [*joined(parts, " "), frame("\n\n"), *message.pieces]


def in_chat(line: Line) -> list[Piece]:
    """A line of the story as pieces of a message."""
    if line.by == "dice":
        return [frame("("), piece_of(line), frame(")")]
    return [piece_of(line)]


def add(turns: list[ChatMessage], role: Literal["user", "assistant"], pieces: list[Piece]) -> None:
    """Add to the conversation, in which user and assistant alternate."""
    if turns and turns[-1].role == role == "user":
        turns[-1].pieces += [frame("\n\n"), *pieces]
        return
    if turns and turns[-1].role == role:
        turns.append(ChatMessage("user", [frame(GO_ON)]))
    turns.append(ChatMessage(role, pieces))


def chat_text(messages: list[ChatMessage], begun: str, render_chat: RenderChat) -> str:
    """The chat in the template of the model."""
    return render_chat([each.message for each in messages], begun)


def chat_pieces(messages: list[ChatMessage], begun: str, render_chat: RenderChat) -> list[Piece]:
    """The rendered chat as pieces, found by rendering the template again around marks.

    A template that changes the contents of messages gives one piece.
    """
    text = chat_text(messages, begun, render_chat)
    marks = [f"\ue000{index}\ue001" for index in range(len(messages))]
    around = render_chat(
        [Message(each.role, mark) for each, mark in zip(messages, marks, strict=True)], begun
    )
    pieces: list[Piece] = []
    for each, mark in zip(messages, marks, strict=True):
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


def constant_parts(given: Given) -> list[list[Piece]]:
    """The parts at the beginning: memory, pinned cards, and the summary where it stands there."""
    memory = [Piece(origin="memory", text=given.memory)] if given.memory else []
    summary = summary_part(given) if given.beside_action else []
    pinned = sorted(given.pinned, key=lambda card: card.options.order)
    return [memory, *([card_piece(card)] for card in pinned), summary]


def changing_parts(given: Given, note_label: str) -> list[list[Piece]]:
    """The parts that change, and so come late: summary, fired cards, author's note.

    Cards are by their order and then their titles: the order of their mentions changes from turn to
    turn, which would invalidate the cache.
    """
    cards = [[card_piece(card)] for card in sorted(given.cards, key=order_and_title)]
    parts = [
        summary_part(given),
        earlier_part(given),
        *cards,
        world_part(given),
        note_part(given, note_label),
    ]
    return [part for part in parts if part]


def newest_parts(given: Given) -> list[list[list[Piece]]]:
    """The parts in front of the newest action: those that do not depend on it, and the others.

    What does not depend on the action is read ahead while the player types.
    """
    if not given.beside_action:
        return []
    of_reply, of_action = cards_at(given, given.passages)
    known = [
        *of_reply,
        earlier_part(given, by_action=False),
        world_part(given, by_action=False),
    ]
    asked = [earlier_part(given, by_action=True), world_part(given, by_action=True), *of_action]
    return [[part for part in parts if part] for parts in (known, asked)]


def cards_at(given: Given, passage: int) -> list[list[list[Piece]]]:
    """The cards that are placed at a passage: those that the reply before it mentions, and those
    that its action mentions."""
    here = [each for each in given.placed if each.passage == passage]
    return [
        [[card_piece(each.card)] for each in here if each.by_action == by_action]
        for by_action in (False, True)
    ]


def summary_part(given: Given) -> list[Piece]:
    """The summary with its label; empty without one."""
    if not given.summary:
        return []
    return [frame(SO_FAR), Piece(origin="summary", text=given.summary)]


def note_part(given: Given, label: str) -> list[Piece]:
    """The author's note with a label; empty without one."""
    if not given.note:
        return []
    return [*([frame(label)] if label else []), Piece(origin="note", text=given.note)]


def earlier_part(given: Given, by_action: bool | None = None) -> list[Piece]:
    """The recalled sentences with their label; all, or those that the action found or did not."""
    pieces = [
        [Piece(origin="earlier", text=each.text, title=f"{each.number}:{each.turn}")]
        for each in given.earlier
        if by_action in (None, each.by_action)
    ]
    return [frame(EARLIER), *joined(pieces, " ")] if pieces else []


def world_part(given: Given, by_action: bool | None = None) -> list[Piece]:
    """The state of the world with its label; all, or what the action makes important or not."""
    pieces = [
        [Piece(origin="world", text=each.text, title=HIDDEN if each.hidden else "")]
        for each in given.world
        if by_action in (None, each.by_action)
    ]
    return [frame(NOW), *joined(pieces, " ")] if pieces else []


def stable_place(place: int, step: int) -> int:
    """`place` rounded down to a multiple of `step`, at least 0.

    While the place stays, a prompt only grows at its end, and the cache holds all before. If it
    moved with every turn, the last two turns would be computed again each time.
    """
    return max(0, place // step * step)


def order_and_title(card: Card) -> tuple[int, str]:
    """Where a card stands among others: the more important later."""
    return card.options.order, card.title


def card_piece(card: Card) -> Piece:
    """The piece of a card."""
    return Piece(origin="card", text=card_text(card), title=card.title)


def piece_of(line: Line) -> Piece:
    """The piece of a line of the story, or of the action, which belongs to no passage."""
    origin: Origin = "dice" if line.by == "dice" else "action" if line.passage is None else "story"
    return Piece(
        origin=origin, text=line.text, passage=line.passage, side=line.side, skip=line.skip
    )


def frame(text: str) -> Piece:
    """Text that belongs to the format."""
    return Piece(origin="frame", text=text)


def joined(parts: Iterable[list[Piece]], separator: str) -> list[Piece]:
    """The parts that are not empty, with `separator` between."""
    pieces: list[Piece] = []
    for part in parts:
        if text_of(part):
            pieces += [frame(separator), *part] if pieces else part
    return pieces


def tidy(pieces: list[Piece]) -> Iterator[Piece]:
    """The pieces without empty ones, and with adjacent frame pieces merged."""
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
    """The text of the pieces, joined."""
    return "".join(piece.text for piece in pieces)
