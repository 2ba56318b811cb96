"""Adds, edits, pins, deletes, restores and imports the story cards of an adventure."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from game.cards.card_import import CardContent, ImportedCards
from game.library import trash
from game.models import Adventure, Player, StoryCard
from game.moderation import screening
from game.play.changes import change_adventure, publish_fields

MOST_CARDS = 1_000  # in one adventure
MOST_PATTERNS = 100  # in one adventure: each is matched in every prompt


class TooManyCards(Exception):
    """The adventure has MOST_CARDS. The message is for the player."""

    def __init__(self) -> None:
        message = _("An adventure can have at most %(count)s cards. Delete one first.")
        super().__init__(message % {"count": f"{MOST_CARDS:,}"})


class TooManyPatterns(TooManyCards):
    """The cards of the adventure have MOST_PATTERNS. The message is for the player."""

    def __init__(self) -> None:
        message = _("The cards of an adventure can have at most %(count)s regular expressions.")
        Exception.__init__(self, message % {"count": MOST_PATTERNS})


@screening.record_rejections()
def add_card(adventure_id: UUID, player: Player, card: CardContent) -> StoryCard:
    """Add a card. Raises TooManyCards, NoSuchAdventure, and Refused if it breaks a rule."""
    with change_adventure(adventure_id, player) as adventure:
        screening.screen(texts_of(card), "card", player, adventure)
        if adventure.cards.count() >= MOST_CARDS:
            raise TooManyCards
        refuse_too_many_patterns(adventure, card)
        added = adventure.cards.create(
            title=card.title,
            keys=list(card.keys),
            text=card.text,
            pinned=card.pinned,
            options=card.options,
        )
        publish_fields(adventure)
        return added


@screening.record_rejections()
def edit_card(card: StoryCard, player: Player, new: CardContent) -> StoryCard:
    """Replace all fields of a card. Raises NoSuchAdventure, and Refused if it breaks a rule."""
    assert card.adventure_id is not None
    with change_adventure(card.adventure_id, player) as adventure:
        screening.screen(texts_of(new), "card", player, adventure)
        refuse_too_many_patterns(adventure, new, card)
        set_fields(
            adventure,
            card,
            title=new.title,
            keys=list(new.keys),
            text=new.text,
            pinned=new.pinned,
            options=new.options,
        )
    return card


def refuse_too_many_patterns(
    adventure: Adventure, new: CardContent, old: StoryCard | None = None
) -> None:
    """Raise TooManyPatterns if a card with regular expressions is one too many."""
    if not new.options.get("regex"):
        return
    others = adventure.cards.filter(options__contains={"regex": True})
    others = others.exclude(pk=old.pk) if old is not None else others
    used = sum(map(len, others.values_list("keys", flat=True)))
    if used + len(new.keys) > MOST_PATTERNS:
        raise TooManyPatterns


def set_fields(adventure: Adventure, card: StoryCard, **values: Any) -> None:
    """Store the fields that change, and publish the change to watchers if any does."""
    card.refresh_from_db(fields=list(values))
    new = {name: value for name, value in values.items() if getattr(card, name) != value}
    if not new:
        return
    for name, value in new.items():
        setattr(card, name, value)
    card.save(update_fields=list(new))
    publish_fields(adventure)


def pin_card(card: StoryCard, player: Player, pinned: bool) -> StoryCard:
    """Put a card into every prompt, or only when it fires. Raises NoSuchAdventure."""
    assert card.adventure_id is not None
    with change_adventure(card.adventure_id, player) as adventure:
        set_fields(adventure, card, pinned=pinned)
    return card


def delete_card(card: StoryCard, player: Player) -> None:
    """Delete a card; it leaves the prompt, and can be restored for a while."""
    assert card.adventure_id is not None
    with change_adventure(card.adventure_id, player) as adventure:
        if not adventure.cards.filter(pk=card.pk).update(deleted=Now()):
            return
        every = StoryCard.with_deleted.filter(adventure=adventure, deleted__isnull=False)
        beyond = every.order_by("-deleted").values_list("pk", flat=True)[trash.MOST_DELETED :]
        StoryCard.with_deleted.filter(pk__in=list(beyond)).delete()
        publish_fields(adventure)


def deleted_in(adventure: Adventure) -> QuerySet[StoryCard]:
    """The adventure's cards that can be restored, last deleted first."""
    return trash.restorable(StoryCard.with_deleted.filter(adventure=adventure))


def restore_card(card: StoryCard, player: Player) -> None:
    """Restore a deleted card. Raises TooManyCards and NoSuchAdventure."""
    assert card.adventure_id is not None
    with change_adventure(card.adventure_id, player) as adventure:
        if adventure.cards.count() >= MOST_CARDS:
            raise TooManyCards
        if StoryCard.with_deleted.filter(pk=card.pk, deleted__isnull=False).update(deleted=None):
            publish_fields(adventure)


def reveal_all(adventure_id: UUID, player: Player) -> None:
    """Make every hidden card of an adventure visible to players."""
    with change_adventure(adventure_id, player) as adventure:
        if adventure.cards.filter(hidden=True).update(hidden=False):
            publish_fields(adventure)


def texts_of(card: CardContent) -> list[str]:
    """The texts of a card that a player wrote."""
    secondary = card.options.get("secondary_keys", [])
    return [card.title, ", ".join((*card.keys, *secondary)), card.text]


@screening.record_rejections()
def import_cards(adventure_id: UUID, player: Player, imported: ImportedCards) -> int:
    """Add the cards of a file that are not there yet. Returns how many were added.

    Duplicates, and cards beyond MOST_CARDS, are reported in `imported.problems`. Raises
    NoSuchAdventure, and Refused if a text breaks a rule.
    """
    with change_adventure(adventure_id, player) as adventure:
        screening.screen(
            [text for card in imported.cards for text in texts_of(card)], "card", player, adventure
        )
        rows = list(adventure.cards.values_list("title", "keys", "text"))
        existing = {(title, tuple(keys), text) for title, keys, text in rows}
        room = MOST_CARDS - len(rows)
        new: list[StoryCard] = []
        duplicates = too_many = 0
        for card in imported.cards:
            content = (card.title, card.keys, card.text)
            if content in existing:
                duplicates += 1
            elif len(new) >= room:
                too_many += 1
            else:
                existing.add(content)
                new.append(
                    StoryCard(
                        adventure=adventure,
                        title=card.title,
                        keys=list(card.keys),
                        text=card.text,
                        pinned=card.pinned,
                        options=card.options,
                    )
                )
        if new:
            StoryCard.objects.bulk_create(new)
            publish_fields(adventure)
    if duplicates:
        imported.problems.append(f"Here already: {duplicates:,}.")
    if too_many:
        imported.problems.append(
            f"No room for {too_many:,} more: an adventure holds {MOST_CARDS:,} cards."
        )
    return len(new)
