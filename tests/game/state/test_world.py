"""The state of the world follows the tree of turns: played, retried, undone, edited, changed."""

import json
import uuid

import pytest

from game.models import Adventure, Turn, TurnChanges
from game.play import context, read_ahead
from game.play.changes import change_adventure
from game.play.protocol import EditTurn, GoToTurn, RedoTurn, Refused, RetryTurn, UndoTurn
from game.state import changes, edits, worlds
from inference.contract.questions import digest_of
from inference.contract.world import Person, Thing, World, WorldChange
from tests.game.play.test_turns import act, do, head, tell

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("plain_rules", "narrator_awake"),
]


@pytest.fixture
def play(adventure, alice):
    """Take an action and tell its reply."""

    def play(reply, action="wait"):
        turn = act(adventure, alice, action)
        assert tell(turn, reply)
        return Turn.objects.get(pk=turn.pk)

    return play


@pytest.fixture
def change(adventure, alice):
    """The player changes the state."""

    def change(*lines, turn=None):
        fields = ("part", "name", "field", "value")
        sent = [dict(zip(fields, line, strict=True)) for line in lines]
        found = edits.parse_changes(json.dumps(sent).encode())
        edits.change_world(adventure.pk, alice, found, turn and turn.pk)

    return change


def now(adventure):
    return worlds.world_at(worlds.current_turn(Adventure.objects.get(pk=adventure.pk)).pk)


def people(adventure):
    return {
        each.name: each.life if each.life != "alive" else each.here
        for each in now(adventure).people
    }


def events(log, adventure):
    from inference.queue.keys import log_key

    logged = [json.loads(entry[b"e"]) for _, entry in log.redis.xrange(log_key(str(adventure.pk)))]
    return [each for each in logged if each["type"] == "world.changed"]


def test_a_turn_changes_the_state_when_it_is_told(adventure, play):
    assert now(adventure) == World()
    play("Mara arrives. You take the lantern.")
    assert now(adventure).people == (Person(name="Mara", here=True),)
    assert now(adventure).things == (Thing(name="lantern", held="carried"),)


def test_undo_redo_retry_and_go_to_bring_back_the_state_of_their_turn(adventure, alice, play):
    first = play("Mara arrives.")
    second = play("Mara dies.")
    do(adventure, alice, UndoTurn)
    assert people(adventure) == {"Mara": True}
    do(adventure, alice, RedoTurn)
    assert people(adventure) == {"Mara": "dead"}
    again = do(adventure, alice, RetryTurn, turn=second.pk)
    assert people(adventure) == {"Mara": True}, "the retry has not been told yet"
    tell(Turn.objects.get(pk=again.turn), "Mara leaves.")
    assert people(adventure) == {"Mara": False}
    do(adventure, alice, GoToTurn, turn=second.pk)
    assert people(adventure) == {"Mara": "dead"}
    do(adventure, alice, GoToTurn, turn=first.pk)
    assert people(adventure) == {"Mara": True}


def test_an_edit_changes_the_state_of_every_turn_after_it_and_undo_restores_it(
    adventure, alice, play
):
    first = play("Mara arrives.")
    for _ in range(worlds.CACHE_EVERY + 2):
        play("Nothing happens.")
    do(adventure, alice, EditTurn, turn=first.pk, reply="Ada arrives.")
    assert people(adventure) == {"Ada": True}
    do(adventure, alice, UndoTurn)
    assert people(adventure) == {"Mara": True}
    do(adventure, alice, RedoTurn)
    assert people(adventure) == {"Ada": True}


def test_a_stopped_reply_counts_and_one_that_failed_without_words_does_not(adventure, alice, play):
    tell(act(adventure, alice, "wait"), "Mara arrives.", outcome="stopped")
    assert people(adventure) == {"Mara": True}
    turn = act(adventure, alice, "Mara dies.", kind="story")
    tell(turn, "", outcome="failed")
    assert worlds.current_turn(Adventure.objects.get(pk=adventure.pk)).pk == turn.parent_id
    assert people(adventure) == {"Mara": True}


@pytest.mark.parametrize("outcome", ["told", "failed"])
def test_a_change_while_a_turn_is_queued_holds_whatever_becomes_of_that_turn(
    adventure, alice, play, change, outcome
):
    play("Mara arrives.")
    turn = act(adventure, alice, "wait")
    change(("place", "", "", "the attic"))
    assert now(adventure).place == "the attic"
    with pytest.raises(Refused) as refused:
        change(("place", "", "", "the cellar"), turn=turn)
    assert refused.value.code == "busy"
    tell(turn, "Silence." if outcome == "told" else "", outcome=outcome)
    assert now(adventure).place == "the attic"
    play("Silence.")
    assert now(adventure).place == "the attic"


def test_the_player_s_change_holds_on_this_branch_until_they_change_it_again(
    adventure, alice, play, change
):
    first = play("Mara arrives.")
    change(("person", "Mara", "here", "no"))
    play("Mara arrives.")
    assert people(adventure) == {"Mara": False}
    do(adventure, alice, GoToTurn, turn=first.parent_id)
    play("Mara arrives.")
    assert people(adventure) == {"Mara": True}, "another branch knows nothing of it"
    do(adventure, alice, GoToTurn, turn=first.pk)
    change(("person", "Mara", "here", "yes"))
    assert people(adventure) == {"Mara": True}


def test_a_change_of_an_earlier_turn_holds_after_it(adventure, play, change):
    first = play("Mara arrives.")
    play("Mara dies.")
    change(("person", "Mara", "life", "alive"), turn=first)
    assert people(adventure) == {"Mara": True}


def test_changes_of_one_turn_are_kept_together_and_the_newer_one_counts(adventure, play, change):
    turn = play("Mara arrives.")
    change(("person", "Mara", "mood", "kind"), ("place", "", "", "the attic"))
    change(("person", "Mara", "mood", "wary"))
    stored = [each for each in worlds.changes_of(turn.pk) if each.source == "player"]
    assert [(each.part, each.value) for each in stored] == [
        ("place", "the attic"),
        ("person", "wary"),
    ]


def test_the_narrator_is_told_the_state_before_the_action_also_when_reading_ahead(
    adventure, alice, play, log
):
    play("Mara arrives.")
    turn = act(adventure, alice, "Mara dies.", kind="story")
    asked = context.story_context(turn.adventure, turn)
    assert asked.world == World(people=(Person(name="Mara", here=True),))
    tell(turn, "Silence.")
    ahead = read_ahead.read_ahead_request(turn.adventure, head(adventure), "parrot")
    assert ahead.context.world == World(people=(Person(name="Mara", life="dead"),))


def test_a_story_without_a_state_sends_none(adventure, alice):
    turn = act(adventure, alice)
    assert context.story_context(turn.adventure, turn).world is None


def test_a_rule_that_fails_costs_nothing_the_turn_stands(adventure, play, monkeypatch, caplog):
    monkeypatch.undo()

    def broken(*_):
        raise ValueError("Mara arrives.")

    monkeypatch.setattr(changes.turns, "reveal", broken)
    play("Mara arrives.")
    assert now(adventure) == World()
    assert "could not read it" in caplog.text
    assert "Mara" not in caplog.text, "no words of the story in logs"


def test_what_a_turn_changes_is_read_in_few_queries(adventure, play, django_assert_max_num_queries):
    for _ in range(worlds.CACHE_EVERY + 1):
        play("Nothing happens.")
    fields = {"kind": "do", "action": "wait", "status": "told"}
    turn = Turn.objects.create(
        adventure=adventure, parent=head(adventure), reply="Mara arrives.", **fields
    )
    with django_assert_max_num_queries(8):
        changes.read_turn(turn)
    assert worlds.world_at(turn.pk).people


@pytest.mark.django_db(transaction=True)
def test_a_late_reading_counts_only_where_the_text_is_still_the_same(adventure, alice, play, log):
    turn = play("Mara arrives.")
    read = [WorldChange(part="person", name="Mara", field="mood", value="shy", source="rule")]
    digest = digest_of(turn.action, turn.reply)
    assert changes.record_reading(adventure.pk, turn.pk, read, digest)
    assert now(adventure).people == (Person(name="Mara", here=True, mood="shy"),)
    assert [each["turn"] for each in events(log, adventure)] == [str(turn.pk)]
    do(adventure, alice, EditTurn, turn=turn.pk, reply="Ada arrives.")
    assert people(adventure) == {"Ada": True}, "what was read from the old text is gone"
    assert not changes.record_reading(adventure.pk, turn.pk, read, digest)
    assert people(adventure) == {"Ada": True}
    assert not changes.record_reading(uuid.uuid4(), turn.pk, read, digest)


@pytest.mark.django_db(transaction=True)
def test_a_change_is_announced_to_every_window_with_a_new_version(adventure, play, change, log):
    turn = play("Mara arrives.")
    before = Adventure.objects.get(pk=adventure.pk).version
    change(("place", "", "", "the attic"))
    [event] = events(log, adventure)
    assert (event["turn"], event["version"]) == (str(turn.pk), before + 1)
    change(("place", "", "", "the attic"))
    assert len(events(log, adventure)) == 1, "what is so already changes nothing"


def test_every_16th_turn_has_the_state_stored_and_a_look_up_walks_no_further(adventure, play):
    for _ in range(2 * worlds.CACHE_EVERY + 3):
        play("Mara arrives.")
    stored = TurnChanges.objects.filter(folded__isnull=False).count()
    assert stored == 2
    assert worlds.state_at(head(adventure).pk).walked == 3


def test_a_long_story_from_before_costs_one_walk_and_then_none(adventure, play):
    parent = head(adventure)
    every = []
    for _ in range(200):
        parent = Turn(adventure=adventure, parent=parent, kind="do", status="told", reply="Told.")
        every.append(parent)
    Turn.objects.bulk_create(every)
    with change_adventure(adventure.pk) as locked:
        locked.head = parent
        locked.raise_version()
    play("Mara arrives.")
    state = worlds.state_at(head(adventure).pk)
    assert (state.number, state.walked) == (201, 201 % worlds.CACHE_EVERY)
    assert people(adventure) == {"Mara": True}


def test_a_stored_state_of_another_format_is_not_read(adventure, play, monkeypatch):
    for _ in range(worlds.CACHE_EVERY + 1):
        play("Mara arrives.")
    [cached] = TurnChanges.objects.exclude(folded=None)
    assert cached.folded["format"] == worlds.FORMAT
    for format_of in ({}, {"format": worlds.FORMAT + 1}):
        cached.folded = {"number": worlds.CACHE_EVERY, "entries": [], **format_of}
        cached.save()
        assert people(adventure) == {"Mara": True}


def test_an_edit_on_one_branch_keeps_the_stored_states_of_another(adventure, alice, play, change):
    fork = play("Mara arrives.")
    for _ in range(worlds.CACHE_EVERY):
        play("Nothing happens.")
    other = head(adventure).pk
    do(adventure, alice, GoToTurn, turn=fork.pk)
    here = play("Ada arrives.")
    for _ in range(worlds.CACHE_EVERY):
        play("Nothing happens.")
    do(adventure, alice, EditTurn, turn=here.pk, reply="Ada leaves.")
    assert worlds.state_at(other).walked <= 1
    assert people(adventure) == {"Mara": True, "Ada": False}
    do(adventure, alice, EditTurn, turn=fork.pk, reply="Mara leaves.")
    assert worlds.state_at(other).entries["person", "mara", "here"].value == "no"


def test_a_change_on_a_full_disk_or_of_another_s_adventure_is_refused(
    adventure, bob, play, change, monkeypatch
):
    from game import disk_space
    from game.play.changes import NoSuchAdventure

    found = edits.parse_changes(b'[{"part": "place", "value": "the attic"}]')
    with pytest.raises(NoSuchAdventure):
        edits.change_world(adventure.pk, bob, found)

    def full():
        raise Refused("full", "The disk is full.")

    monkeypatch.setattr(disk_space, "refuse_when_full", full)
    with pytest.raises(Refused):
        change(("place", "", "", "the attic"))
    assert now(adventure) == World()


def test_deleting_an_adventure_deletes_its_changes(adventure, play):
    play("Mara arrives.")
    Adventure.objects.get(pk=adventure.pk).delete()
    assert not TurnChanges.objects.exists()


def test_nothing_is_read_twice_when_a_result_comes_twice(adventure, alice, play):
    turn = act(adventure, alice)
    assert tell(turn, "Mara arrives.")
    assert not tell(turn, "Ada arrives.")
    assert people(adventure) == {"Mara": True}


# Unlocking


def test_what_the_player_set_is_the_storys_again_when_it_is_unlocked(
    play, change, adventure, alice, client
):
    play("Mira arrives. Mira dies.")
    change(("person", "Mira", "life", "alive"))
    play("You take the rope.")
    change(("aim", "climb out", "", "open"))
    play("Mira dies.")
    assert people(adventure) == {"Mira": False}
    client.force_login(alice)
    names = [{"part": "person", "name": "MIRA", "field": "life"}]
    address = f"/adventures/{adventure.pk}/world/unlock/"
    answer = client.post(address, json.dumps(names), content_type="application/json").json()
    assert [(each["life"], each["locked"]) for each in answer["people"]] == [("dead", False)]
    assert people(adventure) == {"Mira": "dead"}
    assert now(adventure).aims == ("climb out",)


def test_unlocking_on_one_branch_leaves_what_was_set_on_another(play, change, adventure, alice):
    first = play("Mira arrives.")
    change(("place", "", "", "the attic"))
    do(adventure, alice, RetryTurn, turn=first.pk)
    assert tell(head(adventure), "You are in Bath.")
    change(("place", "", "", "the cellar"))
    key = edits.parse_keys(b'[{"part": "place"}]')
    edits.unlock(adventure.pk, alice, key)
    assert now(adventure).place == "Bath"
    assert worlds.world_at(first.pk).place == "the attic"


def test_unlocking_on_one_branch_leaves_what_was_set_before_both_began(
    play, change, adventure, alice
):
    play("You are in Bath.")
    change(("place", "", "", "the attic"))
    one = play("Mara arrives.")
    do(adventure, alice, RetryTurn, turn=one.pk)
    assert tell(head(adventure), "Ada arrives.")
    edits.unlock(adventure.pk, alice, edits.parse_keys(b'[{"part": "place"}]'))
    assert now(adventure).place == "Bath"
    assert worlds.world_at(one.pk).place == "the attic"
    for _ in range(worlds.CACHE_EVERY):
        play("Nothing happens.")
    assert now(adventure).place == "Bath"
    play("You are in Wells.")
    assert now(adventure).place == "Wells"
    change(("place", "", "", "the cellar"))
    play("You are in York.")
    assert now(adventure).place == "the cellar"


@pytest.mark.django_db(transaction=True)
def test_undo_takes_back_an_edit_of_the_state_and_redo_brings_it_again(
    adventure, alice, play, change, log
):
    turn = play("Mara arrives.")
    change(("place", "", "", "the attic"))
    change(("place", "", "", "the cellar"), ("aim", "climb out", "", "open"))
    assert events(log, adventure)[-1]["last_edit"] == {"turn": str(turn.pk), "undone": False}
    do(adventure, alice, UndoTurn)
    assert head(adventure).pk == turn.pk
    assert (now(adventure).place, now(adventure).aims) == ("the attic", ())
    assert events(log, adventure)[-1]["last_edit"] == {"turn": str(turn.pk), "undone": True}
    do(adventure, alice, RedoTurn)
    assert (now(adventure).place, now(adventure).aims) == ("the cellar", ("climb out",))
    edits.unlock(adventure.pk, alice, edits.parse_keys(b'[{"part": "place"}]'))
    assert now(adventure).place == ""
    do(adventure, alice, UndoTurn)
    assert now(adventure).place == "the cellar"
    do(adventure, alice, UndoTurn)
    assert head(adventure).pk == turn.parent_id, "one edit is taken back, as one of a text is"


def test_undo_while_a_reply_is_written_is_about_the_reply(adventure, alice, play, change):
    play("Mara arrives.")
    turn = act(adventure, alice, "wait")
    change(("place", "", "", "the attic"))
    do(adventure, alice, UndoTurn)
    assert head(adventure).pk == turn.parent_id
    assert now(adventure).place == "the attic"


def test_what_names_no_entry_is_refused(adventure, alice, client):
    client.force_login(alice)
    address = f"/adventures/{adventure.pk}/world/unlock/"
    for body in ("[]", "x", '[{"part": "moon"}]', '[{"part": "place", "value": "x"}]'):
        answer = client.post(address, body, content_type="application/json")
        assert answer.status_code == 422 and answer.json()["message"]
