"""Where the words of players do not go: into logs, and into the stories of others."""

import json
import logging
import uuid

import pytest

from game.models import Edit, Membership, Player, StoryCard, Summary, Turn
from game.play import adventures, turns
from game.play.protocol import EditTurn, Refused, TakeAction, parse_command
from inference.queue.keys import log_key
from tests.safety.routes import ROUTES, address
from tests.safety.world import World

pytestmark = pytest.mark.django_db(transaction=True)
WORD = "quagswax"
# With a line of its own, as somebody would write who wants to fake one.
NASTY = f"{WORD}\n2026-01-01 00:00:00 ERROR grue {WORD} \r\x1b[31m"
FIELDS = [
    *("name", "opening", "title", "memory", "authors_note", "text", "keys", "narrator", "dice"),
    *("rating", "username", "login", "password", "password1", "password2", "email", "code", "q"),
    *("tag", "before", "version", "after", "page", "sort", "token", "next", "language", "bring"),
]


@pytest.fixture
def heard(caplog):
    """Everything that anybody logs, whatever the level."""
    caplog.set_level(logging.DEBUG)
    for name in ("django.db.backends", "asyncio"):
        caplog.set_level(logging.INFO, logger=name)  # a query's text, when somebody debugs
    return caplog


def said(heard):
    formatter = logging.Formatter("%(levelname)s %(name)s %(message)s")
    return "\n".join(formatter.format(record) for record in heard.records)


def test_no_log_holds_what_anybody_typed(begin, heard, log, narrator_awake, settings):
    settings.LIMITS = dict.fromkeys(settings.LIMITS, "100000/m/ip")
    world = World(begin)
    for who in ("alice", "guest", "nobody"):
        client = world.client(who)
        client.raise_request_exception = False
        fields = dict.fromkeys(FIELDS, NASTY)
        for name in ROUTES:
            if name in ("account_logout", "delete", "purge", "account_delete"):
                continue
            url = address(name, world)
            client.post(url, fields)
            client.get(url, fields)
            client.get(url + NASTY)
            client.get(url, headers={"user-agent": NASTY.replace("\n", " "), "referer": WORD})
    assert WORD not in said(heard)


def test_no_log_holds_what_commands_say(alice, adventure, heard, log, narrator_awake):
    for frame in (
        json.dumps({"type": NASTY}),
        json.dumps({"type": "ping", NASTY: NASTY}),
        json.dumps({"type": "take_action", "key": NASTY, "kind": NASTY, "text": NASTY}),
    ):
        with pytest.raises(Refused):
            parse_command(frame)
    act(alice, adventure, NASTY)
    command = EditTurn(type="edit_turn", key=uuid.uuid4(), turn=adventure.head_id, reply=NASTY)
    turns.carry_out(adventure.pk, alice, command)
    adventures.rename(adventure.pk, NASTY)
    adventures.purge(adventure.pk)
    assert WORD not in said(heard)


def act(player, adventure, text):
    command = TakeAction(type="take_action", key=uuid.uuid4(), kind="do", text=text)
    return turns.carry_out(adventure.pk, player, command)


def test_a_story_never_reaches_the_prompt_or_the_log_of_another(
    alice, bob, begin, log, narrator_awake
):
    """The same scenario, narrator, moment; bob even plays in both."""
    theirs, mine = begin(alice), begin(bob)
    adventures.rename(theirs.pk, WORD)
    adventures.set_plot(theirs.pk, WORD, WORD)
    told = Turn.objects.create(
        adventure=theirs, parent=theirs.head, kind="do", action=WORD, reply=WORD, status="told"
    )
    theirs.head = told
    theirs.save()
    Summary.objects.create(turn=told, text=WORD, by="player")
    Edit.objects.create(turn=told, field="reply", before=WORD)
    StoryCard.objects.create(adventure=theirs, title=WORD, keys=["cellar"], text=WORD)
    Membership.objects.create(player=bob, adventure=theirs)
    act(alice, theirs, f"{WORD} the cellar")
    act(bob, mine, "look into the cellar")
    requests = {}
    while lease := log.take_next("parrot", "w"):
        requests[lease.request.adventure] = lease.request.model_dump_json()
    assert WORD in requests[str(theirs.pk)]
    assert WORD not in requests[str(mine.pk)]
    assert WORD not in str(log.redis.xrange(log_key(str(mine.pk))))
    assert WORD in str(log.redis.xrange(log_key(str(theirs.pk))))


def test_who_logs_in_wrongly_is_not_written_down(client, heard, db, log):
    Player.objects.create_user(WORD, f"{WORD}@example.com", "lamp-oil-and-rope")
    for login in (WORD, f"{WORD}@example.com", NASTY):
        client.post("/accounts/login/", {"login": login, "password": WORD})
    client.post("/accounts/login/", {"login": WORD, "password": "lamp-oil-and-rope"})
    assert WORD not in said(heard)
