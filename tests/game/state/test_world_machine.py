"""The state of every turn is the fold of its path's changes, computed afresh, whatever was done.

Hypothesis plays, retries, undoes, redoes, goes to turns, edits, changes and unlocks the state,
reads late, copies and shares. Beside the game it keeps what each turn changed in plain lists, and
folds them.
"""

import contextlib
import json
import uuid
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from game.library import copies, shares
from game.models import Adventure, Scenario, Status, Turn
from game.play import adventures, endings, tree, turns
from game.play.events import queue_client
from game.play.protocol import Refused, parse_command
from game.state import beginnings, changes, edits, worlds
from inference.contract.questions import digest_of
from inference.contract.request import Result
from inference.contract.world import WorldChange
from inference.world.folding import fold, key_of
from tests.game.state.conftest import read

EXAMPLES, STEPS = 8, 30
REPLIES = [
    "Mara arrives.",
    "Mara leaves.",
    "Mara dies.",
    "Ada arrives. You take the lantern.",
    "You lose the lantern.",
    "You are in Rome.",
    "Nothing happens.",
    "",
]
COMMANDS = [
    *["take_action"] * 6,
    *["retry_turn", "edit_turn", "go_to_turn", "undo_turn", "redo_turn"] * 2,
    "stop_turn",
]
PLAYERS = [
    {"part": "person", "name": "MARA", "field": "life", "value": "alive"},
    {"part": "person", "name": "Mara", "field": "life", "value": ""},
    {"part": "person", "name": "Mara", "field": "here", "value": "yes"},
    {"part": "person", "name": "Ada", "field": "mood", "value": "kind"},
    {"part": "thing", "name": "lantern", "field": "held", "value": "worn"},
    {"part": "thing", "name": "lantern", "field": "held", "value": ""},
    {"part": "place", "value": "Paris"},
    {"part": "aim", "name": "go home", "value": "open"},
    {"part": "aim", "name": "go home", "value": "done"},
]
READINGS = [
    WorldChange(part="person", name="Mara", field="life", value="alive", source="narrator"),
    WorldChange(part="person", name="Mara", field="mood", value="sad", source="narrator"),
    WorldChange(part="thing", name="lantern", field="held", value="carried", source="narrator"),
    WorldChange(part="place", value="Oslo", source="narrator"),
]
BEGINNING = "place: Bern\nperson: Teague, dead\nhidden fact: the well is dry"


class Play(RuleBasedStateMachine):
    """A player's adventures and copies of them; `said` has the changes of each turn by source."""

    @initialize()
    def begin(self):
        self.wake()
        self.said = {}
        self.adventures = [adventures.begin(self.alice, Scenario.objects.get(), {}).pk]
        opening = Adventure.objects.get(pk=self.adventures[0]).head
        self.said[opening.pk] = {"scenario": beginnings.parse(BEGINNING)}
        self.shared = []
        self.replaced = None  # the turn whose state was edited last, and its changes before

    def wake(self):
        queue_client().send_heartbeat("parrot", "test", slots=4, recent_seconds=[0.1])

    @property
    def adventure(self):
        """The adventure that is played: the newest copy."""
        return Adventure.objects.get(pk=self.adventures[-1])

    def pick(self, which):
        ids = list(self.adventure.turns.order_by("created", "pk").values_list("pk", flat=True))
        return ids[which % len(ids)]

    def texts(self):
        found = Turn.objects.filter(adventure=self.adventures[-1])
        return {pk: rest for pk, *rest in found.values_list("pk", "action", "reply", "status")}

    def told(self, turn):
        """What rules read from a turn replaces what they had read."""
        action, reply, _status = self.texts()[turn]
        self.said.setdefault(turn, {})["rule"] = [*read(f"{action}\n{reply}")]

    @rule(
        what=st.sampled_from(COMMANDS),
        which=st.integers(0, 30),
        reply=st.sampled_from(REPLIES),
        outcome=st.sampled_from(["told", "told", "told", "stopped", "failed", ""]),
    )
    def play(self, what, which, reply, outcome):
        """The player sends a command; a turn that it makes ends, or (no outcome) goes on."""
        fields = {}
        if what == "take_action":
            fields = {"kind": "story", "text": reply or "wait"}
        elif what == "edit_turn":
            fields = {"turn": str(self.pick(which)), "reply": reply}
        elif what not in ("undo_turn", "redo_turn"):
            fields = {"turn": str(self.pick(which))}
        before = self.texts()
        last_edit = self.adventure.last_edit
        command = parse_command(json.dumps({"type": what, "key": str(uuid.uuid4()), **fields}))
        with contextlib.suppress(Refused):
            turns.carry_out(self.adventures[-1], self.alice, command)
            self.restored(what, last_edit)
        if outcome:
            self.end(reply, outcome)
        for turn, texts in self.texts().items():
            known = before.get(turn)
            if known != texts and texts[2] != Status.QUEUED:
                self.told(turn)
                if known is not None and known[2] != Status.QUEUED:
                    self.said[turn]["narrator"] = []  # edited: it was read from the old text

    def restored(self, what, last_edit):
        """An edit of the state that was the last change is undone, or done again."""
        restores = last_edit and "world" in last_edit
        if restores and (what, last_edit["undone"]) in (("undo_turn", False), ("redo_turn", True)):
            turn, own = self.replaced
            said = self.said.setdefault(turn, {})
            self.replaced = (turn, said.get("player", []))
            said["player"] = own

    def end(self, reply, outcome):
        turn = self.adventure.turns.filter(status=Status.QUEUED).first()
        if turn is not None:
            endings.finish_turn(
                Result(
                    adventure=str(turn.adventure_id),
                    turn=str(turn.pk),
                    attempt=turn.attempt,
                    outcome=outcome,
                    reply=reply,
                )
            )

    @rule(
        chosen=st.lists(st.sampled_from(PLAYERS), min_size=1, max_size=3, unique_by=str),
        which=st.none() | st.integers(0, 30),
    )
    def change(self, chosen, which):
        """The player changes the state, of the current turn or another one."""
        found = edits.parse_changes(json.dumps(chosen).encode())
        turn = worlds.current_turn(self.adventure).pk if which is None else self.pick(which)
        with contextlib.suppress(edits.WorldError, Refused):
            edits.change_world(
                self.adventures[-1], self.alice, found, None if which is None else turn
            )
            own = self.said.get(turn, {}).get("player", [])
            self.edited(turn, edits.merge(own, found))

    def edited(self, turn, own):
        """The player's changes of a turn are these now; undo brings back those before."""
        said = self.said.setdefault(turn, {})
        if said.get("player", []) != own and not self.under_way():
            self.replaced = (turn, said.get("player", []))
        said["player"] = own

    def under_way(self):
        return self.adventure.turns.filter(status=Status.QUEUED).exists()

    @rule(chosen=st.sampled_from(PLAYERS))
    def unlock(self, chosen):
        """The player gives an entry back to the story, on the path to the current turn."""
        name = {field: value for field, value in chosen.items() if field != "value"}
        [key] = keys = edits.parse_keys(json.dumps([name]).encode())
        turn = worlds.current_turn(self.adventure).pk
        set_earlier = False
        for each in tree.whole_path(turn)[:-1]:
            for change in self.said.get(each, {}).get("player", []):
                if key_of(change) == key:
                    set_earlier = not change.released
        said = self.said.setdefault(turn, {})
        own = [each for each in said.get("player", []) if key_of(each) != key]
        edits.unlock(self.adventures[-1], self.alice, keys)
        self.edited(turn, [*own, edits.release_of(key)] if set_earlier else own)

    @rule(read=st.lists(st.sampled_from(READINGS), unique=True), which=st.integers(0, 30))
    def read_late(self, read, which):
        """The narrator's reading of a turn arrives."""
        turn = Turn.objects.get(pk=self.pick(which))
        if changes.record_reading(
            turn.adventure_id, turn.pk, read, digest_of(turn.action, turn.reply)
        ):
            self.said.setdefault(turn.pk, {})["narrator"] = read

    @rule(
        what=st.sampled_from(["whole", "path", "share", "share", "play on"]),
        which=st.integers(0, 30),
        plot=st.booleans(),
    )
    def copy(self, what, which, plot):
        """Copies and links: the player goes on in the copy."""
        match what:
            case "whole" | "path":
                self.fork(what == "path")
            case "share":
                self.share(which, plot)
            case "play on" if self.shared:
                link, path, said = self.shared[which % len(self.shared)]
                self.go_on_in(shares.play_on(link, self.alice), path, said)

    def fork(self, only_path):
        original = self.adventure
        path = tree.whole_path(copies.last_ended_turn(original))
        copy = copies.duplicate(self.alice, original, only_path)
        if only_path:
            self.go_on_in(copy, path, self.said)
            return
        states = [
            sorted(
                str(without_turns(worlds.entries_at(each.pk)))
                for each in adventure.turns.exclude(status=Status.QUEUED)
            )
            for adventure in (original, copy)
        ]
        assert states[0] == states[1]

    def share(self, which, plot):
        """A link to the path of a turn, as it is now."""
        turn = Turn.objects.get(pk=self.pick(which))
        if turn.status != Status.QUEUED:
            path = tree.whole_path(turn.pk)
            said = {each: dict(self.said.get(each, {})) for each in path} if plot else {}
            self.shared.append((shares.share(self.alice, turn, plot), path, said))

    def go_on_in(self, copy, path, said):
        copied = tree.whole_path(Adventure.objects.get(pk=copy.pk).head_id)
        assert len(copied) == len(path)
        for old, new in zip(path, copied, strict=True):
            self.said[new] = dict(said.get(old, {}))
        self.adventures.append(copy.pk)

    # What has to be so

    def afresh(self, turn):
        """The fold of what was said on the path, from the opening on."""
        entries = {}
        path = [(each, self.said.get(each, {})) for each in tree.whole_path(turn)]
        for number, (each, said) in enumerate(path):
            later = [
                key_of(change)
                for _turn, after in path[number + 1 :]
                for change in after.get("player", [])
                if change.released
            ]
            changes = [
                change
                for part in said.values()
                for change in part
                if not change.released
                and not (change.source == "player" and key_of(change) in later)
            ]
            entries = fold(entries, str(each), number, changes)
        return entries

    def is_as_afresh(self, turn):
        found, expected = worlds.entries_at(turn), self.afresh(turn)
        assert list(found.items()) == list(expected.items())

    @invariant()
    def the_current_state_is_as_if_computed_afresh(self):
        if hasattr(self, "adventures"):
            self.is_as_afresh(worlds.current_turn(self.adventure).pk)

    def teardown(self):
        played = Turn.objects.filter(adventure__in=self.adventures)
        for turn in played.values_list("pk", flat=True):
            self.is_as_afresh(turn)
        Adventure.objects.all().delete()


def without_turns(entries):
    return [replace(each, turn="") for each in entries.values()]


@pytest.mark.django_db
@pytest.mark.usefixtures("plain_rules", "log")
def test_the_state_of_every_turn_is_the_fold_of_its_path(alice, scenario, monkeypatch, settings):
    scenario.world = beginnings.as_data(beginnings.parse(BEGINNING))
    scenario.opening = "You wait."
    scenario.save()
    monkeypatch.setattr(worlds, "CACHE_EVERY", 3)
    monkeypatch.setattr(copies, "COPIES_A_DAY", 1000)
    settings.LIMITS = settings.LIMITS | {"edit": "100000/m/user"}
    monkeypatch.setattr(Play, "alice", alice, raising=False)
    run_state_machine_as_test(
        Play,
        settings=hypothesis_settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            report_multiple_bugs=False,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
