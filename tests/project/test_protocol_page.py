"""docs/protocol.md names every command, event, field, code and address, and no others."""

import ast
import inspect
import json
import re
from pathlib import Path
from typing import get_args

import pytest
from django.conf import settings
from django.urls import get_resolver
from pydantic import BaseModel

from dungeon import settings as dungeon_settings
from game.cards import cards
from game.cards.card_import import CardContent
from game.chapters import proposals
from game.models import Audience, Chapter, Edit, Kind, Membership, Summary, Turn
from game.models.limits import LONGEST_MEMORY, LONGEST_NOTE, LONGEST_TEXT
from game.play import consumers, dice, protocol, routing, snapshots
from game.state.edits import change_world, parse_changes
from inference.contract.request import GenerationRequest, StoryContext, Token
from inference.contract.request import Passage as Action
from inference.queue.client import QueueClient
from inference.queue.keys import log_key
from tests.game.test_pages import told

PAGE = Path(settings.BASE_DIR, "docs", "protocol.md").read_text(encoding="utf-8")


# Reading the page


def part(title: str, text: str = PAGE) -> str:
    """What stands under a heading, with the headings below it."""
    found = re.search(rf"^(#+) {re.escape(title)}$(.*?)(?=^#{{1,2}} |\Z)", text, re.M | re.S)
    assert found, f"docs/protocol.md has no chapter {title}"
    return found[2]


def chapters(text: str) -> dict[str, str]:
    """The chapters of the third level in a part of the page, by their titles."""
    split = re.split(r"^### (.+)$", text, flags=re.M)
    return {title.strip("`"): body for title, body in zip(split[1::2], split[2::2], strict=True)}


def first_cells(text: str) -> set[str]:
    """The names in the first column of its tables."""
    return set(re.findall(r"^\| `([^`]+)` \|", text, re.M))


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def compare(page: set, code: set, what: str) -> None:
    assert code - page == set(), f"{what}: docs/protocol.md does not name these"
    assert page - code == set(), f"{what}: docs/protocol.md names these, and the code has none"


# Reading the code


def fields(model: type[BaseModel]) -> set[str]:
    """The fields of a message but for its type; of an event in the log, but for its version too."""
    left_out = {"type", "version"} if issubclass(model, protocol.Event) else {"type"}
    return set(model.model_fields) - left_out


def types(model: type[BaseModel]) -> tuple[str, ...]:
    return get_args(model.model_fields["type"].annotation)


def messages(union) -> dict[str, set[str]]:
    return {name: fields(model) for model in get_args(union) for name in types(model)}


def logged_by_workers(log: QueueClient) -> dict[str, set[str]]:
    """The fields of what a worker logs while it takes a turn and tells a word."""
    context = StoryContext(action=Action(kind="do", action="look"))
    log.enqueue(
        GenerationRequest(adventure="a", turn="t", attempt=1, narrator="parrot", context=context)
    )
    lease = log.take_next("parrot", "w")
    log.append([(lease, [Token(turn="t", attempt=1, index=0, text="You")])])
    logged = [json.loads(entry[b"e"]) for _, entry in log.redis.xrange(log_key("a"))]
    return {event["type"]: set(event) - {"type"} for event in logged}


def logged_by_the_game() -> dict[str, set[str]]:
    to_one = (
        protocol.TurnWaiting
        | protocol.Accepted
        | protocol.Snapshot
        | protocol.ErrorEvent
        | protocol.Pong
    )
    return {
        **messages(protocol.LoggedEvent),
        **messages(to_one),
    }


def routes(resolver=None, before="/"):
    """Each address as docs/protocol.md writes it, and its view. The admin is one."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if str(pattern.pattern) == "admin/":
            yield "/admin/", None
        elif hasattr(pattern, "url_patterns"):
            yield from routes(pattern, before + str(pattern.pattern))
        else:
            yield plain(before + str(pattern.pattern)), pattern.callback


def plain(address: str) -> str:
    """Without the names of what is filled in: they differ between pages."""
    address = re.sub(r"\(\?P<\w+>[^()]+\)", "<>", address.replace("^", "").removesuffix("$"))
    return re.sub(r"<[^>]*>", "<>", address)


def methods(view) -> set[str]:
    """What require_POST and its like let through; of a class, what it has."""
    while view is not None:
        cells = zip(view.__code__.co_freevars, view.__closure__ or (), strict=True)
        for name, cell in cells:
            if name == "request_method_list":
                return set(cell.cell_contents) - {"HEAD"}
        if hasattr(view, "view_class"):
            return {each.upper() for each in ("get", "post") if hasattr(view.view_class, each)}
        view = getattr(view, "__wrapped__", None)
    return {"GET", "POST"}


# The socket


def test_the_page_has_every_command_and_its_fields():
    page = chapters(part("Commands: client to server"))
    code = messages(protocol.Keyed | protocol.Resume | protocol.Ping)
    compare(set(page), set(code), "commands")
    for name, body in page.items():
        compare(first_cells(body), code[name], name)


def test_the_page_has_every_event_and_its_fields(log: QueueClient):
    page = chapters(part("Events: server to client"))
    code = logged_by_the_game() | logged_by_workers(log)
    compare(set(page), set(code), "events")
    for name, body in page.items():
        compare(first_cells(body), code[name], name)


def test_the_page_has_every_field_of_what_is_in_events(adventure, log):
    page = chapters(part("Objects in events"))
    shown = snapshots.adventure_data(adventure)
    rolled = dice.roll_data(dice.roll(dice.ORDINARY, [dice.Modifier("lantern", -2)]))
    code = {
        "Turn": set(protocol.TurnData.model_fields),
        "Action": set(protocol.SiblingAction.model_fields),
        "Table": set(protocol.TableData.model_fields),
        "Member": set(protocol.MemberData.model_fields),
        "Proposal": set(protocol.ProposalData.model_fields),
        "Asked change": set(protocol.AskedChange.model_fields),
        "Viewer": set(protocol.Viewer.model_fields),
        "Last edit": set(protocol.LastEdit.model_fields),
        "Adventure": set(shown),
        "Narrator": set(shown["narrator"]),
        "Dice": set(rolled),
        "Error codes": set(get_args(protocol.ErrorCode)),
    }
    assert set(page) == {*code, "Close codes"}
    for name, names in code.items():
        compare(first_cells(page[name]), names, name)


@pytest.mark.parametrize(
    ("where", "field", "values"),
    [
        ("take_action", "kind", get_args(protocol.TakeAction.model_fields["kind"].annotation)),
        ("Turn", "kind", Kind.values),
        ("Turn", "status", get_args(protocol.TurnStatus)),
        ("Dice", "outcome", dice.OUTCOME_LABELS),
        ("Dice", "difficulty", (dice.ORDINARY.name, dice.HARD.name)),
        ("Adventure", "audience", Audience.values),
        ("Member", "role", Membership.Role.values),
        ("Viewer", "role", Membership.Role.values),
    ],
)
def test_the_page_has_every_value_of_a_choice(where, field, values):
    [row] = [cells for cells in rows(chapters(PAGE)[where]) if cells[0] == f"`{field}`"]
    compare(set(re.findall(r"`(\w+)`", row[1])), set(values), f"{where}.{field}")


def close_codes() -> set[int]:
    """Those with which the consumer closes, read off its calls."""
    tree = ast.parse(inspect.getsource(consumers))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    closing = [call for call in calls if getattr(call.func, "attr", "") == "close"]
    return {getattr(consumers, each.value.id) for call in closing for each in call.keywords}


def test_the_page_has_every_close_code():
    page = {int(row[0]) for row in rows(part("Close codes")) if row[0].isdecimal()}
    compare(page, close_codes(), "close codes")
    assert len(page) == 6


def test_the_limits_on_the_page_are_those_of_the_code():
    said = {row[0]: row[1] for row in rows(part("The socket")) if len(row) == 3}
    limits = {
        "size of a client's frame": f"{protocol.LONGEST_FRAME // 1024} KiB",
        "action, reply": f"{LONGEST_TEXT:,} code points",
        "frames of one socket": (
            f"{consumers.COMMANDS_PER_SECOND} a second, {consumers.COMMANDS_BURST} at once"
        ),
        "refusals with `too_many`": f"{consumers.REFUSALS_BEFORE_CLOSE}",
        "words sent to one socket": f"{consumers.FRAMES_PER_SECOND} frames a second",
        "turns in a snapshot": f"{snapshots.TURNS_SHOWN}",
    }
    for name, limit in limits.items():
        assert re.search(rf"\b{limit}\b", said[name]), name
    for name in ("WINDOWS_PER_PLAYER", "TURNS_PER_PLAYER"):
        assert f"`{name}` ({environment_default(name)})" in PAGE
    plot = chapters(PAGE)["Adventure"]
    assert f"{LONGEST_MEMORY:,}" in plot
    assert f"{LONGEST_NOTE:,}" in plot


def environment_default(name: str) -> int:
    [found] = re.findall(rf'"{name}", (\d+)', inspect.getsource(dungeon_settings))
    return int(found)


# Addresses


def addresses() -> dict[str, set[str]]:
    """Each address of the page's chapter of pages, with its methods."""
    found: dict[str, set[str]] = {}
    for row in rows(part("Pages")):
        if address := re.fullmatch(r"`(/\S*)`", row[1]):
            assert plain(address[1]) not in found, f"{address[1]} stands there twice"
            found[plain(address[1])] = set(row[0].split(", "))
    return found


def test_the_page_has_every_address_and_its_methods():
    page, code = addresses(), dict(routes())
    compare(set(page), set(code), "addresses")
    for address, view in code.items():
        if view is not None:
            assert page[address] == methods(view), address


def test_the_socket_is_where_the_page_says():
    [route] = routing.websocket_urlpatterns
    assert plain(f"/{route.pattern}") in {
        plain(each) for each in re.findall(r"`(/ws/\S+)`", part("The socket"))
    }


def test_the_rates_on_the_page_are_those_of_the_settings():
    units = {"m": "a minute", "h": "an hour", "d": "a day"}
    page = {row[0].strip("`"): row[1] for row in rows(part("Rates"))[2:]}
    compare(set(page), set(settings.LIMITS), "rates")
    for name, rates in settings.LIMITS.items():
        for rate in rates.split(","):
            most, window, _whose = rate.split("/")
            assert f"{most} {units[window]}" in page[name], name
        whose = {"address" if rate.endswith("/ip") else "player" for rate in rates.split(",")}
        assert whose == set(re.findall(r"by (address|player)", page[name])), name


# Answers in JSON


def names_in(value) -> set[str]:
    """Every name of a field in an answer, at any depth."""
    if isinstance(value, dict):
        return set(value).union(*map(names_in, value.values()))
    if isinstance(value, list):
        return set().union(*map(names_in, value))
    return set()


def test_answers_in_json_have_the_fields_that_the_page_says(adventure, as_player, alice, log):
    cards.add_card(adventure.pk, alice, CardContent("Lamp", ("lamp",), "It is out."))
    opening = adventure.head
    Turn.objects.filter(pk=opening.pk).update(reply="A lamp. " * 30, edited=True)
    Edit.objects.create(turn=opening, field=Edit.Field.REPLY, before="A candle.", by=alice)
    Chapter.objects.create(turn=opening, title="The cellar")
    last = opening
    for _ in range(proposals.MIN_TURNS):
        last = told(adventure, last)
    Summary.objects.create(turn=last, text="It opened.", by=Summary.By.EXTRACT)
    state_of_everything(adventure, alice)
    client = as_player(alice)
    filled = {"adventure": str(adventure.pk), "turn": str(opening.pk)}
    queries = {"turns/": {"before": str(opening.pk)}, "search/": {"q": "lamp"}}
    looked_at = 0
    for address, said in rows(part("Answers in JSON"))[2:]:
        path = re.sub(r"<(\w+)>", lambda found: filled[found[1]], address.strip("`"))
        query = next((q for end, q in queries.items() if path.endswith(end)), {})
        answer = client.get(path, query, headers={"accept": "application/json"})
        assert answer.headers["Content-Type"] == "application/json", path
        got = names_in(answer.json())
        compare(set(re.findall(r"`(\w+)`", said)), got, address)
        looked_at += 1
    assert looked_at == 10


def state_of_everything(adventure, player):
    """A state of the world with an entry of each part."""
    person = {"part": "person", "name": "Mara"}
    changes = [
        {"part": "place", "value": "the cellar"},
        {"part": "time", "value": "noon"},
        *({**person, "field": field, "value": value} for field, value in PERSON.items()),
        {"part": "thing", "name": "lantern", "field": "held", "value": "carried"},
        {"part": "aim", "name": "find the key", "value": "open"},
        {"part": "fact", "name": "The bridge is down.", "value": "true"},
    ]
    change_world(adventure.pk, player, parse_changes(json.dumps(changes).encode()))


PERSON = {"life": "alive", "here": "yes", "mood": "wary"}
