"""A story remembers: sentences of old turns that matter now are in the prompt again."""

import pytest

from game.models import Adventure, Kind, Status, Turn
from game.play import context, tree
from game.recall import indexing, search
from inference.contract.request import Passage

pytestmark = pytest.mark.django_db

FILLER = "You walk on along the wet road, and the rain does not stop. A cart passes you slowly. "
ROOM = 800  # tokens of a prompt


@pytest.fixture(autouse=True)
def no_index_of_another_test(monkeypatch):
    monkeypatch.setattr(search, "cache", search.IndexCache())
    monkeypatch.setattr(search, "request_index", lambda adventure: None)


def told(adventure, replies, parent=None, action="walk on"):
    """Turns with these replies, one after the other; indexed as when they end."""
    turns = []
    for reply in replies:
        parent = Turn.objects.create(
            adventure=adventure,
            parent=parent or adventure.head,
            kind=Kind.DO,
            action=action,
            reply=reply,
            status=Status.TOLD,
        )
        turns.append(parent)
    Adventure.objects.filter(pk=adventure.pk).update(head=parent)
    adventure.refresh_from_db()
    indexing.index_turns([turn.pk for turn in turns])
    return turns


def recalled(adventure, action="", kind="do", room=ROOM):
    path = tree.path_lengths(adventure.head_id)
    asked = Passage(kind=kind if action else "continue", action=action)
    newest = context.recent_story(path)[-1:]
    return search.recall(adventure, path, asked, newest, room)


def test_what_an_old_turn_said_of_somebody_is_recalled_when_they_are_named(adventure):
    [meeting] = told(adventure, ["Old Marta grins. Then Marta hid the key under the third stone."])
    told(adventure, [FILLER] * 40)
    [found] = [each for each in recalled(adventure, "ask Marta for the key") if each.by_action]
    assert found.turn == str(meeting.pk) and found.number == 1
    assert found.text == "Then Marta hid the key under the third stone."
    assert found.reason == "Marta, key"
