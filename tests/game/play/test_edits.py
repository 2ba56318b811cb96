"""Edits: earlier versions are kept and shown, the oldest forgotten, and undo takes an edit back."""

import json
import uuid

import pytest

from game.library import copies
from game.models import Adventure, Edit
from game.moderation.authorship import reply_pieces
from game.play import edits, endings, turns
from game.play.protocol import Refused, parse_command
from game.play.snapshots import snapshot, turn_data
from inference.contract.request import Result

pytestmark = pytest.mark.django_db(transaction=True)

TOLD = "The door opens."


def play(adventure, player, type, **fields):
    command = parse_command(json.dumps({"type": type, "key": str(uuid.uuid4()), **fields}))
    return turns.carry_out(adventure.pk, player, command)


@pytest.fixture
def told(alice, adventure, narrator_awake):
    play(adventure, alice, "take_action", kind="do", text="open the door")
    turn = adventure.turns.get(kind="do")
    end = Result(
        adventure=str(adventure.pk), turn=str(turn.pk), attempt=1, outcome="told", reply=TOLD
    )
    endings.finish_turn(end)
    return turn


@pytest.fixture
def edit(alice, adventure, told, settings):
    settings.LIMITS = {**settings.LIMITS, "edit": "1000/m/user"}

    def edit(reply, **fields):
        play(adventure, alice, "edit_turn", turn=str(told.pk), reply=reply, **fields)

    return edit


def texts(turn):
    turn.refresh_from_db()
    return turn.action, turn.reply


def size(adventure):
    return Adventure.objects.get(pk=adventure.pk).size


def test_the_newest_fifty_versions_stay_and_the_narrators_own_words(adventure, told, edit):
    for number in range(53):
        edit(f"Version {number}.")
    kept = list(told.edits.order_by("at", "pk").values_list("before", flat=True))
    assert kept == [TOLD, *(f"Version {number}." for number in range(2, 52))]
    told.refresh_from_db()
    assert [piece.by_player for piece in reply_pieces(told)] == [True]
    assert size(adventure) == edits.measure(adventure.pk)


def test_going_to_and_fro_between_two_texts_keeps_each_once(adventure, told, edit):
    for _ in range(5):
        edit("It creaks.")
        edit(TOLD)
    assert sorted(told.edits.values_list("before", flat=True)) == sorted(
        [TOLD, TOLD, "It creaks."]  # the narrator's own, which is kept apart
    )
    assert [each["text"] for each in edits.versions_data(told)] == ["It creaks."]


def test_edits_have_a_rate_and_the_words_are_not_lost(alice, adventure, told, settings):
    settings.LIMITS = {**settings.LIMITS, "edit": "3/m/user"}
    for number in range(3):
        play(adventure, alice, "edit_turn", turn=str(told.pk), reply=f"Version {number}.")
    with pytest.raises(Refused) as refused:
        play(adventure, alice, "edit_turn", turn=str(told.pk), reply="One more.")
    assert refused.value.code == "too_many"
    assert refused.value.retry_after
    assert texts(told)[1] == "Version 2."


def test_an_adventure_over_its_size_takes_no_more_and_says_what_to_do(alice, adventure, told, edit):
    Adventure.objects.filter(pk=adventure.pk).update(size=32 * 1024 * 1024)
    for command in (
        {"type": "take_action", "kind": "do", "text": "run"},
        {"type": "retry_turn", "turn": str(told.pk)},
        {"type": "edit_turn", "turn": str(told.pk), "reply": "More."},
    ):
        with pytest.raises(Refused, match=r"32 MB.*[Cc]opy"):
            play(adventure, alice, **command)
    play(adventure, alice, "undo_turn")  # reading and going about go on


def test_the_size_is_counted_as_the_story_grows(alice, adventure, told, edit):
    edit("Ein Türchen öffnet sich.", action="öffne die Tür")
    play(adventure, alice, "retry_turn", turn=str(told.pk))
    assert size(adventure) == edits.measure(adventure.pk) > 0
    copy = copies.duplicate(alice, adventure, only_path=True)
    assert size(copy) == edits.measure(copy.pk) > 0


def test_undo_takes_back_an_edit_that_was_the_last_thing_done(alice, adventure, told, edit):
    edit("It creaks.", action="push the door")
    play(adventure, alice, "undo_turn")
    assert texts(told) == ("open the door", TOLD)
    assert Adventure.objects.get(pk=adventure.pk).head_id == told.pk
    play(adventure, alice, "redo_turn")
    assert texts(told) == ("push the door", "It creaks.")
    play(adventure, alice, "undo_turn")
    play(adventure, alice, "undo_turn")  # and then the turn
    assert Adventure.objects.get(pk=adventure.pk).head_id == told.parent_id
    assert texts(told) == ("open the door", TOLD)


def test_undo_leaves_an_edit_alone_once_something_else_was_done(alice, adventure, told, edit):
    edit("It creaks.")
    play(adventure, alice, "take_action", kind="do", text="go in")
    play(adventure, alice, "undo_turn")
    play(adventure, alice, "undo_turn")
    assert texts(told)[1] == "It creaks."
    assert Adventure.objects.get(pk=adventure.pk).head_id == told.parent_id


def test_an_edited_opening_can_be_undone(alice, adventure, narrator_awake):
    opening = adventure.turns.get()
    before = opening.reply
    play(adventure, alice, "edit_turn", turn=str(opening.pk), reply="Nothing coughs.")
    shown = snapshot(adventure.pk)
    assert shown.undo
    assert shown.last_edit.model_dump() == {"turn": str(opening.pk), "undone": False}
    play(adventure, alice, "undo_turn")
    assert texts(opening)[1] == before
    assert not snapshot(adventure.pk).undo


def test_a_page_is_told_how_many_versions_there_are_and_can_fetch_them(
    as_player, alice, charlie, adventure, told, edit
):
    edit("It creaks.")
    edit("It groans.", action="push the door")
    assert turn_data(adventure.turns.get(pk=told.pk)).versions == 3
    url = f"/adventures/{adventure.pk}/turns/{told.pk}/versions/"
    found = as_player(alice).get(url).json()["versions"]
    assert [(each["field"], each["text"], each["original"]) for each in found] == [
        ("reply", "It creaks.", False),
        ("action", "open the door", True),
        ("reply", TOLD, True),
    ]
    assert as_player(charlie).get(url).status_code == 404


def test_an_edit_with_an_earlier_text_restores_it(told, edit):
    edit("It creaks.")
    edit(TOLD)
    assert texts(told)[1] == TOLD
    assert [piece.by_player for piece in reply_pieces(told)] == [False]
    assert Edit.objects.filter(before="It creaks.").exists()
