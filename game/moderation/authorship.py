"""Whose words a turn's are. An edited reply stays the narrator's but for what was put into it."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from game.models import Edit, Kind, Turn, Words
from inference.reply import shown_action


@dataclass(frozen=True)
class Piece:
    """Some words in a row, and whose they are."""

    whose: Words
    text: str

    @property
    def by_player(self) -> bool:
        return self.whose == Words.PLAYER


@dataclass(frozen=True)
class Told:
    """A turn as staff reads it."""

    turn: Turn
    action: list[Piece]
    reply: list[Piece]
    reported: bool = False

    @property
    def pieces(self) -> list[Piece]:
        return [*self.action, *self.reply]


def attributed(turn: Turn, reported: bool = False) -> Told:
    """A turn in pieces, each with who wrote it."""
    shown = shown_action(turn.kind, turn.action)  # type: ignore[arg-type]
    action = [Piece(Words.PLAYER, shown)] if shown else []
    return Told(turn, action, list(reply_pieces(turn)), reported)


def reply_pieces(turn: Turn) -> Iterator[Piece]:
    """A reply in pieces, from what the narrator told and what is there now."""
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
    """An opening: the player's are what they filled in, or put in later, and a scenario of theirs.

    What somebody else's scenario says is not; nor is what cannot be told apart any more.
    """
    scenario = turn.adventure.scenario
    if scenario is None:
        yield Piece(Words.NARRATOR, turn.reply)
    elif turn.adventure.membership_set.filter(role="owner", player=scenario.author_id).exists():
        yield Piece(Words.PLAYER, turn.reply)
    else:
        yield from changed_pieces(scenario.opening, turn.reply)


def changed_pieces(before: str, after: str) -> Iterator[Piece]:
    """`after` in pieces: what stood in `before` is the narrator's, the rest the player's."""
    was, now = split(before), split(after)
    matcher = SequenceMatcher(None, was, now, autojunk=False)
    for tag, _, _, start, end in matcher.get_opcodes():
        text = "".join(now[start:end])
        if text:
            yield Piece(Words.NARRATOR if tag == "equal" else Words.PLAYER, text)


def split(text: str) -> list[str]:
    """Words with the white space after them."""
    found: list[str] = []
    for each in text:
        if found and (each.isspace() or not found[-1][-1].isspace()):
            found[-1] += each
        else:
            found.append(each)
    return found


def wrote(player_words: list[str], excerpt: str) -> bool:
    """Whether an excerpt stands in words of the player."""
    wanted = flat(excerpt)
    return bool(wanted) and any(wanted in flat(text) for text in player_words)


def flat(text: str) -> str:
    return " ".join(text.split()).casefold()


def players_words(turn: Turn) -> list[str]:
    """Everything in a turn that the player wrote, earlier wordings with it."""
    now = [piece.text for piece in attributed(turn).pieces if piece.by_player]
    earlier = turn.edits.filter(field=Edit.Field.ACTION).values_list("before", flat=True)
    return [*now, turn.action, *earlier]
