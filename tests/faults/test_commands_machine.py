"""A page that applies events shows what a fresh snapshot shows, wherever it was cut.

Hypothesis plays all parts in one process: players send commands, a narrator takes turns, speaks,
dies and is overtaken, Redis is emptied, and pages read the log in pieces of any size.
"""

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

from game import adventures, snapshots, turns
from game.consumers import merged
from game.followers import decoded
from game.log import story_log
from game.models import Command, Player, Scenario, Status, Turn
from game.protocol import Refused, parse_command
from inference.log import FIRST, LAGGED, log_key
from inference.request import Result, Token
from tests.faults import page

NARRATOR = "parrot"
SHOWN = ("id", "parent", "kind", "action", "reply", "status", "edited", "siblings", "reason")
WORDS = ["The", " hinges", " groan.", " Somebody", " coughs", " below,", " and", " laughs."]
EXAMPLES, STEPS = 50, 30


class Reader:
    """A page: what it shows, and where in the log it stands."""

    def __init__(self, adventure):
        self.adventure = adventure
        self.state = page.empty()
        self.cut_off = False  # Redis broke off: the web sends a snapshot next
        self.look_afresh()

    def look_afresh(self):
        self.cut_off = False
        event = snapshots.snapshot(self.adventure.pk).model_dump(mode="json")
        self.state = page.reduce(self.state, event)

    def read(self, most=None):
        """Apply the next entries of the log, as the web would send them in one go."""
        entries = self.missed()
        if entries is None or self.cut_off:
            self.look_afresh()
            return
        for event in merged(entries[:most]):
            if event["type"] == LAGGED:
                self.look_afresh()
                return
            self.state = page.reduce(self.state, event)
        if self.state["missing"]:
            self.look_afresh()

    def missed(self):
        """What stands in the log after the last id seen; None when it does not reach back."""
        after, key = self.state["log"], log_key(str(self.adventure.pk))
        entries = [decoded(*each) for each in story_log().redis.xrange(key, min=after)]
        if after == FIRST:
            return entries
        return entries[1:] if entries and entries[0].id == after else None


class Play(RuleBasedStateMachine):
    """One adventure, its players, narrators and pages."""

    @initialize()
    def begin(self):
        story_log().redis.flushdb()
        self.wake()
        self.alice = Player.objects.create_user(f"alice-{uuid.uuid4().hex}")
        self.adventure = adventures.begin(self.alice, Scenario.objects.get(), {})
        self.readers = [Reader(self.adventure)]
        self.leases = []  # (lease, words said): the last one is the narrator of today
        self.sent = []

    def wake(self):
        story_log().beat(NARRATOR, "test", slots=4, running=0, turn_s=0.1)

    def ids(self):
        found = self.adventure.turns.order_by("created", "pk").values_list("pk", flat=True)
        return [str(each) for each in found]

    # Players

    def send(self, kind, /, **fields):
        command = {"type": kind, "key": str(uuid.uuid4()), **fields}
        self.carry_out(command)

    def carry_out(self, command):
        parsed = parse_command(json.dumps(command))
        try:
            accepted = turns.carry_out(self.adventure.pk, self.alice, parsed)
        except Refused:
            return
        self.sent.append((command, accepted))

    @rule(kind=st.sampled_from(["do", "say", "story", "continue"]))
    def act(self, kind):
        self.send("take_action", kind=kind, text="" if kind == "continue" else "open the door")

    @rule(which=st.integers(0, 50))
    def retry(self, which):
        ids = self.ids()
        self.send("retry_turn", turn=ids[which % len(ids)])

    @rule()
    def undo(self):
        self.send("undo_turn")

    @rule()
    def redo(self):
        self.send("redo_turn")

    @rule(which=st.integers(0, 50))
    def go_to(self, which):
        ids = self.ids()
        self.send("go_to_turn", turn=ids[which % len(ids)])

    @rule(which=st.integers(0, 50), text=st.sampled_from(["Once.", "Twice, it seems.", ""]))
    def edit(self, which, text):
        ids = self.ids()
        self.send("edit_turn", turn=ids[which % len(ids)], reply=text)

    @rule(which=st.integers(0, 50))
    def stop(self, which):
        ids = self.ids()
        self.send("stop_turn", turn=ids[which % len(ids)])

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 50))
    def send_again(self, which):
        command, accepted = self.sent[which % len(self.sent)]
        before = Turn.objects.count(), Command.objects.count()
        again = turns.carry_out(self.adventure.pk, self.alice, parse_command(json.dumps(command)))
        assert again == accepted
        assert before == (Turn.objects.count(), Command.objects.count())

    # Narrators

    @rule()
    def take_turn(self):
        lease = story_log().take_next(NARRATOR, "worker")
        if lease is not None and lease.ended is None:
            self.leases.append([lease, lease.request.told])

    @precondition(lambda self: self.leases)
    @rule(words=st.integers(1, 3), back=st.integers(0, 1))
    def say(self, words, back):
        """The narrator of today, or one that was overtaken, says some words."""
        telling = self.leases[max(0, len(self.leases) - 1 - back)]
        tokens = self.next_words(telling, words)
        if story_log().append([(telling[0], tokens)])[0]:
            telling[1] += "".join(token.text for token in tokens)

    def next_words(self, telling, words):
        lease, said = telling
        whole = "".join(WORDS)
        tokens = []
        for word in WORDS:
            if len(tokens) < words and whole.index(word) >= len(said):
                about = {"turn": lease.request.turn, "attempt": lease.request.attempt}
                tokens.append(Token(**about, index=whole.index(word), text=word))
        return tokens

    @precondition(lambda self: self.leases)
    @rule(
        outcome=st.sampled_from(["told", "told", "failed"]),
        recorded=st.booleans(),
        back=st.integers(0, 1),
    )
    def end(self, outcome, recorded, back):
        """A reply comes to its end; its Result may be lost, and the sweep finds it in the log."""
        telling = self.leases[max(0, len(self.leases) - 1 - back)]
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
        if story_log().finish(telling[0], result, last):
            telling[1] = reply
            if recorded:
                assert turns.finish_turn(result)
        else:
            assert not turns.finish_turn(result), "a result without its lease was stored"
        if recorded:
            assert not turns.finish_turn(result), "a result was stored twice"

    @precondition(lambda self: self.leases)
    @rule()
    def die(self):
        story_log().release(self.leases[-1][0])

    @rule()
    def sweep(self):
        for turn in Turn.objects.filter(status=Status.QUEUED):
            turns.give_again(turn.pk, turns.sweep_turn)

    @rule()
    def empty_redis(self):
        story_log().redis.flushdb()
        self.wake()
        for reader in self.readers:
            reader.cut_off = True

    # Pages

    @rule(which=st.integers(0, 5), most=st.integers(1, 6))
    def read(self, which, most):
        self.readers[which % len(self.readers)].read(most)

    @rule()
    def open_page(self):
        if len(self.readers) < 4:
            self.readers.append(Reader(self.adventure))

    @rule(which=st.integers(0, 5))
    def look_afresh(self, which):
        self.readers[which % len(self.readers)].look_afresh()

    @invariant()
    def one_turn_at_most_is_under_way(self):
        assert Turn.objects.filter(adventure=self.adventure, status=Status.QUEUED).count() <= 1

    @rule(which=st.integers(0, 5))
    def compare(self, which):
        """Whatever was read before: with all that is left to read, the page is as a fresh one."""
        is_as_fresh(self.readers[which % len(self.readers)])

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
            phases=[Phase.generate],  # shrinking takes minutes; take it in to understand a failure
            report_multiple_bugs=False,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
