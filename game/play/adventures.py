"""Begins, renames, configures and purges adventures."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from game.cards.card_import import LONGEST_TITLE
from game.cards.options import LONGEST_KEY
from game.library import ratings
from game.library.placeholders import FilledPlaceholders
from game.models import (
    LONGEST_MEMORY,
    LONGEST_NOTE,
    LONGEST_OPENING,
    LONGEST_TEXT,
    Adventure,
    Kind,
    Membership,
    Player,
    Scenario,
    Status,
    StoryCard,
    Turn,
)
from game.moderation import limits, screening
from game.play import edits, narration
from game.play.changes import change_adventure, publish_fields
from game.play.endings import stop_turn_under_way
from game.play.events import delete_keys_on_commit
from game.play.protocol import clean_text
from game.recall import search
from game.state import beginnings
from game.tastes.writer import WriterSettings


@screening.record_rejections()
def begin(
    player: Player, scenario: Scenario, answers: dict[str, str], opening_number: int = 0
) -> Adventure:
    """Begin an adventure from a scenario, with the player's answers to its questions.

    `opening_number`: 0 for its first opening, 1 for the first of the others.

    Raises Refused if an answer breaks a rule, or the scenario exceeds the player's audience limit.
    """
    filled = FilledPlaceholders(scenario, answers)
    template = [scenario.opening, *scenario.more_openings][opening_number]
    limits.refuse_beyond(player, scenario.audience)
    with transaction.atomic():
        screening.screen(list(answers.values()), "answer", player, audience=scenario.audience)
        adventure = Adventure.objects.create(
            title=scenario.title,
            audience=scenario.audience,
            scenario=scenario,
            narrator=narration.draw_narrator(),
            memory=filled.text(scenario.memory, LONGEST_MEMORY),
            authors_note=filled.text(scenario.authors_note, LONGEST_NOTE),
            first_actions=[
                {**action, "text": filled.text(action["text"], LONGEST_TEXT)}
                for action in scenario.first_actions
            ],
        )
        Membership.objects.create(player=player, adventure=adventure)
        StoryCard.objects.bulk_create(
            StoryCard(
                adventure=adventure,
                title=filled.text(card.title, LONGEST_TITLE),
                keys=[filled.text(key, LONGEST_KEY) for key in card.keys],
                text=filled.text(card.text, LONGEST_NOTE),
                pinned=card.pinned,
                hidden=card.hidden,
                options=filled_options(card.options, filled),
            )
            for card in scenario.cards.all()
        )
        opening = Turn.objects.create(
            adventure=adventure,
            kind=Kind.OPENING,
            reply=clean_text(filled.text(template, LONGEST_OPENING)),
            status=Status.TOLD,
            told=Now(),
        )
        beginnings.begin_world(opening, scenario, filled)
        adventure.head = opening
        adventure.size = edits.size_of(opening.reply)
        adventure.save(update_fields=["head", "size"])
        ratings.record_begun(player, scenario)
    return adventure


def filled_options(options: dict[str, Any], filled: FilledPlaceholders) -> dict[str, Any]:
    """A card's options with the answers in its secondary keys."""
    if "secondary_keys" not in options:
        return dict(options)
    keys = [filled.text(key, LONGEST_KEY) for key in options["secondary_keys"]]
    return {**options, "secondary_keys": keys}


@screening.record_rejections()
def rename(adventure_id: UUID, title: str, player: Player | None = None) -> None:
    """Change the title of an adventure. Raises Refused if it breaks a rule."""
    with change_adventure(adventure_id) as adventure:
        screening.screen([title], "title", player, adventure)
        set_fields(adventure, title=clean_text(title)[:120] or adventure.title)


@screening.record_rejections()
def set_plot(
    adventure_id: UUID, memory: str, authors_note: str, player: Player | None = None
) -> None:
    """Change memory and author's note. Raises Refused if they break a rule."""
    with change_adventure(adventure_id) as adventure:
        screening.screen([memory, authors_note], "plot", player, adventure)
        set_fields(adventure, memory=clean_text(memory), authors_note=clean_text(authors_note))


def set_sampling(adventure_id: UUID, settings: WriterSettings) -> None:
    """Change the sampling settings, from the next turn on."""
    with change_adventure(adventure_id) as adventure:
        set_fields(adventure, sampling=settings.model_dump(mode="json", exclude_defaults=True))


def set_fields(adventure: Adventure, **values: str | bool | dict[str, Any]) -> None:
    """Store the fields that change, and publish the change to watchers if any does."""
    new = {name: value for name, value in values.items() if getattr(adventure, name) != value}
    if not new:
        return
    for name, value in new.items():
        setattr(adventure, name, value)
    adventure.save(update_fields=list(new))
    publish_fields(adventure)


def set_options(adventure_id: UUID, options: dict[str, bool]) -> None:
    """Switch options of the adventure: `dice`, `summarise`, `suggestions`."""
    with change_adventure(adventure_id) as adventure:
        set_fields(adventure, **options)


def set_audience(adventure_id: UUID, player: Player, audience: str) -> None:
    """Change the audience. Raises Refused beyond the player's own limit."""
    limits.refuse_beyond(player, audience)
    with change_adventure(adventure_id, player) as adventure:
        set_fields(adventure, audience=audience)


def set_narrator(adventure_id: UUID, name: str) -> None:
    """Change the narrator, from the next turn on; "" is the host's default."""
    with change_adventure(adventure_id) as adventure:
        set_fields(adventure, narrator=name)


def purge(adventure_id: UUID) -> None:
    """Delete an adventure permanently with its tree. A turn under way is stopped."""
    with change_adventure(adventure_id) as adventure:
        stop_turn_under_way(adventure)
        turns = [str(pk) for pk in adventure.turns.values_list("pk", flat=True)]
    Adventure.objects.filter(pk=adventure_id).delete()
    search.cache.forget(adventure_id)
    delete_keys_on_commit(str(adventure_id), turns, narration.names())


def as_text(adventure: Adventure, turns: list[tuple[str | None, str, str]]) -> str:
    """The story as plain text. `turns` are (heading, shown action, reply), oldest first.

    A heading is the title of the chapter that begins there, or "" for a break without a title.
    """
    parts = [adventure.title, "=" * len(adventure.title)]
    for heading, action, reply in turns:
        if heading is not None:
            parts.append(f"{heading}\n{'-' * len(heading)}" if heading else "* * *")
        parts += [part for part in (action, reply) if part]
    return "\n\n".join(parts) + "\n"
