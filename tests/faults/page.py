"""What a page shows: static/js/story.js in Python, rule for rule.

test_page.py plays the same events to both and compares.
"""

from typing import Any

State = dict[str, Any]
Event = dict[str, Any]

SETTLED = ("told", "stopped", "failed")


def empty() -> State:
    return {
        "adventure": None,
        "turns": {},
        "head": None,
        "redo": None,
        "lastEdit": None,
        "earlier": False,
        "version": -1,
        "log": None,
        "waiting": {},
        "commands": [],
        "problem": None,
        "suggested": None,
        "table": None,
        "you": None,
        "missing": False,
        "then": None,  # "page.then" is the page's own: players here send when all is at rest
    }


def settled(turn: Event) -> bool:
    return turn["status"] in SETTLED


def path(state: State) -> list[Event]:
    """The turns from the first one known to the head, oldest first."""
    turns: list[Event] = []
    seen = set()
    turn = state["turns"].get(state["head"])
    while turn and turn["id"] not in seen:
        seen.add(turn["id"])
        turns.append(turn)
        turn = state["turns"].get(turn["parent"])
    return turns[::-1]


def under_way(state: State) -> Event | None:
    """The turn that the narrator has yet to finish."""
    head = state["turns"].get(state["head"])
    return head if head and not settled(head) else None


def reduce(state: State, event: Event) -> State:
    reducer = REDUCERS.get(event["type"])
    if reducer is None:
        return state
    after = reducer(state, event)
    if "id" not in event or event["type"] == "snapshot":
        return after
    version = max(after["version"], number(event.get("version"), -1))
    if after["log"] == event["id"] and after["version"] == version:
        return after
    return {**after, "log": event["id"], "version": version}


def number(value: Any, otherwise: int) -> int:
    return otherwise if value is None else value


def overtaken(state: State, event: Event) -> bool:
    """Older than what is shown already: a replay of what a snapshot held."""
    version = event.get("version")
    return version is not None and version < state["version"]


def put(state: State, turn: Event) -> State:
    return {**state, "turns": {**state["turns"], turn["id"]: turn}}


def snapshot(state: State, event: Event) -> State:
    turns = {}
    for turn in event["turns"]:
        known = state["turns"].get(turn["id"])
        unread = turn.get("telling") == ""
        same = known and (
            unread
            or known.get("telling") == turn.get("telling")
            or known["attempt"] < turn["attempt"]
        )
        ahead = (
            same
            and not settled(turn)
            and not settled(known)
            and known["reply"].startswith(turn["reply"])
        )
        kept = {"reply": known["reply"]} if ahead else {}
        if ahead and unread:
            kept["telling"] = known.get("telling")
        turns[turn["id"]] = {**turn, **kept}
    waiting = {
        turn: place
        for turn, place in state["waiting"].items()
        if turns.get(turn, {}).get("status") == "queued"
    }
    adventure = event.get("adventure")
    version = number((adventure or {}).get("version"), number(event.get("version"), -2))
    return {
        **state,
        "adventure": adventure,
        "turns": turns,
        "head": event["head"],
        "redo": event.get("redo"),
        "lastEdit": event.get("last_edit"),
        "earlier": bool(event.get("earlier")),
        "version": state["version"] if version == -2 else version,
        "log": event.get("id"),
        "waiting": waiting,
        "commands": [sent for sent in state["commands"] if not sent["accepted"]],
        "suggested": {"turn": event["head"], "actions": event.get("suggestions") or []},
        "table": event.get("table"),
        "you": event.get("you"),
        "missing": False,
    }


def queued(state: State, event: Event) -> State:
    turn = event["turn"]
    if overtaken(state, event):
        return state
    known = state["turns"].get(turn["id"])
    newer = known and (
        settled(known) or known["status"] == "running" or known["attempt"] > turn["attempt"]
    )
    after = state
    if not newer:
        reply = known["reply"] if known else turn["reply"]
        after = put(state, {**(known or {}), **turn, "reply": reply})
    after = besides(after, turn)
    if after["head"] != turn["id"]:
        after = {**after, "head": turn["id"], "redo": None, "lastEdit": None}
    if turn.get("parent") and turn["parent"] not in after["turns"]:
        after = {**after, "missing": True}
    if any(sent["accepted"] == turn["id"] for sent in after["commands"]):
        kept = [sent for sent in after["commands"] if sent["accepted"] != turn["id"]]
        after = {**after, "commands": kept}
    return after if newer else place(after, turn["id"], event)


def besides(state: State, turn: Event) -> State:
    """What a turn says of its siblings is true of them as well."""
    siblings = turn.get("siblings") or []
    for each in siblings:
        sibling = state["turns"].get(each)
        if each == turn["id"] or not sibling or len(sibling.get("siblings") or []) > len(siblings):
            continue
        named = {name: turn[name] for name in ("siblings", "actions") if name in turn}
        state = put(state, {**sibling, **named})
    return state


def place(state: State, turn: str, event: Event) -> State:
    if not isinstance(event.get("position"), int):
        return state
    now = {"position": event["position"], "eta": event.get("eta_seconds")}
    if state["waiting"].get(turn) == now:
        return state
    return {**state, "waiting": {**state["waiting"], turn: now}}


def waits(state: State, event: Event) -> State:
    turn = state["turns"].get(event["turn"])
    if turn is None or turn["status"] != "queued":
        return state
    return place(state, event["turn"], event)


def started(state: State, event: Event) -> State:
    turn = state["turns"].get(event["turn"])
    if turn is None or settled(turn) or event["attempt"] < turn["attempt"]:
        return state
    telling = event.get("telling")
    telling = turn.get("telling") if telling is None else telling
    again = telling == turn.get("telling")
    if again and turn["status"] == "running" and turn["attempt"] == event["attempt"]:
        return state
    reply = "" if event.get("fresh") and not again else turn["reply"]
    begun = {"status": "running", "attempt": event["attempt"], "telling": telling, "reply": reply}
    return served(put(state, {**turn, **begun}), turn["id"])


def served(state: State, turn: str) -> State:
    if turn not in state["waiting"]:
        return state
    waiting = {each: where for each, where in state["waiting"].items() if each != turn}
    return {**state, "waiting": waiting}


def token(state: State, event: Event) -> State:
    turn = state["turns"].get(event["turn"])
    if turn is None or settled(turn) or event["attempt"] < turn["attempt"]:
        return state
    known = len(turn["reply"]) - event["index"]
    if known < 0:
        return state if state["missing"] else {**state, "missing": True}
    fresh = event["text"][known:]
    if not fresh and turn["status"] == "running":
        return state
    told = {
        **turn,
        "status": "running",
        "attempt": event["attempt"],
        "reply": turn["reply"] + fresh,
    }
    return served(put(state, told), turn["id"])


def ended(state: State, event: Event) -> State:
    turn = event["turn"]
    known = state["turns"].get(turn["id"])
    if known is None:
        return put(state, turn) if turn["parent"] in state["turns"] else state
    if known["attempt"] > turn["attempt"]:
        return state
    edited_since = known.get("edited") and not turn.get("edited")
    if settled(known) and (overtaken(state, event) or edited_since):
        return state
    return served(put(state, {**known, **turn}), turn["id"])


def failed(state: State, event: Event) -> State:
    turn = state["turns"].get(event["turn"])
    if turn is None or (settled(turn) and turn["status"] != "failed"):
        return state
    if turn["status"] == "failed" and turn.get("reason") == event["reason"]:
        return state
    failure = {**turn, "status": "failed", "reason": event["reason"]}
    return served(put(state, failure), turn["id"])


def edited(state: State, event: Event) -> State:
    turn = event["turn"]
    known = state["turns"].get(turn["id"])
    if overtaken(state, event):
        return state
    after = {**state, "lastEdit": event.get("last_edit")}
    if (after["suggested"] or {}).get("turn") == turn["id"]:
        after["suggested"] = None
    if known is None or known["attempt"] > turn["attempt"]:
        return after
    return besides(put(after, {**known, **turn}), turn)


def moved(state: State, event: Event) -> State:
    if overtaken(state, event):
        return state
    if event["head"] not in state["turns"]:
        return {**state, "missing": True}
    return {**state, "head": event["head"], "redo": event.get("redo"), "lastEdit": None}


def accepted(state: State, event: Event) -> State:
    found = next(
        (sent for sent in state["commands"] if sent["command"]["key"] == event["key"]), None
    )
    if found is None or found["accepted"]:
        return state
    others = [sent for sent in state["commands"] if sent is not found]
    coming = event.get("turn") and event["turn"] not in state["turns"]
    makes = found["command"]["type"] in ("take_action", "retry_turn")
    if coming and makes:
        others = [*others, {**found, "accepted": event["turn"]}]
    return {**state, "commands": others}


def error(state: State, event: Event) -> State:
    key = event.get("key")
    found = next((sent for sent in state["commands"] if sent["command"]["key"] == key), None)
    if key and found is None:
        return state
    problem = {
        "code": event["code"],
        "message": event["message"],
        "retryAfter": event.get("retry_after"),
        "command": found["command"] if found else None,
    }
    others = [sent for sent in state["commands"] if sent is not found]
    return {**state, "commands": others, "problem": problem}


def sent(state: State, event: Event) -> State:
    command = event["command"]
    if any(each["command"]["key"] == command["key"] for each in state["commands"]):
        return state
    head = None if event.get("quiet") else state["head"]
    entry = {"command": command, "head": head, "accepted": None}
    return {**state, "commands": [*state["commands"], entry], "problem": None}


def changed(state: State, event: Event) -> State:
    if overtaken(state, event):
        return state
    return {**state, "adventure": {**(state["adventure"] or {}), **event["adventure"]}}


def chapters_changed(state: State, event: Event) -> State:
    turn = state["turns"].get(event["turn"])
    if turn is None or overtaken(state, event):
        return state
    return put(state, {**turn, "chapter": event["title"]})


def world_changed(state: State, event: Event) -> State:
    return state if overtaken(state, event) else {**state, "lastEdit": event.get("last_edit")}


def table_changed(state: State, event: Event) -> State:
    return state if overtaken(state, event) else {**state, "table": event["table"]}


REDUCERS = {
    "snapshot": snapshot,
    "accepted": accepted,
    "error": error,
    "turn.queued": queued,
    "turn.waiting": waits,
    "turn.started": started,
    "turn.token": token,
    "turn.told": ended,
    "turn.stopped": ended,
    "turn.failed": failed,
    "turn.edited": edited,
    "head.moved": moved,
    "page.sent": sent,
    "adventure.changed": changed,
    "chapters.changed": chapters_changed,
    "table.changed": table_changed,
    "world.changed": world_changed,
}
