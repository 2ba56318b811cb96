"""Reads what players saw and what Postgres holds, and complains about each promise that broke.

Every complaint names its kind (the constants below), so that a test can show that it is made.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from game.recall.index import Stamp, packed
from game.recall.texts import TurnTexts
from game.state.worlds import CHANGES
from inference.world.folding import Entries, fold, without_released
from inference.world.serialization import FORMAT, dump
from tests.faults import page, script
from tests.faults.history import History
from tests.faults.stored import Row, Stored

ENDS = ("told", "stopped", "failed")
SHOWN = ("id", "parent", "kind", "action", "reply", "status", "edited")
PAGE_TURNS = 100

LOST = "an accepted command is lost"
TWICE = "a command was carried out twice"
ANOTHER_ANSWER = "the same key got another answer"
REFUSED_BUT_DONE = "a refused command was carried out"
UNANSWERED = "a command was never answered"
HUNG = "a player waited too long"
SHUT_OUT = "a player was shut out"
NO_END = "a turn has no end"
TWO_ENDS = "a turn ended twice"
CAME_BACK = "an ended turn changed"
NOT_FROM_A_COMMAND = "something changed that no command asked for"
WRONG_HEAD = "the head went elsewhere than the command said"
VERSION = "the version did not go up by one"
TREE = "the tree is broken"
NOT_SCRIPTED = "the stored words are not the narrator's"
ENDINGS_DIFFER = "windows were told different endings"
WORDS_CHANGED = "words on a page changed or vanished"
WORDS_MISSING = "the words shown are not the words told"
GAP = "something was skipped and nobody mended it"
STALE = "a page shows what is not stored"
STALE_AFRESH = "a fresh page shows what is not stored"
FOUND_BY_OTHER_WORDS = "a turn is recalled by words that it does not have"
WORLD = "the stored state of the world is not the fold of its path"
LEFT_OVER = "something is left in Redis"
BARRIER = "not exactly one of many at once was carried out"


@dataclass(frozen=True)
class Violation:
    """A promise that broke: which, for which turn or key, and the evidence in short."""

    kind: str
    about: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.about} {self.detail}".rstrip()


def check(
    stored: Stored, histories: Iterable[History], barriers: Iterable[list[str]] = ()
) -> list[Violation]:
    """Everything that is wrong. `barriers` are keys of commands of which one may be carried out."""
    histories = list(histories)
    return [
        *check_commands(stored, histories, barriers),
        *check_ends(stored),
        *check_heads(stored),
        *check_trees(stored),
        *check_words(stored),
        *check_recall(stored),
        *check_worlds(stored),
        *check_endings_seen(stored, histories),
        *(wrong for history in histories for wrong in check_page(stored, history)),
        *(Violation(LEFT_OVER, each) for each in stored.left_in_redis),
    ]


# Commands


def check_commands(
    stored: Stored, histories: list[History], barriers: Iterable[list[str]]
) -> Iterator[Violation]:
    rows = {row["key"]: row for row in stored.commands}
    for key, times in Counter(row["key"] for row in stored.command_inserts).items():
        if times > 1:
            yield Violation(TWICE, key, f"{times} rows")
    makers = [row for row in stored.commands if row["type"] in ("take_action", "retry_turn")]
    for turn, times in Counter(row["turn"] for row in makers).items():
        if times > 1:
            yield Violation(TWICE, str(turn), f"made by {times} commands")
    made = {row["turn"] for row in makers}
    for turn in stored.turns:
        if turn["kind"] != "opening" and turn["id"] not in made:
            yield Violation(NOT_FROM_A_COMMAND, turn["id"], "a turn without a command")
    for history in histories:
        yield from check_answers(stored, history, rows)
    for keys in barriers:
        turns = {rows[key]["turn"] for key in keys if key in rows}
        if len(turns) != 1:
            yield Violation(BARRIER, keys[0], f"{len(turns)} turns of {len(keys)} commands")


def check_answers(stored: Stored, history: History, rows: dict[str, Row]) -> Iterator[Violation]:
    sent: set[str] = set()
    accepted: dict[str, str | None] = {}
    refused: dict[str, str] = {}
    for record in history:
        if record["what"] == "sent":
            sent.add(record["command"]["key"])
        elif record["what"] == "hung":
            about = record.get("turn") or record.get("key") or ""
            yield Violation(HUNG, about, f"{record['seconds']} s for {record['on']}")
        elif record["what"] == "closed" and record.get("code") in (4401, 4404, 4408):
            yield Violation(SHUT_OUT, history.name, str(record["code"]))
        if record["what"] != "frame" or not record["event"].get("key"):
            continue
        event = record["event"]
        key = event["key"]
        if event["type"] == "accepted":
            if accepted.setdefault(key, event.get("turn")) != event.get("turn"):
                yield Violation(ANOTHER_ANSWER, key, f"{accepted[key]} and {event.get('turn')}")
        elif event["type"] == "error":
            refused.setdefault(key, event["code"])
    for key, turn in accepted.items():
        if key not in rows:
            yield Violation(LOST, key, "it is not stored")
        elif rows[key]["turn"] != turn:
            yield Violation(LOST, key, f"accepted as {turn}, stored as {rows[key]['turn']}")
        elif turn is not None and stored.turn(turn) is None:
            yield Violation(LOST, key, f"its turn {turn} is not stored")
    for key, code in refused.items():
        if key in rows and key not in accepted:
            yield Violation(REFUSED_BUT_DONE, key, f"{code}; its turn is {rows[key]['turn']}")
    for key in sent - accepted.keys() - refused.keys():
        yield Violation(UNANSWERED, key)


# What Postgres did


def check_ends(stored: Stored) -> Iterator[Violation]:
    """Each turn ends once and stays as it ended, unless somebody edits it."""
    for turn in stored.turns:
        if turn["status"] not in ENDS:
            yield Violation(NO_END, turn["id"], f"it is {turn['status']}")
    edited = {(row["tx"], row["turn"], row["field"]) for row in stored.edits}
    endings: Counter[str] = Counter()
    for change in stored.turn_changes:
        was, became, turn = change["was"], change["became"], change["turn"]
        if was is None:
            continue
        if was["status"] not in ENDS and became["status"] in ENDS:
            endings[turn] += 1
        elif was["status"] in ENDS and was["status"] != became["status"]:
            yield Violation(CAME_BACK, turn, f"{was['status']} became {became['status']}")
        elif was["status"] in ENDS and was["attempt"] != became["attempt"]:
            yield Violation(CAME_BACK, turn, f"attempt {became['attempt']} after its end")
        ends_now = was["status"] not in ENDS
        for field in ("action", "reply"):
            by_edit = (change["tx"], turn, field) in edited
            its_end = field == "reply" and ends_now
            if was[field] != became[field] and not by_edit and not its_end:
                yield Violation(
                    CAME_BACK, turn, f"{field}: {was[field]!r} became {became[field]!r}"
                )
        if was["parent"] != became["parent"] or was["kind"] != became["kind"]:
            yield Violation(TREE, turn, "it was moved")
    for turn, times in endings.items():
        if times > 1:
            yield Violation(TWO_ENDS, turn, f"{times} ending commits")


def check_heads(stored: Stored) -> Iterator[Violation]:
    """Heads go where commands send them, versions go up by one."""
    commands = {(row["tx"], row["adventure"]): row for row in stored.command_inserts}
    last_child: dict[str, str | None] = {}  # as redo would find it
    versions: dict[str, int] = {}
    for change in stored.head_changes:
        adventure, tx = change["adventure"], change["tx"]
        if change["old_version"] is not None and change["version"] is not None:
            before = versions.get(adventure, change["old_version"])
            if change["version"] not in (before, before + 1) or change["old_version"] != before:
                yield Violation(VERSION, adventure, f"{before} to {change['version']}")
            versions[adventure] = change["version"]
        if change["old_head"] == change["head"] or change["old_head"] is None:
            continue
        command = commands.get((tx, adventure))
        if command is None:
            yield Violation(NOT_FROM_A_COMMAND, change["head"], "the head moved by itself")
            continue
        turn = stored.turn(change["head"])
        old = stored.turn(change["old_head"])
        if turn is None or old is None:
            yield Violation(TREE, change["head"], "the head is not in the tree")
            continue
        if command["turn"] != change["head"]:
            yield Violation(WRONG_HEAD, change["head"], f"the command was about {command['turn']}")
        kind = command["type"]
        if kind in ("take_action", "retry_turn") and turn["parent"] is not None:
            last_child[turn["parent"]] = turn["id"]
        elif kind == "undo_turn" and turn["id"] != old["parent"]:
            yield Violation(WRONG_HEAD, change["head"], "undo went elsewhere than to the parent")
        elif kind == "redo_turn" and turn["id"] != last_child.get(old["id"], turn["id"]):
            yield Violation(WRONG_HEAD, change["head"], "redo went elsewhere than to what was last")
        elif kind == "go_to_turn":
            while turn is not None and turn["parent"] is not None:
                last_child[turn["parent"]] = turn["id"]
                turn = stored.turn(turn["parent"])
        elif kind in ("edit_turn", "stop_turn"):
            yield Violation(WRONG_HEAD, change["head"], f"{kind} moved the head")


def check_trees(stored: Stored) -> Iterator[Violation]:
    heads = {row["id"]: row["head"] for row in stored.adventures}
    for adventure, turns in stored.by_adventure().items():
        ids = {turn["id"] for turn in turns}
        openings = [turn for turn in turns if turn["kind"] == "opening"]
        if len(openings) != 1:
            yield Violation(TREE, adventure, f"{len(openings)} openings")
        for turn in turns:
            if (turn["parent"] is None) != (turn["kind"] == "opening"):
                yield Violation(TREE, turn["id"], "only the opening has no parent")
            elif turn["parent"] is not None and turn["parent"] not in ids:
                yield Violation(TREE, turn["id"], "its parent is not in this adventure")
            if turn["last_child"] is not None:
                child = stored.turn(turn["last_child"])
                if child is None or child["parent"] != turn["id"]:
                    yield Violation(TREE, turn["id"], "redo leads to what is not its child")
        if heads.get(adventure) not in ids:
            yield Violation(TREE, adventure, "the head is not in the tree")
        yield from check_reaches_opening(turns)


def check_worlds(stored: Stored) -> Iterator[Violation]:
    """Each cached state of the world is what the changes on its path give, from the opening on."""
    changes = {row["turn"]: CHANGES.validate_python(row["changes"]) for row in stored.worlds}
    for row in stored.worlds:
        if row["folded"] is None:
            continue
        entries: Entries = {}
        path = stored.path_to(row["turn"])
        kept, _release = without_released([changes.get(turn["id"], ()) for turn in path])
        for number, (turn, here) in enumerate(zip(path, kept, strict=True)):
            entries = fold(entries, turn["id"], number, here)
        expected = {"format": FORMAT, "number": len(path) - 1, "entries": dump(entries)}
        if row["folded"] != expected:
            yield Violation(WORLD, row["turn"], f"{row['folded']} and not {expected}")


def check_reaches_opening(turns: list[Row]) -> Iterator[Violation]:
    parents = {turn["id"]: turn["parent"] for turn in turns}
    for turn in parents:
        seen: set[str] = set()
        at: str | None = turn
        while at is not None and at in parents and at not in seen:
            seen.add(at)
            at = parents[at]
        if at is not None:
            yield Violation(TREE, turn, "its way back does not reach the opening")


def check_words(stored: Stored) -> Iterator[Violation]:
    """A reply as it was told, before anybody edited it, holds the script's words."""
    first_edit: dict[str, Row] = {}
    for row in stored.edits:
        if row["field"] == "reply":
            first_edit.setdefault(row["turn"], row)
    for turn in stored.turns:
        if turn["kind"] == "opening" or turn["status"] not in ENDS:
            continue
        reply = first_edit[turn["id"]]["before"] if turn["id"] in first_edit else turn["reply"]
        fits = script.is_whole if turn["status"] == "told" else script.is_beginning
        if not fits(reply, turn["kind"]):
            yield Violation(NOT_SCRIPTED, turn["id"], f"{turn['status']}: {reply!r}")


def check_recall(stored: Stored) -> Iterator[Violation]:
    """What is stored to find a turn by is what its texts give."""
    for row in stored.recall:
        texts = TurnTexts(UUID(row["turn"]), row["kind"], row["action"], row["reply"], Stamp(0, 0))
        if packed(texts.sentences()).hex() != row["terms"]:
            yield Violation(FOUND_BY_OTHER_WORDS, row["turn"])


# What players saw


def check_endings_seen(stored: Stored, histories: list[History]) -> Iterator[Violation]:
    """Whoever heard a turn's end heard the same, and what is stored."""
    endings: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for history in histories:
        for record in history:
            if record["what"] != "frame":
                continue
            event = record["event"]
            if event["type"] in ("turn.told", "turn.stopped"):
                turn = event["turn"]
                endings[turn["id"]].add((turn["status"], turn["reply"]))
            elif event["type"] == "turn.failed":
                endings[event["turn"]].add(("failed", event["reason"]))
    told = {row["turn"]: row["became"] for row in reversed(stored.turn_changes) if ends(row)}
    for turn, heard in endings.items():
        if len(heard) > 1:
            yield Violation(ENDINGS_DIFFER, turn, str(sorted(heard)))
        end = told.get(turn)
        if end is None:
            if stored.turn(turn) is None or stored.turn_changes:
                yield Violation(ENDINGS_DIFFER, turn, "an end was heard and none is stored")
            continue
        words = end["reason"] if end["status"] == "failed" else end["reply"]
        if (end["status"], words) not in heard:
            yield Violation(ENDINGS_DIFFER, turn, f"stored as {end['status']}: {words!r}")


def ends(change: Row) -> bool:
    was, became = change["was"], change["became"]
    return was is not None and was["status"] not in ENDS and became["status"] in ENDS


class Page:
    """One window's history played again, event by event."""

    def __init__(self, stored: Stored, history: History) -> None:
        self.stored, self.history = stored, history
        self.state = page.empty()
        self.fresh = False  # between asking for a snapshot at the end and getting it
        self.told_again: set[str] = set()  # under way when Redis lost everything
        self.empty_redis = False
        self.skipped = ""
        self.wrong: list[Violation] = []

    def complain(self, kind: str, about: str, detail: str = "") -> None:
        where = f"{detail} ({self.history.name})"
        self.wrong.append(Violation(kind, about, where))

    def play(self) -> list[Violation]:
        for record in self.history:
            match record["what"]:
                case "frame":
                    self.see(record["event"])
                case "emptied":
                    self.empty_redis = not record["back"]
                    self.forgive()
                case "quiet":
                    self.compare(STALE)
                    if self.skipped or self.state["missing"]:
                        self.complain(GAP, self.history.adventure, self.skipped)
                    self.state = page.empty()
                case "afresh":
                    self.compare(STALE_AFRESH)
        return self.wrong

    def forgive(self) -> None:
        """What is under way while Redis loses everything may be told in other words."""
        for turn in self.state["turns"].values():
            if not page.settled(turn):
                self.told_again.add(turn["id"])

    def see(self, event: page.Event) -> None:
        before = self.state
        self.look_for_gaps(event)
        self.compare_the_end(before, event)
        self.state = page.reduce(before, event)
        if self.empty_redis:
            self.forgive()
        for turn in before["turns"].values():
            now = self.state["turns"].get(turn["id"])
            if now is None or now is turn or turn["id"] in self.told_again:
                continue
            if page.settled(turn) or now.get("edited"):
                continue
            if not now["reply"].startswith(turn["reply"]):
                detail = f"{turn['reply'][-40:]!r} became {now['reply'][-40:]!r}"
                self.complain(WORDS_CHANGED, turn["id"], f"{event['type']}: {detail}")

    def look_for_gaps(self, event: page.Event) -> None:
        if event["type"] == "snapshot":
            self.skipped = ""
            return
        version = event.get("version")
        known = self.state["version"]
        if version is not None and known >= 0 and version > known + 1:
            self.skipped = f"{event['type']}: version {known} to {version}"

    def compare_the_end(self, before: page.State, event: page.Event) -> None:
        """The reply of an ending equals the pieces that were shown."""
        if event["type"] not in ("turn.told", "turn.stopped"):
            return
        turn = event["turn"]
        known = before["turns"].get(turn["id"])
        if known is None or page.settled(known) or turn["id"] in self.told_again:
            return
        if known["reply"] != turn["reply"]:
            detail = f"shown {known['reply'][-60:]!r}, told {turn['reply'][-60:]!r}"
            self.complain(WORDS_MISSING, turn["id"], detail)

    def compare(self, kind: str) -> None:
        for about, detail in differences(self.stored, self.history.adventure, self.state):
            self.complain(kind, about, detail)


def differences(stored: Stored, adventure: str, state: page.State) -> Iterator[tuple[str, str]]:
    """Where a page shows what is not stored: which turn, and what of it."""
    shown = page.path(state)
    held = stored.path(adventure)
    if len(shown) < min(len(held), PAGE_TURNS) or not held:
        ids = [turn["id"] for turn in shown]
        beyond = [turn["id"] for turn in held if turn["id"] not in ids]
        yield beyond[-1] if beyond else adventure, f"{len(shown)} of {len(held)} turns shown"
        return
    for seen, turn in zip(shown[::-1], held[::-1], strict=False):
        for field in SHOWN:
            if seen.get(field) != turn[field]:
                yield turn["id"], f"{field}: shown {seen.get(field)!r}, stored {turn[field]!r}"
    if len(shown) > len(held):
        yield shown[0]["id"], "it is shown and not on the stored path"
    redo = held[-1]["last_child"]
    if state["redo"] != redo:
        yield held[-1]["id"], f"redo: shown {state['redo']}, stored {redo}"


def check_page(stored: Stored, history: History) -> list[Violation]:
    return Page(stored, history).play()
