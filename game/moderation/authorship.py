"""Attributes the words of a turn to the player or the narrator.

Of an edited reply only the inserted words are the player's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from game.models import Edit, Kind, Turn, Words
from game.play.wording import shown_turn
from game.state.worlds import changes_of
from inference.contract.world import WorldChange


@dataclass(frozen=True)
class Piece:
    """Consecutive words by one author."""

    whose: Words
    text: str

    @property
    def by_player(self) -> bool:
        """Whether the player wrote them, for templates."""
        return self.whose == Words.PLAYER


@dataclass(frozen=True)
class AttributedTurn:
    """A turn in pieces, each with its author."""

    turn: Turn
    action: list[Piece]
    reply: list[Piece]
    reported: bool = False
    chapter: str = ""  # the title of the chapter that ends with it: the player's words
    world: tuple[str, ...] = ()  # what the player changed in the state of the world

    @property
    def pieces(self) -> list[Piece]:
        """The pieces of the action, then those of the reply."""
        return [*self.action, *self.reply]


def attribute_turn(turn: Turn, reported: bool = False, chapter: str = "") -> AttributedTurn:
    """Split a turn into pieces by who wrote them."""
    text = shown_turn(turn)
    action = [Piece(Words.PLAYER, text)] if text else []
    return AttributedTurn(turn, action, list(reply_pieces(turn)), reported, chapter)


def reply_pieces(turn: Turn) -> Iterator[Piece]:
    """The pieces of a reply: what the narrator wrote, and what an edit inserted."""
    if not turn.reply:
        return
    if turn.kind == Kind.OPENING and not turn.narrator:
        yield from opening_pieces(turn)
        return
    first = turn.edits.filter(field=Edit.Field.REPLY).order_by("at", "pk").first()
    if first is None:
        yield Piece(Words.NARRATOR, turn.reply)
        return
    yield from changed_pieces(first.before, turn.reply)


def opening_pieces(turn: Turn) -> Iterator[Piece]:
    """The pieces of an opening.

    The player's are their answers, their edits, and all of it in a scenario of theirs. Text whose
    author cannot be determined counts as the narrator's.
    """
    scenario = turn.adventure.scenario
    if scenario is None:
        yield Piece(Words.NARRATOR, turn.reply)
    elif turn.adventure.membership_set.filter(role="owner", player=scenario.author_id).exists():
        yield Piece(Words.PLAYER, turn.reply)
    else:
        openings = [scenario.opening, *scenario.more_openings]
        yield from min(
            (list(changed_pieces(each, turn.reply)) for each in openings), key=players_share
        )


def players_share(pieces: list[Piece]) -> int:
    """How many characters of these pieces are the player's."""
    return sum(len(piece.text) for piece in pieces if piece.by_player)


def changed_pieces(before: str, after: str) -> Iterator[Piece]:
    """The pieces of `after`: what is in `before` too is the narrator's, the rest the player's."""
    old, new = split_words(before), split_words(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, _, _, start, end in matcher.get_opcodes():
        text = "".join(new[start:end])
        if text:
            yield Piece(Words.NARRATOR if tag == "equal" else Words.PLAYER, text)


def split_words(text: str) -> list[str]:
    """Words, each with the white space after it."""
    found: list[str] = []
    for each in text:
        if found and (each.isspace() or not found[-1][-1].isspace()):
            found[-1] += each
        else:
            found.append(each)
    return found


def contains_excerpt(player_words: list[str], excerpt: str) -> bool:
    """Whether an excerpt is part of a player's text, ignoring case and spacing."""
    searched = normalise(excerpt)
    return bool(searched) and any(searched in normalise(text) for text in player_words)


def normalise(text: str) -> str:
    """The text with single spaces and in one case, for comparing."""
    return " ".join(text.split()).casefold()


def players_words(turn: Turn) -> list[str]:
    """All texts in a turn that the player wrote, earlier versions too."""
    current = [piece.text for piece in attribute_turn(turn).pieces if piece.by_player]
    earlier = turn.edits.filter(field=Edit.Field.ACTION).values_list("before", flat=True)
    world = [text for change in own_changes(turn) for text in (change.name, change.value)]
    return [*current, turn.action, *earlier, *world]


def own_changes(turn: Turn) -> list[WorldChange]:
    """The player's changes of the state of the world at a turn."""
    return [change for change in changes_of(turn.pk) if change.source == "player"]
