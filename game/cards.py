"""Story cards of an adventure: add, edit, pin, delete, bring from elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.utils.translation import gettext as _

from game.log import publish_on_commit
from game.lore import Lore, LoreCard
from game.models import Adventure, Player, StoryCard
from game.moderation import screening
from game.protocol import PlotChanged
from game.snapshots import adventure_shown
from game.turns import changed

MOST_CARDS = 1_000  # in one adventure


class TooManyCards(Exception):
    """No room for another card. Its text tells the player."""

    def __init__(self) -> None:
        said = _("An adventure holds %(count)s cards. Delete one first.")
        super().__init__(said % {"count": f"{MOST_CARDS:,}"})


@contextmanager
def shelf(adventure_id: UUID, player: Player) -> Iterator[Adventure]:
    """A change of an adventure's cards, which its windows hear of. Raises NoSuchAdventure."""
    with changed(adventure_id, player) as adventure:
        yield adventure
        publish_on_commit(adventure, PlotChanged(adventure=adventure_shown(adventure)))


@screening.noted()
def add(adventure_id: UUID, player: Player, card: LoreCard) -> StoryCard:
    """Add a card. Raises TooManyCards, NoSuchAdventure, and Refused where a rule is against it."""
    with shelf(adventure_id, player) as adventure:
        screening.screen(written(card), "card", player, adventure)
        if adventure.cards.count() >= MOST_CARDS:
            raise TooManyCards
        return adventure.cards.create(
            title=card.title, keys=list(card.keys), text=card.text, pinned=card.pinned
        )


@screening.noted()
def edit(card: StoryCard, player: Player, new: LoreCard) -> StoryCard:
    """Replace everything that a card says."""
    assert card.adventure_id is not None
    with shelf(card.adventure_id, player) as adventure:
        screening.screen(written(new), "card", player, adventure)
        card.title, card.keys, card.text = new.title, list(new.keys), new.text
        card.pinned = new.pinned
        card.save(update_fields=["title", "keys", "text", "pinned"])
    return card


def pin(card: StoryCard, player: Player, pinned: bool) -> StoryCard:
    """Have a card always in the prompt, or only when it fires."""
    assert card.adventure_id is not None
    with shelf(card.adventure_id, player):
        card.pinned = pinned
        card.save(update_fields=["pinned"])
    return card


def delete(card: StoryCard, player: Player) -> None:
    assert card.adventure_id is not None
    with shelf(card.adventure_id, player):
        card.delete()


def written(card: LoreCard) -> list[str]:
    """A card's texts, as a player wrote them."""
    return [card.title, ", ".join(card.keys), card.text]


@screening.noted()
def bring(adventure_id: UUID, player: Player, lore: Lore) -> int:
    """Add the cards of a file, but for those that are there already. How many were added.

    What finds no room is noted in `lore.problems`.
    """
    with shelf(adventure_id, player) as adventure:
        screening.screen(
            [text for card in lore.cards for text in written(card)], "card", player, adventure
        )
        rows = list(adventure.cards.values_list("title", "keys", "text"))
        there = {(title, tuple(keys), text) for title, keys, text in rows}
        room = MOST_CARDS - len(rows)
        new: list[StoryCard] = []
        again = outside = 0
        for card in lore.cards:
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
        StoryCard.objects.bulk_create(new)
    if again:
        lore.problems.append(f"Here already: {again:,}.")
    if outside:
        lore.problems.append(
            f"No room for {outside:,} more: an adventure holds {MOST_CARDS:,} cards."
        )
    return len(new)
