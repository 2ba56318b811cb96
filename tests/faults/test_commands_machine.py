"""A page that applies events shows what a fresh snapshot shows, wherever it was cut.

Hypothesis plays all parts in one process: players send commands, a narrator takes turns, speaks,
dies and is overtaken, Redis is emptied, and pages read the log in pieces of any size.
"""

import contextlib
import json
import uuid

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from game.chapters import chapters
from game.models import Command, Player, Scenario, Status, Turn
from game.play import adventures, endings, snapshots, sweep, turns
from game.play.consumers import merge_entries
from game.play.events import queue_client
from game.play.followers import decode_entry
from game.play.protocol import Refused, parse_command
from inference.contract.request import Result, Token
from inference.queue.keys import log_key
from inference.queue.streams import FIRST, LAGGED
from tests.faults import page

NARRATOR = "parrot"
SHOWN = (
    *("id", "parent", "kind", "action", "reply", "status", "edited", "siblings", "reason"),
    "chapter",
)
WORDS = ["The", " hinges", " groan.", " Somebody", " coughs", " below,", " and", " laughs."]
COMMANDS = [
    *["take_action"] * 8,
    *["retry_turn", "edit_turn", "go_to_turn"] * 2,
    *["undo_turn", "redo_turn", "stop_turn", "close chapter", "reopen chapter"],
]
NARRATION = [
    *["begin", "say", "say", "say", "say twice", "end"] * 2,
    *["end unheard", "fail", "die", "sweep", "sweep", "empty Redis"],
]
READING = [*["read"] * 4, "afresh", "begin afresh", "begin afresh", "open", "compare", "compare"]
TEXTS = ["Once.", "Twice, it seems.", ""]
EXAMPLES, STEPS = 50, 40


class Reader:
    """A page: what it shows, and where in the log it stands."""

    def __init__(self, adventure):
        self.adventure = adventure
        self.state = page.empty()
        self.cut_off = False  # Redis broke off: the web sends a snapshot next
        self.looking_since = None  # the log's end as it was when a snapshot was begun
        self.look_afresh()

    def look_afresh(self):
        event = snapshots.snapshot(self.adventure.pk).model_dump(mode="json")
        if self.looking_since is not None and not self.cut_off:
            event["id"] = self.looking_since
        self.cut_off, self.looking_since = False, None
        self.version = event["adventure"]["version"]
        self.state = page.reduce(self.state, event)

    def read(self, most=None):
        """Apply the next entries of the log, as the web would send them in one go."""
        if self.looking_since is not None:
            self.look_afresh()
        entries = self.missed()
        if entries is None or self.cut_off:
            self.look_afresh()
            return
        for event in merge_entries(entries[:most]):
            if event["type"] == LAGGED:
                self.look_afresh()
                return
            before, self.state = self.state, page.reduce(self.state, event)
            if (event.get("version") or self.version + 1) <= self.version:
                assert shown(self.state) == shown(before), f"a replay was shown: {event}"
        if self.state["missing"]:
            self.look_afresh()

    def missed(self):
        """What stands in the log after the last id seen; None when it does not reach back."""
        after, key = self.state["log"], log_key(str(self.adventure.pk))
        entries = [decode_entry(*each) for each in queue_client().redis.xrange(key, min=after)]
        if after == FIRST:
            return entries
        return entries[1:] if entries and entries[0].id == after else None


class Play(RuleBasedStateMachine):
    """One adventure, its players, narrators and pages."""

    @initialize()
    def begin(self):
        queue_client().redis.flushdb()
        self.wake()
        self.alice = Player.objects.create_user(f"alice-{uuid.uuid4().hex}")
        self.adventure = adventures.begin(self.alice, Scenario.objects.get(), {})
        self.readers = [Reader(self.adventure)]
        self.leases = []  # (lease, words said): the last one is the narrator of today
        self.sent = []

    def wake(self):
        queue_client().send_heartbeat(NARRATOR, "test", slots=4, recent_seconds=[0.1])

    def ids(self):
        found = self.adventure.turns.order_by("created", "pk").values_list("pk", flat=True)
        return [str(each) for each in found]

    # Players

    @rule(
        what=st.sampled_from(COMMANDS),
        which=st.integers(0, 50),
        text=st.sampled_from(TEXTS),
        words=st.integers(0, 4),
    )
    def play(self, what, which, text, words):
        """A player sends a command; where it begins a turn, the narrator may say some words."""
        ids = self.ids()
        turn = ids[which % len(ids)]
        match what:
            case "close chapter" | "reopen chapter":
                self.chapter(what, turn, text or "The cellar")
                return
            case "take_action":
                kind = ["do", "say", "story", "continue"][which % 4]
                fields = {"kind": kind, "text": "" if kind == "continue" else "open the door"}
            case "edit_turn":
                fields = {"turn": turn, "reply": text}
            case "undo_turn" | "redo_turn":
                fields = {}
            case _:
                fields = {"turn": turn}
        command = {"type": what, "key": str(uuid.uuid4()), **fields}
        with contextlib.suppress(Refused):
            accepted = turns.carry_out(self.adventure.pk, self.alice, parsed(command))
            self.sent.append((command, accepted))
            if what in ("take_action", "retry_turn") and words:
                self.begin_turn()
                self.say(self.leases[-1], words)

    def chapter(self, what, turn, title):
        """A player closes or reopens a chapter that ends with a turn."""
        with contextlib.suppress(Refused):
            if what == "close chapter":
                chapters.close(self.adventure.pk, self.alice, uuid.UUID(turn), title)
            else:
                chapters.reopen(self.adventure.pk, self.alice, uuid.UUID(turn))

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 50))
    def send_again(self, which):
        command, accepted = self.sent[which % len(self.sent)]
        before = Turn.objects.count(), Command.objects.count()
        assert turns.carry_out(self.adventure.pk, self.alice, parsed(command)) == accepted
        assert before == (Turn.objects.count(), Command.objects.count())

    # Narrators

    @rule(what=st.sampled_from(NARRATION), words=st.integers(1, 3), back=st.booleans())
    def narrate(self, what, words, back):
        """The narrator of today does something, or one that was overtaken (`back`)."""
        if what == "begin" or not back:
            self.begin_turn()  # where one waits
        if not self.leases:
            return
        telling = self.leases[-2 if back and len(self.leases) > 1 else -1]
        match what:
            case "say":
                self.say(telling, words)
            case "say twice":  # a write that was retried
                self.say(telling, words, times=2)
            case "end":
                self.end(telling, "told")
            case "fail":
                self.end(telling, "failed")
            case "end unheard":  # the sweep finds it in the log
                self.end(telling, "told", recorded=False)
            case "die":
                queue_client().release(telling[0])
            case "sweep":
                self.sweep()
            case "empty Redis":
                self.empty_redis()

    def begin_turn(self):
        lease = queue_client().take_next(NARRATOR, "worker")
        if lease is not None and lease.ended is None:
            self.leases.append([lease, lease.request.told])

    def say(self, telling, words, times=1):
        tokens = self.next_words(telling, words)
        for _ in range(times):
            kept = queue_client().append([(telling[0], tokens)])[0]
        if kept:
            telling[1] += "".join(token.text for token in tokens)

    def next_words(self, telling, words):
        lease, said = telling
        about = {"turn": lease.request.turn, "attempt": lease.request.attempt}
        whole = "".join(WORDS)
        left = [word for word in WORDS if whole.index(word) >= len(said)]
        return [Token(**about, index=whole.index(word), text=word) for word in left[:words]]

    def end(self, telling, outcome, recorded=True):
        last = self.next_words(telling, 1)
        reply = telling[1] + "".join(token.text for token in last)
        request = telling[0].request
        result = Result(
            adventure=request.adventure,
            turn=request.turn,
            attempt=request.attempt,
            outcome=outcome,
            reply=reply,
            reason="It broke." if outcome == "failed" else "",
        )
        if queue_client().finish(telling[0], result, last):
            telling[1] = reply
            if recorded:
                assert endings.finish_turn(result)
                assert not endings.finish_turn(result), "a result was stored twice"
        elif Turn.objects.filter(pk=request.turn, attempt__gt=request.attempt).exists():
            assert not endings.finish_turn(result), "an overtaken attempt's result was stored"

    def sweep(self):
        for turn in Turn.objects.filter(status=Status.QUEUED):
            sweep.sweep_turn(turn.pk)

    def empty_redis(self):
        queue_client().redis.flushdb()
        self.wake()
        for reader in self.readers:
            reader.cut_off = True

    # Pages

    @rule(what=st.sampled_from(READING), which=st.integers(0, 5), most=st.integers(1, 6))
    def look(self, what, which, most):
        reader = self.readers[which % len(self.readers)]
        match what:
            case "read":
                reader.read(most)
            case "afresh":
                reader.look_afresh()
            case "begin afresh":  # the log's end is read now, the database later
                reader.looking_since = queue_client().last_id(str(self.adventure.pk))
            case "open":
                self.readers = [*self.readers[-3:], Reader(self.adventure)]
            case "compare":
                is_as_fresh(reader)

    @invariant()
    def one_turn_at_most_is_under_way(self):
        assert Turn.objects.filter(adventure=self.adventure, status=Status.QUEUED).count() <= 1

    def teardown(self):
        if hasattr(self, "readers"):
            for reader in self.readers:
                is_as_fresh(reader)
            self.adventure.delete()
            self.alice.delete()


def is_as_fresh(reader):
    reader.read()
    reader.read()  # where the first was answered with a snapshot
    fresh = page.reduce(page.empty(), fresh_snapshot(reader.adventure))
    assert shown(reader.state) == shown(fresh)


def parsed(command):
    return parse_command(json.dumps(command))


def fresh_snapshot(adventure):
    return snapshots.snapshot(adventure.pk).model_dump(mode="json")


def shown(state):
    """What a page shows. Whether a worker holds the turn just now comes by no event."""
    path = [{field: turn[field] for field in SHOWN} for turn in page.path(state)]
    for turn in path:
        turn["status"] = "queued" if turn["status"] == "running" else turn["status"]
    return {"path": path, "head": state["head"], "redo": state["redo"]}


@pytest.mark.django_db(transaction=True)
def test_a_page_that_applies_events_is_a_fresh_page_wherever_it_was_cut(scenario, log):
    run_state_machine_as_test(
        Play,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            phases=[
                Phase.generate,
                Phase.shrink,
            ],  # shrinking takes minutes; take it in to understand a failure
            report_multiple_bugs=False,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
