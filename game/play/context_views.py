"""Prompt reports for pages: the parts of a turn's prompt with their origins and texts."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from game.models import Edit, RecallMark, StoryCard, Turn, TurnContext
from game.play import dice, tree
from inference.contract.prompt_report import Part, PromptReport, report_fields, text_of, unpack
from inference.contract.request import Passage
from inference.prompts.formats import HIDDEN
from inference.prompts.lines import lines_of
from inference.reply.third_person import worded_action


def context_data(stored: TurnContext) -> dict[str, Any]:
    """The stored prompt report of a turn, its parts with their texts."""
    details = unpack(stored.details)
    turn = stored.turn
    data = report_fields(details)
    data["left_out"] = seen_titles(turn, data["left_out"])
    data["passed_over"] = seen_cards(turn, data["passed_over"])
    data.update(
        turn=str(turn.pk),
        attempt=turn.attempt,
        told_tokens=stored.tokens,
        seconds=round(stored.seconds, 3),
        first_token_seconds=stored.first_token_seconds and round(stored.first_token_seconds, 3),
        created=turn.created.isoformat(),
        told=turn.told.isoformat() if turn.told else None,
        parts=parts_data(details, turn),
        recalled=recalled_data(details, turn),
    )
    return data


def recalled_data(details: PromptReport, turn: Turn) -> list[dict[str, Any]]:
    """The old turns of which the prompt has sentences, oldest first, with the player's marks.

    After them come the other turns of this path that the player has marked, without text.
    """
    marks = {
        str(pk): mark
        for pk, mark in RecallMark.objects.filter(turn__adventure=turn.adventure_id).values_list(
            "turn", "mark"
        )
    }
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for part in details.parts:
        if part.origin == "earlier":
            texts[recalled_turn(part.title)[1]].append(part.text)
    recalled = [
        {
            "turn": each.turn,
            "number": each.number,
            "text": " ".join(texts[each.turn]),
            "score": each.score,
            "reason": each.reason,
            "mark": marks.pop(each.turn, ""),
        }
        for each in details.recalled
    ]
    path = [str(pk) for pk in tree.whole_path(turn.pk)] if marks else []
    others = [
        {"turn": pk, "number": number, "text": "", "score": 0, "reason": "", "mark": marks[pk]}
        for number, pk in enumerate(path)
        if pk in marks
    ]
    return recalled + others


def recalled_turn(title: str) -> tuple[int, str]:
    """The number and the id of the turn in the title of a piece of recalled text."""
    number, _colon, turn = title.partition(":")
    return int(number), turn


def sampling_labels(sampling: dict[str, Any] | None) -> dict[str, Any]:
    """The sampling of a turn, without settings that had no effect."""
    if not sampling:
        return {}
    off = {"typical_p": 1, "repetition_penalty": 1}
    labels = {
        name: value
        for name, value in sampling.items()
        if value not in (None, [], {}, 0, False) and value != off.get(name)
    }
    if sampling["temperature"] == 0:
        labels["temperature"] = 0  # greedy
    groups = {"dry_": "dry_multiplier", "xtc_": "xtc_probability"}
    for name in list(labels):
        switch = groups.get(name[:4])
        if (switch and not sampling.get(switch)) or name in ("dry_breakers", "worn", "not_first"):
            del labels[name]
    if biases := labels.pop("logit_bias", None):
        labels["logit_bias"] = ", ".join(f"“{text}” {bias:+g}" for text, bias in biases.items())
    return labels


def seen_titles(turn: Turn, titles: Iterable[str]) -> list[str]:
    """Those of the titles of unused cards that players may see."""
    cards = StoryCard.objects.filter(adventure=turn.adventure_id, hidden=True)
    hidden = set(cards.values_list("title", flat=True))
    return [title for title in titles if title not in hidden]


def seen_cards(turn: Turn, cards: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the cards of a report that players may see, by their titles."""
    seen = set(seen_titles(turn, [each["title"] for each in cards])) if cards else ()
    return [each for each in cards if each["title"] in seen]


def parts_data(details: PromptReport, turn: Turn) -> list[dict[str, Any]]:
    """The parts of the prompt in order. `exact` is false if a text was not kept as it was."""
    ids: list[UUID] = []
    if turn.parent_id is not None and details.passages:
        ids = tree.path_ids(turn.parent_id, details.passages)
    needed = {part.passage for part in details.parts if part.passage is not None}
    texts = Texts([ids[index] for index in needed if index < len(ids)])
    result = []
    for part in details.parts:
        one: dict[str, Any] = {"origin": part.origin, "text": part.text, "exact": True}
        if part.origin == "earlier":
            one["number"], one["turn"] = recalled_turn(part.title)
        elif part.title:
            one["title"] = part.title
        if part.origin == "world" and part.title == HIDDEN:
            one["text"] = _("(hidden until the story reveals it)")
        if part.passage is not None and part.passage < len(ids):
            one["turn"] = str(ids[part.passage])
            one["text"], one["exact"] = text_of(part, texts.of(ids[part.passage], part))
        result.append(one)
    return result


class Texts:
    """Current and earlier texts of turns, as lines of the prompt."""

    def __init__(self, ids: list[UUID]) -> None:
        self.turns = Turn.objects.in_bulk(ids)
        self.before: defaultdict[tuple[UUID, str], list[str]] = defaultdict(list)
        edits = Edit.objects.filter(turn_id__in=ids).values_list("turn_id", "field", "before")
        for turn_id, field, before in edits:
            self.before[turn_id, field].append(before)

    def of(self, turn_id: UUID, part: Part) -> list[str]:
        """The texts of one side of a turn, the current one first."""
        turn = self.turns[turn_id]
        present = {
            "action": turn.action,
            "reply": turn.reply,
            "dice": dice.outcome_line(turn.dice),
        }
        texts = [present[part.side], *self.before[turn_id, part.side]]
        return [
            line.text
            for text in texts
            for line in lines_of((passage(turn, part.side, text),))
            if line.side == part.side
        ]


def passage(turn: Turn, side: str, text: str) -> Passage:
    """One side of a turn alone, as a passage of the prompt."""
    if side == "action":
        return Passage(
            kind=turn.kind,  # type: ignore[arg-type]
            action=worded_action(turn.kind, text, turn.character),
            player=turn.character,
        )
    if side == "reply":
        return Passage(kind=turn.kind, reply=text)  # type: ignore[arg-type]
    return Passage(kind=turn.kind, outcome=text)  # type: ignore[arg-type]
