"""The checker complains about each promise that breaks, and about nothing else."""

import copy
import uuid

import pytest

from inference.world.serialization import FORMAT
from tests.faults import checker, script
from tests.faults.history import History
from tests.faults.stored import Stored

ADVENTURE, OPENING, FIRST, SECOND = "adventure", "opening", "first", "second"
LONG, SHORT = script.REPLIES[3], script.REPLIES[1]
CUT = SHORT[: SHORT.index(" ", 20)]
KEYS = {name: str(uuid.uuid5(uuid.NAMESPACE_OID, name)) for name in "abcd"}


ATTIC = {"part": "place", "value": "the attic", "source": "rule"}
KNOWN = {**ATTIC, "name": "", "field": "", "turn": OPENING, "number": 0, "seen": 0}


class World:
    """A small true story: an action is told, undone, redone; the next one is stopped."""

    def __init__(self):
        self.history = History("alice", ADVENTURE)
        self.stored = Stored(
            adventures=[{"id": ADVENTURE, "head": SECOND, "version": 6}],
            turns=[
                turn(OPENING, None, "opening", "Once.", "told", FIRST),
                turn(FIRST, OPENING, "do", LONG, "told", SECOND),
                turn(SECOND, FIRST, "say", CUT, "stopped", None),
            ],
            worlds=[
                {"turn": OPENING, "changes": [ATTIC], "folded": None},
                {
                    "turn": SECOND,
                    "changes": [],
                    "folded": {"format": FORMAT, "number": 2, "entries": [KNOWN]},
                },
            ],
        )
        self.tx = 100
        self.command("a", "take_action", FIRST, head=(OPENING, FIRST))
        self.begin(FIRST)
        self.end(FIRST, "told", LONG)
        self.command("b", "undo_turn", OPENING, head=(FIRST, OPENING))
        self.command("c", "redo_turn", FIRST, head=(OPENING, FIRST))
        self.command("d", "take_action", SECOND, head=(FIRST, SECOND))
        self.begin(SECOND)
        self.end(SECOND, "stopped", CUT)
        self.see_it()

    def command(self, key, kind, turn, head):
        self.tx += 1
        row = {"key": KEYS[key], "adventure": ADVENTURE, "type": kind, "turn": turn}
        self.stored.commands.append(row)
        self.stored.command_inserts.append({**row, "n": self.tx, "tx": self.tx})
        self.raised(*head)

    def raised(self, old_head, head):
        version = len(self.stored.head_changes)
        self.stored.head_changes.append(
            {
                **{"n": self.tx, "tx": self.tx, "adventure": ADVENTURE},
                **{"old_head": old_head, "head": head},
                **{"old_version": version, "version": version + 1},
            }
        )

    def begin(self, turn):
        self.change(turn, None, "queued", "")

    def end(self, turn, status, reply):
        self.tx += 1
        self.change(turn, "queued", status, reply)
        self.raised(turn, turn)

    def change(self, turn, before, status, reply, old_reply=""):
        rows = {row["id"]: row for row in self.stored.turns}
        became = {
            **{"status": status, "reply": reply, "action": "look", "attempt": 1, "reason": ""},
            **{"kind": rows[turn]["kind"], "parent": rows[turn]["parent"]},
        }
        was = None if before is None else {**became, "status": before, "reply": old_reply}
        change = {"n": self.tx, "tx": self.tx, "turn": turn, "was": was, "became": became}
        self.stored.turn_changes.append(change)

    def see_it(self):
        first, second = self.stored.turns[1:]
        self.frame("snapshot", "1-0", turns=[self.stored.turns[0]], head=OPENING, redo=None)
        self.sent("a", FIRST)
        self.told(first, 1, LONG)
        self.sent("b", OPENING)
        self.frame("head.moved", "8-0", version=3, head=OPENING, undo=False, redo=FIRST)
        self.sent("c", FIRST)
        self.frame("head.moved", "9-0", version=4, head=FIRST, undo=True, redo=None)
        self.sent("d", SECOND)
        self.told(second, 5, CUT)
        self.history.add("quiet")
        path = copy.deepcopy(self.stored.turns)
        self.frame("snapshot", "20-0", turns=path, head=SECOND, redo=None, version=6)
        self.history.add("afresh")

    def sent(self, key, turn):
        self.history.add("sent", command={"key": KEYS[key]})
        self.frame("accepted", None, key=KEYS[key], turn=turn)

    def told(self, row, version, reply):
        begun = {**row, "status": "queued", "reply": ""}
        self.frame("turn.queued", f"{version}-1", version=version, turn=begun, position=0)
        self.frame("turn.started", f"{version}-2", turn=row["id"], attempt=1)
        half = reply.index(" ", len(reply) // 2)
        for number, index, text in ((3, 0, reply[:half]), (4, half, reply[half:])):
            piece = {"turn": row["id"], "attempt": 1, "index": index, "text": text}
            self.frame("turn.token", f"{version}-{number}", **piece)
        kind = f"turn.{row['status']}"
        self.frame(kind, f"{version}-5", version=version + 1, turn=dict(row))

    def frame(self, kind, log_id, **fields):
        event = {"type": kind, **fields}
        if log_id is not None:
            event["id"] = log_id
        if kind == "snapshot":
            event["adventure"] = {"version": fields.pop("version", 0)}
            event["turns"] = copy.deepcopy(event["turns"])
        self.history.add("frame", event=event)

    # What a test breaks

    def events(self, kind):
        return [r["event"] for r in self.history if r.get("event", {}).get("type") == kind]

    def drop(self, event):
        self.history.records = [r for r in self.history.records if r.get("event") is not event]

    def row(self, turn):
        return next(row for row in self.stored.turns if row["id"] == turn)

    def complaints(self, barriers=()):
        return {each.kind for each in checker.check(self.stored, [self.history], barriers)}


def turn(identity, parent, kind, reply, status, last_child):
    return {
        **{"id": identity, "adventure": ADVENTURE, "parent": parent, "last_child": last_child},
        **{"kind": kind, "action": "look", "reply": reply, "status": status, "attempt": 1},
        **{"reason": "", "edited": False, "siblings": [identity]},
    }


@pytest.fixture
def world():
    return World()


def test_a_true_story_is_not_complained_about(world):
    assert checker.check(world.stored, [world.history]) == []


BREAKS = {}


def breaks(kind):
    def note(function):
        BREAKS[function.__name__] = (kind, function)
        return function

    return note


@breaks(checker.WORLD)
def a_state_that_forgot_a_change(world):
    world.stored.worlds[1]["folded"]["entries"] = []


@breaks(checker.WORLD)
def a_state_from_before_an_edit(world):
    world.stored.worlds[0]["changes"] = [{**ATTIC, "value": "the cellar"}]


@breaks(checker.LOST)
def an_accepted_command_that_is_not_stored(world):
    world.stored.commands = world.stored.commands[:1] + world.stored.commands[2:]


@breaks(checker.LOST)
def an_accepted_turn_that_is_not_stored(world):
    world.stored.commands[0]["turn"] = "elsewhere"


@breaks(checker.TWICE)
def a_key_carried_out_twice(world):
    world.stored.command_inserts.append(dict(world.stored.command_inserts[1]))


@breaks(checker.TWICE)
def two_commands_that_made_one_turn(world):
    world.stored.commands.append({**world.stored.commands[0], "key": "another"})


@breaks(checker.ANOTHER_ANSWER)
def a_key_answered_in_two_ways(world):
    world.frame("accepted", None, key=KEYS["a"], turn=SECOND)


@breaks(checker.REFUSED_BUT_DONE)
def a_refusal_of_what_was_done(world):
    accepted = world.events("accepted")[1]
    accepted |= {"type": "error", "code": "narrator_down", "message": ""}


@breaks(checker.UNANSWERED)
def a_command_without_an_answer(world):
    world.history.add("sent", command={"key": "forgotten"})


@breaks(checker.HUNG)
def a_player_who_waited_for_ever(world):
    world.history.add("hung", on="an answer", key=KEYS["a"], seconds=60)


@breaks(checker.SHUT_OUT)
def a_door_shut_on_a_player(world):
    world.history.add("closed", code=4408)


@breaks(checker.NOT_FROM_A_COMMAND)
def a_turn_that_nobody_asked_for(world):
    world.stored.commands.pop(0)
    world.stored.command_inserts.pop(0)
    world.drop(world.events("accepted")[0])


@breaks(checker.NO_END)
def a_turn_that_is_still_under_way(world):
    world.row(SECOND)["status"] = "queued"


@breaks(checker.TWO_ENDS)
def a_turn_that_ended_twice(world):
    world.end(FIRST, "told", LONG)


@breaks(checker.CAME_BACK)
def a_stopped_turn_that_was_told_after_all(world):
    world.change(SECOND, "stopped", "told", CUT, old_reply=CUT)


@breaks(checker.CAME_BACK)
def a_told_reply_that_changed_without_an_edit(world):
    world.change(FIRST, "told", "told", LONG, old_reply=SHORT)


@breaks(checker.NOT_FROM_A_COMMAND)
def an_undone_turn_that_came_back_by_itself(world):
    world.tx += 1
    world.raised(OPENING, FIRST)


@breaks(checker.WRONG_HEAD)
def an_undo_that_went_elsewhere(world):
    world.stored.command_inserts[1]["turn"] = SECOND
    world.stored.head_changes[2]["head"] = SECOND


@breaks(checker.WRONG_HEAD)
def a_redo_of_another_turn(world):
    world.stored.head_changes[3]["head"] = world.stored.command_inserts[2]["turn"] = SECOND


@breaks(checker.VERSION)
def a_version_that_was_skipped(world):
    world.stored.head_changes[3]["version"] += 1


@breaks(checker.TREE)
def a_parent_that_is_missing(world):
    world.row(SECOND)["parent"] = "nobody"


@breaks(checker.TREE)
def two_openings(world):
    world.row(FIRST).update(kind="opening", parent=None)


@breaks(checker.TREE)
def a_circle(world):
    world.row(FIRST)["parent"] = SECOND


@breaks(checker.TREE)
def a_redo_that_leads_astray(world):
    world.row(FIRST)["last_child"] = OPENING


@breaks(checker.TREE)
def a_head_outside_the_tree(world):
    world.stored.adventures[0]["head"] = "nowhere"


@breaks(checker.NOT_SCRIPTED)
def a_word_that_stands_twice_in_what_is_stored(world):
    first, _, rest = LONG.partition(" ")
    world.row(FIRST)["reply"] = f"{first} {first} {rest}"


@breaks(checker.NOT_SCRIPTED)
def a_word_that_is_missing_in_what_is_stored(world):
    world.row(FIRST)["reply"] = LONG.replace(LONG.split()[4] + " ", "")


@breaks(checker.NOT_SCRIPTED)
def a_told_reply_that_breaks_off(world):
    world.row(FIRST)["reply"] = LONG[: LONG.index(" ", 30)]


@breaks(checker.NOT_SCRIPTED)
def a_stopped_reply_that_ends_inside_a_word(world):
    world.row(SECOND)["reply"] = CUT[:-1]


@breaks(checker.NOT_SCRIPTED)
def a_reply_put_together_from_two_tellings(world):
    world.row(FIRST)["reply"] = LONG[:40] + script.REPLIES[5][40:]


@breaks(checker.ENDINGS_DIFFER)
def a_turn_that_was_said_to_be_told_and_stopped(world):
    told = world.events("turn.told")[0]
    again = {**told["turn"], "status": "stopped", "reply": LONG[:20]}
    world.frame("turn.stopped", "30-0", version=7, turn=again)


@breaks(checker.ENDINGS_DIFFER)
def an_end_that_is_not_the_stored_one(world):
    world.events("turn.told")[0]["turn"]["reply"] = SHORT


@breaks(checker.WORDS_CHANGED)
def words_that_vanish_from_the_page(world):
    queued = world.events("turn.queued")[0]["turn"]
    opening = world.stored.turns[0]
    at = world.history.records.index({"what": "frame", "event": world.events("turn.token")[0]})
    world.frame("snapshot", "1-3", turns=[opening, {**queued, "attempt": 2}], head=FIRST, redo=None)
    again = world.history.records.pop()
    again["event"]["turns"][1]["reply"] = "Other words"
    world.history.records.insert(at + 1, again)


@breaks(checker.WORDS_MISSING)
def a_piece_that_never_came(world):
    world.drop(world.events("turn.token")[1])


@breaks(checker.WORDS_MISSING)
def a_piece_with_another_word(world):
    piece = world.events("turn.token")[1]
    piece["text"] = piece["text"].upper()


@breaks(checker.GAP)
def a_version_that_never_reached_a_page(world):
    world.drop(world.events("head.moved")[0])


@breaks(checker.STALE)
def a_page_that_missed_the_last_turn(world):
    for kind in ("turn.queued", "turn.started", "turn.token", "turn.stopped"):
        for event in world.events(kind):
            if SECOND in str(event.get("turn")):
                world.drop(event)


@breaks(checker.STALE)
def a_page_that_shows_an_undone_turn(world):
    world.row(FIRST)["last_child"] = SECOND
    world.stored.adventures[0]["head"] = FIRST


@breaks(checker.STALE_AFRESH)
def a_snapshot_with_other_words(world):
    world.events("snapshot")[-1]["turns"][1]["reply"] = SHORT


@breaks(checker.STALE_AFRESH)
def a_snapshot_that_offers_the_wrong_redo(world):
    world.events("snapshot")[-1]["redo"] = FIRST


@breaks(checker.LEFT_OVER)
def a_lease_that_nobody_let_go(world):
    world.stored.left_in_redis.append("grue:lease:first")


@breaks(checker.FOUND_BY_OTHER_WORDS)
def a_turn_that_is_found_by_words_of_another(world):
    row = {
        "turn": str(uuid.uuid4()),
        "kind": "do",
        "action": "wait",
        "reply": "It rains.",
        "terms": "00" * 8,
    }
    world.stored.recall = [row]


@pytest.mark.parametrize("name", BREAKS)
def test_the_checker_complains_about(world, name):
    kind, change = BREAKS[name]
    change(world)
    assert kind in world.complaints()


def test_the_checker_complains_where_two_of_many_at_once_were_carried_out(world):
    assert world.complaints([[KEYS["a"], "one", "two"]]) == set()
    assert world.complaints([[KEYS["a"], KEYS["d"]]]) == {checker.BARRIER}
    assert world.complaints([["one", "two"]]) == {checker.BARRIER}


def test_every_kind_of_complaint_is_shown_to_be_made():
    kinds = {
        value for name, value in vars(checker).items() if name.isupper() and isinstance(value, str)
    }
    assert kinds - {kind for kind, _ in BREAKS.values()} == {checker.BARRIER}


def test_words_may_change_while_redis_has_lost_everything(world):
    events = world.events("turn.token")
    at = world.history.records.index({"what": "frame", "event": events[1]})
    world.history.records[at:at] = [
        {"what": "emptied", "back": False},
        {"what": "emptied", "back": True},
    ]
    world.drop(events[1])
    assert world.complaints() == set()
