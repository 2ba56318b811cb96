"""Each turn keeps what its narrator was given, compactly, and shows it to its player."""

import random
import uuid

import pytest

from game.models import RecallMark, Turn, TurnContext
from game.play.protocol import EditTurn
from inference.contract.prompt_report import UnreadableReport, compact_report, pack, unpack
from inference.contract.request import Card, Passage
from inference.contract.world import Recalled
from inference.prompts import Piece, Report
from tests.game.play.test_turns import act, do
from tests.game.test_pages import told
from tests.prompting import build, narrator, request, told_turns
from tests.serving import until

pytestmark = pytest.mark.django_db(transaction=True)


def played(alice, adventure, *actions):
    """Turns that a real worker told."""
    turns = []
    for action in actions:
        turn = act(adventure, alice, action)
        until(lambda turn=turn: Turn.objects.get(pk=turn.pk).status != "queued")
        turns.append(Turn.objects.get(pk=turn.pk))
    return turns


def get(client, turn, **query):
    return client.get(f"/adventures/{turn.adventure_id}/turns/{turn.pk}/context/", query)


def texts(context, origin):
    return [part["text"] for part in context["parts"] if part["origin"] == origin]


def test_a_turn_keeps_what_its_narrator_was_given(client, alice, adventure, workers):
    workers.start(pace=0)
    first, second = played(alice, adventure, "open the cellar door", "listen")
    client.force_login(alice)
    context = get(client, second).json()
    assert texts(context, "memory") == ["You are Wren, a plumber."]
    assert texts(context, "note") == ["Write in the second person."]
    assert texts(context, "action") == ["You listen."]
    opening = adventure.turns.get(kind="opening")
    assert texts(context, "story") == [opening.reply, "You open the cellar door.", first.reply]
    assert [part["turn"] for part in context["parts"] if "turn" in part] == [
        str(turn.pk) for turn in (opening, first, first)
    ]
    [fired] = context["fired"]
    assert fired == {"title": "The cellar", "key": "cellar", "via": "", "rule": "", "turns": 0}
    assert (context["narrator"], context["attempt"], context["resampled"]) == ("parrot", 1, [])
    assert len(context["revision"]) == 12
    assert context["sampling"]["temperature"] == 0.8
    assert 0 < context["first_token_seconds"] <= context["seconds"]
    whole = "".join(part["text"] for part in context["parts"])
    assert whole.index("[It floods in spring.]") < whole.index("> You listen.")


def test_what_was_edited_since_is_shown_as_it_was(client, alice, adventure, workers):
    workers.start(pace=0)
    first, second = played(alice, adventure, "open the door", "listen")
    do(adventure, alice, EditTurn, turn=first.pk, action="shut the door", reply="It shuts.")
    client.force_login(alice)
    context = get(client, second).json()
    assert first.reply in texts(context, "story")
    assert "You open the door." in texts(context, "story")
    assert all(part["exact"] for part in context["parts"])
    Turn.objects.get(pk=first.pk).edits.all().delete()
    context = get(client, second).json()
    assert "It shuts." in texts(context, "story")
    assert [part["exact"] for part in context["parts"] if part.get("turn") == str(first.pk)] == [
        False,
        False,
    ]


def test_a_turn_that_was_stopped_keeps_it_too(client, alice, adventure, workers):
    from game.play.protocol import StopTurn

    workers.start(pace=20)
    turn = act(adventure, alice, "wait")
    until(lambda: workers.narrator_workers[0].queue.details(str(turn.pk)))
    do(adventure, alice, StopTurn, turn=turn.pk)
    client.force_login(alice)
    assert texts(get(client, turn).json(), "action") == ["You wait."]


def test_nobody_else_sees_it(client, alice, bob, begin, adventure, workers):
    workers.start(pace=0)
    (turn,) = played(alice, adventure, "listen")
    assert get(client, turn).status_code == 404
    client.force_login(bob)
    assert get(client, turn).status_code == 404
    own = begin(bob)
    assert client.get(f"/adventures/{own.pk}/turns/{turn.pk}/context/").status_code == 404


def test_a_turn_without_it_says_so(client, alice, adventure):
    client.force_login(alice)
    assert get(client, adventure.head).status_code == 404
    assert (
        client.get(f"/adventures/{adventure.pk}/turns/{uuid.uuid4()}/context/").status_code == 404
    )


def test_it_is_shown_coloured_by_origin_and_as_text(client, alice, adventure, workers):
    adventure.memory = "<script>alert(1)</script>"
    adventure.save()
    workers.start(pace=0)
    (turn,) = played(alice, adventure, "open the cellar")
    client.force_login(alice)
    page = get(client, turn, part="").content.decode()
    assert '<span data-origin="action">You open the cellar.</span>' in page
    assert "&lt;script&gt;" in page and "<script>" not in page
    assert "on “<span" in page


@pytest.fixture
def remembering(alice, adventure):
    """A turn whose prompt had sentences of the first of three turns before it."""
    first = told(adventure, adventure.head, reply="Teague hid the <b>ledger</b> in the cellar.")
    second = told(adventure, first)
    third = told(adventure, second)
    turn = told(adventure, told(adventure, third), action="look for the ledger")
    text = "Teague hid the <b>ledger</b> in the cellar."
    pieces = (
        Piece(origin="frame", text="Earlier: "),
        Piece(origin="earlier", text=text, title=f"1:{first.pk}"),
        Piece(origin="world", text="Teague is dead."),
    )
    kept = Recalled(turn=str(first.pk), number=1, text="", score=2.75, reason="ledger")
    report = Report(tokens=9, window=99, max_tokens=1, pieces=pieces, recalled=(kept,))
    TurnContext.objects.create(turn=turn, details=pack(compact_report(report, narrator())))
    return turn, first, third


def test_what_was_remembered_says_which_turn_it_is_from_and_why(client, alice, remembering):
    turn, first, _third = remembering
    client.force_login(alice)
    (recalled,) = get(client, turn).json()["recalled"]
    assert recalled["turn"] == str(first.pk)
    assert (recalled["number"], recalled["reason"]) == (1, "ledger")
    page = get(client, turn, part="").content.decode()
    assert "remembered: turn 1" in page and "score 2.8" in page
    assert '<li data-origin="earlier">' in page and '<li data-origin="world">' in page
    assert "Teague hid the &lt;b&gt;ledger" in page and "<b>ledger" not in page


def test_a_marked_turn_can_be_unmarked_where_it_was_remembered_and_where_not(
    client, alice, remembering
):
    turn, first, third = remembering
    client.force_login(alice)
    address = f"/adventures/{turn.adventure_id}/turns/{{}}/memory/"
    client.post(address.format(first.pk), {"mark": "pinned"})
    client.post(address.format(third.pk), {"mark": "forgotten"})
    recalled = get(client, turn).json()["recalled"]
    assert [(each["number"], each["mark"], bool(each["text"])) for each in recalled] == [
        (1, "pinned", True),
        (3, "forgotten", False),
    ]
    page = get(client, turn, part="").content.decode()
    assert "Unpin" in page and "Remember again" in page
    client.post(address.format(first.pk), {"mark": ""})
    assert set(RecallMark.objects.values_list("turn", flat=True)) == {third.pk}


def test_it_goes_with_the_adventure(alice, adventure, workers):
    from game.play import adventures

    workers.start(pace=0)
    played(alice, adventure, "listen")
    assert TurnContext.objects.count() == 1
    adventures.purge(adventure.pk)
    assert not TurnContext.objects.exists()


# How compact it is


def test_the_story_is_not_kept_twice():
    built = build(request(story=told_turns(200)), window=4096)
    packed = pack(compact_report(built.report, narrator()))
    assert "creaks" not in str(unpack(packed))
    assert len(packed) < len(built.text) / 3


def test_it_stays_small_whatever_the_narrators_window():
    dice = random.Random(1)
    words = "".join(chr(dice.randrange(0x4E00, 0x9FFF)) for _ in range(8000))
    built = build(
        request(
            story=[Passage(kind="do", action=f"{i}", reply=f"{i}.") for i in range(9000)],
            memory=words,
            cards=[
                Card(title=f"{i}", keys=("rope",), text=words[i * 200 :][:2000]) for i in range(30)
            ],
        ),
        window=200_000,
    )
    details = compact_report(built.report, narrator())
    assert details.not_kept > 5000
    assert sum(part.passage is not None for part in details.parts) == 1000
    assert details.parts[0].origin == "frame"
    packed = pack(details)
    assert unpack(packed) == details
    assert len(packed) < 256 * 1024  # no more than the request had


def test_what_is_no_details_is_refused():
    for packed in ("", "x", "!!!!", pack(compact_report(a_report(), narrator()))[:-9]):
        with pytest.raises(UnreadableReport):
            unpack(packed)


def a_report():
    piece = Piece(origin="memory", text="You are Wren.")
    return Report(tokens=1, window=2, max_tokens=1, pieces=(piece,))


def test_another_model_or_sampling_is_another_revision():
    assert narrator().fingerprint == narrator().fingerprint
    assert narrator().fingerprint != narrator(max_tokens=41).fingerprint
