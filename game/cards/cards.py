"""Story cards of an adventure: add, edit, pin, delete, restore, import."""

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


class TooManyCards(Exception):
    """No room for another card. Its text tells the player."""

    def __init__(self) -> None:
        said = _("An adventure can have at most %(count)s cards. Delete one first.")
        super().__init__(said % {"count": f"{MOST_CARDS:,}"})


@screening.noted()
def add_card(adventure_id: UUID, player: Player, card: CardContent) -> StoryCard:
    """Add a card. Raises TooManyCards, NoSuchAdventure, and Refused where a rule is against it."""
    with change_adventure(adventure_id, player) as adventure:
        screening.screen(written(card), "card", player, adventure)
        if adventure.cards.count() >= MOST_CARDS:
            raise TooManyCards
        added = adventure.cards.create(
            title=card.title, keys=list(card.keys), text=card.text, pinned=card.pinned
        )
        publish_fields(adventure)
        return added


@screening.noted()
def edit_card(card: StoryCard, player: Player, new: CardContent) -> StoryCard:
    """Replace everything that a card says."""
    assert card.adventure_id is not None
    with change_adventure(card.adventure_id, player) as adventure:
        screening.screen(written(new), "card", player, adventure)
        set_fields(
            adventure,
            card,
            title=new.title,
            keys=list(new.keys),
            text=new.text,
            pinned=new.pinned,
        )
    return card


def set_fields(adventure: Adventure, card: StoryCard, **values: Any) -> None:
    """Store the fields that get another value, and tell who watches if any does."""
    card.refresh_from_db(fields=list(values))
    new = {name: value for name, value in values.items() if getattr(card, name) != value}
    if not new:
        return
    for name, value in new.items():
        setattr(card, name, value)
    card.save(update_fields=list(new))
    publish_fields(adventure)


def pin_card(card: StoryCard, player: Player, pinned: bool) -> StoryCard:
    """Have a card always in the prompt, or only when it fires."""
    assert card.adventure_id is not None
    with change_adventure(card.adventure_id, player) as adventure:
        set_fields(adventure, card, pinned=pinned)
    return card


def delete_card(card: StoryCard, player: Player) -> None:
    """Delete a card: the narrator does not know it any more. It can be restored for a while."""
    assert card.adventure_id is not None
    with change_adventure(card.adventure_id, player) as adventure:
        if not adventure.cards.filter(pk=card.pk).update(deleted=Now()):
            return
        every = StoryCard.with_deleted.filter(adventure=adventure, deleted__isnull=False)
        beyond = every.order_by("-deleted").values_list("pk", flat=True)[trash.MOST_DELETED :]
        StoryCard.with_deleted.filter(pk__in=list(beyond)).delete()
        publish_fields(adventure)


def deleted_in(adventure: Adventure) -> QuerySet[StoryCard]:
    """The cards that were deleted and can be restored."""
    return trash.restorable(StoryCard.with_deleted.filter(adventure=adventure))


def restore_card(card: StoryCard, player: Player) -> None:
    """The narrator knows a card again. Raises TooManyCards."""
    assert card.adventure_id is not None
    with change_adventure(card.adventure_id, player) as adventure:
        if adventure.cards.count() >= MOST_CARDS:
            raise TooManyCards
        if StoryCard.with_deleted.filter(pk=card.pk, deleted__isnull=False).update(deleted=None):
            publish_fields(adventure)


def reveal_all(adventure_id: UUID, player: Player) -> None:
    """Show players every card of an adventure."""
    with change_adventure(adventure_id, player) as adventure:
        if adventure.cards.filter(hidden=True).update(hidden=False):
            publish_fields(adventure)


def written(card: CardContent) -> list[str]:
    """A card's texts, as a player wrote them."""
    return [card.title, ", ".join(card.keys), card.text]


@screening.noted()
def import_cards(adventure_id: UUID, player: Player, imported: ImportedCards) -> int:
    """Add the cards of a file, but for those that are there already. How many were added.

    What finds no room is noted in `imported.problems`.
    """
    with change_adventure(adventure_id, player) as adventure:
        screening.screen(
            [text for card in imported.cards for text in written(card)], "card", player, adventure
        )
        rows = list(adventure.cards.values_list("title", "keys", "text"))
        there = {(title, tuple(keys), text) for title, keys, text in rows}
        room = MOST_CARDS - len(rows)
        new: list[StoryCard] = []
        again = outside = 0
        for card in imported.cards:
            said = (card.title, card.keys, card.text)
            if said in there:
                again += 1
            elif len(new) >= room:
                outside += 1
            else:
                there.add(said)
                new.append(
                    StoryCard(
                        adventure=adventure,
                        title=card.title,
                        keys=list(card.keys),
                        text=card.text,
                        pinned=card.pinned,
                    )
                )
        if new:
            StoryCard.objects.bulk_create(new)
            publish_fields(adventure)
    if again:
        imported.problems.append(f"Here already: {again:,}.")
    if outside:
        imported.problems.append(
            f"No room for {outside:,} more: an adventure holds {MOST_CARDS:,} cards."
        )
    return len(new)
