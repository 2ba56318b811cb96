"""What the game sends to a narrator: enough, and never too much."""

import pytest

from game.models import Adventure, Kind, Status, StoryCard, Turn
from game.play import context, narration

pytestmark = pytest.mark.django_db


def queued(adventure, action="open the door", kind="do"):
    return Turn.objects.create(
        adventure=adventure,
        parent=adventure.head,
        kind=kind,
        action=action,
        status=Status.QUEUED,
        narrator="parrot",
    )


def told(adventure, reply, action=""):
    turn = Turn.objects.create(
        adventure=adventure,
        parent=adventure.head,
        kind=Kind.DO if action else Kind.CONTINUE,
        action=action,
        reply=reply,
        status=Status.TOLD,
    )
    adventure.head = turn
    Adventure.objects.filter(pk=adventure.pk).update(head=turn)
    return turn


def make_cards(adventure, number, text="It is old. ", **fields):
    StoryCard.objects.bulk_create(
        StoryCard(
            adventure=adventure, title=f"Card {i}", keys=[f"name{i}"], text=text * 9, **fields
        )
        for i in range(number)
    )


def test_of_a_thousand_cards_those_are_sent_that_could_fire(adventure):
    make_cards(adventure, 1000)
    StoryCard.objects.create(
        adventure=adventure, title="Queen", keys=["queen"], text="She hates name7."
    )
    sent = context.story_context(adventure, queued(adventure, "bow to the queen")).cards
    assert [card.title for card in sent] == ["Queen", "The cellar", "Card 7"]


def test_the_room_kept_for_cards_does_not_depend_on_which_are_sent(adventure):
    make_cards(adventure, 50)
    quiet = context.story_context(adventure, queued(adventure, "wait"))
    Turn.objects.filter(status=Status.QUEUED).delete()
    busy = context.story_context(adventure, queued(adventure, "call name1, name2 and name3"))
    assert len(quiet.cards) < len(busy.cards)
    assert quiet.card_characters == busy.card_characters > 50 * 99


def test_a_request_stays_under_256_kib_in_any_script(adventure):
    adventure.memory, adventure.authors_note = "門" * 8000, "門" * 2000
    for _ in range(40):
        told(adventure, "門\n" * 2000)
    StoryCard.objects.bulk_create(
        StoryCard(adventure=adventure, title="門" * 80, keys=["門"], text="門" * 2000)
        for _ in range(100)
    )
    request = narration.request_for(adventure, queued(adventure, "門" * 4000))
    assert len(request.model_dump_json().encode()) < 256 * 1024
    assert request.context.story and request.context.cards
