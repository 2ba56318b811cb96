"""The state of the world over HTTP: what is shown, who may change it, what is refused and how."""

import json
import zlib

import pytest
from django.test import Client

from game.accounts import data
from game.library import copies, shares
from game.library.share_content import load, pack
from game.models import Adventure, Membership, Share, Turn, TurnChanges, TurnContext
from game.moderation import authorship, cases
from game.play import adventures
from game.play.protocol import UndoTurn
from game.state import beginnings, edits, views, worlds
from inference.contract import prompt_report
from inference.contract.prompt_report import Part, PromptReport
from inference.contract.world import World
from inference.prompts.formats import HIDDEN
from tests.game.moderation.conftest import rules
from tests.game.play.test_turns import act, do, tell

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("plain_rules", "narrator_awake"),
]
assert rules  # the fixture
MARA = {"part": "person", "name": "Mara"}


@pytest.fixture
def play(adventure, alice):
    def play(reply):
        turn = act(adventure, alice, "wait")
        assert tell(turn, reply)
        return turn

    return play


@pytest.fixture
def post(adventure, alice, as_player):
    def post(*changes, query="", body=None):
        content = json.dumps(changes) if body is None else body
        path = f"/adventures/{adventure.pk}/world/{query}"
        return as_player(alice).post(path, content, content_type="application/json")

    return post


@pytest.fixture
def get(adventure, alice, as_player):
    def get(query=""):
        return as_player(alice).get(f"/adventures/{adventure.pk}/world/{query}").json()

    return get


def test_an_empty_state_is_shown_as_one(get, adventure):
    shown = get()
    assert (shown["turn"], shown["number"]) == (str(adventure.head_id), 0)
    assert (shown["place"], shown["people"], shown["facts"]) == (None, [], [])


def test_each_entry_says_from_which_turn_sentence_and_source_it_is(play, get):
    first = play("Mara arrives.")
    turn = play("It rains. Mara dies.")
    [mara] = get()["people"]
    assert (mara["name"], mara["life"], mara["here"], mara["changed"]) == (
        "Mara",
        "dead",
        False,
        True,
    )
    assert (mara["turn"], mara["number"], mara["source"]) == (str(turn.pk), 2, "rule")
    assert (mara["sentence"], mara["locked"]) == ("Mara dies.", False)
    [then] = get(f"?turn={first.pk}")["people"]
    assert (then["life"], then["here"], then["number"]) == ("alive", True, 1)


def test_only_what_this_turn_changed_is_marked(play, get):
    play("Mara arrives.")
    play("You take the lantern.")
    shown = get()
    assert [each["changed"] for each in (*shown["people"], *shown["things"])] == [False, True]


def test_the_player_changes_the_state_and_sees_it_locked(post, get, play, adventure):
    turn = play("Mara arrives.")
    answer = post({**MARA, "field": "mood", "value": "kind"}, {"part": "place", "value": "attic"})
    assert answer.status_code == 200
    shown = answer.json()
    assert shown == get()
    assert (shown["place"]["value"], shown["place"]["locked"]) == ("attic", True)
    [mara] = shown["people"]
    assert (mara["mood"], mara["locked"], mara["source"]) == ("kind", True, "player")
    assert (mara["fields"]["here"]["source"], mara["fields"]["here"]["locked"]) == ("rule", False)
    assert shown["version"] == Adventure.objects.get(pk=adventure.pk).version
    assert mara["turn"] == str(turn.pk)


def test_a_removed_entry_is_gone(post, get, play):
    play("Mara arrives. You take the lantern.")
    post({**MARA, "field": "life", "value": ""})
    post({"part": "thing", "name": "LANTERN", "field": "held", "value": ""})
    play("Mara arrives. You take the lantern.")
    assert (get()["people"], get()["things"]) == ([], [])


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "Invalid JSON"),
        (b"{}", "valid array"),
        (b"[" * 50_000, "JSON"),
        (b"[1]", "0: "),
        (b"[]", "There is no change to save."),
        (b'[{"part": "weather", "value": "x"}]', "0.part"),
        (b'[{"part": "place", "value": "x", "hidden": true}]', "0.hidden"),
        (b'[{"part": "place", "value": "x", "source": "rule"}]', "0.source"),
        (b'[{"part": "place", "name": "x", "value": "x"}]', "no name"),
        (b'[{"part": "person", "value": "dead", "field": "life"}]', "Give it a name."),
        (b'[{"part": "person", "name": "M", "value": "dead"}]', "no field"),
        (
            b'[{"part": "person", "name": "M", "field": "life", "value": "undead"}]',
            "alive, dead, gone",
        ),
        (
            b'[{"part": "thing", "name": "x", "field": "held", "value": "eaten"}]',
            "carried, worn, lost",
        ),
        (b'[{"part": "place", "value": "%s"}]' % (b"x" * 121), "121 characters; the limit is 120"),
        (b'[{"part": "fact", "name": "%s", "value": "true"}]' % (b"x" * 201), "limit is 200"),
        (json.dumps([{"part": "place", "value": "x"}] * 41).encode(), "41 changes; at most 40"),
        (b'[{"part": "place", "value": "%s"}]' % (b"x" * 65536), "larger than 64 KiB"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_a_line_and_changes_nothing(post, get, body, problem):
    before = get()
    answer = post(body=body)
    assert answer.status_code == 422
    assert problem in answer.json()["message"]
    assert get() == before


def test_the_dead_cannot_be_set_here_before_they_live(post, get, play):
    play("Mara dies.")
    answer = post({**MARA, "field": "here", "value": "yes"})
    assert (answer.status_code, answer.json()["message"]) == (
        422,
        "Mara is dead. Set them alive first.",
    )
    assert get()["people"][0]["life"] == "dead"
    alive = {**MARA, "field": "life", "value": "alive"}
    assert post(alive, {**MARA, "field": "here", "value": "yes"}).status_code == 200
    assert get()["people"][0]["here"]


def test_a_sixth_aim_of_the_player_s_own_is_refused(post, get):
    aims = [{"part": "aim", "name": f"aim {number}", "value": "open"} for number in range(6)]
    assert post(*aims[:5]).status_code == 200
    answer = post(aims[5])
    assert answer.status_code == 422 and "the maximum" in answer.json()["message"]
    assert len(get()["aims"]) == 5
    assert post({**aims[0], "value": "done"}, aims[5]).status_code == 200


def test_a_turn_holds_forty_changes_of_the_player(post, get):
    facts = [{"part": "fact", "name": f"fact {number}", "value": "true"} for number in range(41)]
    assert post(*facts[:40]).status_code == 200
    answer = post({"part": "place", "value": "attic"})
    assert answer.status_code == 422 and "40 changes of yours" in answer.json()["message"]
    assert get()["place"] is None


def test_changes_count_as_edits_and_too_many_are_put_off(post, get, settings):
    settings.LIMITS = settings.LIMITS | {"edit": "1/m/user"}
    answers = [post({"part": "place", "value": f"room {n}"}) for n in range(2)]
    assert [each.status_code for each in answers] == [200, 429]
    assert "Too many edits" in answers[1].json()["message"]
    assert get()["place"]["value"] == "room 0"
    # Nothing is parsed of what comes too often.
    for path in ("", "unlock/"):
        assert post(body="{", query=path).status_code == 429


def test_names_and_facts_are_held_against_the_rules_of_the_host(post, get, rules):
    for change in (
        {"part": "fact", "name": "They eat the plums.", "value": "true"},
        {"part": "person", "name": "eat the plums", "field": "here", "value": "yes"},
        {"part": "place", "value": "where they eat the plums"},
    ):
        answer = post(change)
        assert answer.status_code == 422 and "No fruit" in answer.json()["message"]
    assert (get()["facts"], get()["people"], get()["place"]) == ([], [], None)


def test_others_find_no_such_adventure_and_a_form_without_a_token_is_refused(
    adventure, bob, client, as_player, alice
):
    path = f"/adventures/{adventure.pk}/world/"
    change = json.dumps([{"part": "place", "value": "x"}])
    for browser in (client, as_player(bob)):
        assert browser.get(path).status_code == 404
        assert browser.post(path, change, content_type="application/json").status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post(path, change, content_type="application/json").status_code == 403
    assert as_player(alice).put(path).status_code == 405
    assert worlds.world_at(adventure.head_id) == World()


def test_a_turn_of_another_adventure_is_not_there(adventure, alice, begin, get, as_player):
    other = begin(alice)
    client = as_player(alice)
    for turn in (other.head_id, "x", "00000000-0000-0000-0000-000000000000"):
        assert client.get(f"/adventures/{adventure.pk}/world/?turn={turn}").status_code == 404


def test_what_is_hidden_is_in_no_answer_export_or_data(alice, scenario, as_player, narrator_awake):
    lines = "place: the attic\nhidden fact: xylopomp drowned"
    scenario.world = beginnings.as_data(beginnings.parse(lines))
    scenario.save()
    adventure = adventures.begin(alice, scenario, {})
    client = as_player(alice)
    shares.share(alice, adventure.head, plot=True)
    assert "xylopomp" in str(worlds.world_at(adventure.head_id))
    part = Part(origin="world", title=HIDDEN, text="xylopomp drowned.")
    report = PromptReport(narrator="parrot", revision="1", parts=(part,), tokens=1, window=10)
    TurnContext.objects.create(turn=adventure.head, details=prompt_report.pack(report))
    context = f"/adventures/{adventure.pk}/turns/{adventure.head_id}/context/"
    assert "xylopomp" not in client.get(context).content.decode()
    texts = [
        client.get(f"/adventures/{adventure.pk}/world/").content.decode(),
        client.get(f"/adventures/{adventure.pk}/export.json").content.decode(),
        data.export_of(alice),
    ]
    for text in texts:
        assert "the attic" in text
        assert "xylopomp" not in text


def test_what_a_player_sets_on_thousands_of_turns_has_a_limit(get, play, post, monkeypatch):
    monkeypatch.setattr(edits, "MOST_STORED", 250)
    assert post({"part": "fact", "name": "x" * 100, "value": "true"}).status_code == 200
    play("Nothing happens.")
    refused = post({"part": "fact", "name": "y" * 100, "value": "true"})
    assert refused.status_code == 422 and "the maximum" in refused.json()["message"]
    assert [each["text"][:1] for each in get()["facts"]] == ["x"]


def test_what_a_player_sets_does_not_tell_that_somebody_is_dead_in_secret(
    adventure, play, post, get
):
    secret = {"part": "person", "name": "Mara", "field": "life", "value": "dead", "hidden": True}
    TurnChanges.objects.create(turn_id=adventure.head_id, changes=[secret | {"source": "scenario"}])
    play("Mara arrives.")
    assert [(each["name"], each["here"]) for each in get()["people"]] == [("Mara", True)]
    for value in ("no", "yes"):
        answer = post(MARA | {"field": "here", "value": value})
        assert answer.status_code == 200, answer.content
        [mara] = get()["people"]
        assert (mara["life"], mara["here"]) == ("alive", value == "yes")
    assert worlds.world_at(worlds.current_turn(adventure).pk).hidden == ("Mara is dead.",)


# Copies and links


def shown(adventure):
    adventure = Adventure.objects.get(pk=adventure.pk)
    data = views.world_data(adventure)
    return {name: [entry["name"] for entry in data[name]] for name in ("people", "things")} | {
        "place": data["place"] and data["place"]["value"]
    }


def test_a_copy_of_one_s_own_has_the_state_of_every_turn(adventure, alice, play, post):
    for _ in range(worlds.CACHE_EVERY):
        play("Nothing happens.")
    play("Mara arrives.")
    post({"part": "place", "value": "attic"})
    play("You take the lantern.")
    for only_path in (False, True):
        copy = copies.duplicate(alice, Adventure.objects.get(pk=adventure.pk), only_path)
        assert shown(copy) == {"people": ["Mara"], "things": ["lantern"], "place": "attic"}
        turns = set(map(str, copy.turns.values_list("pk", flat=True)))
        entries = worlds.entries_at(worlds.current_turn(copy).pk).values()
        assert {entry.turn for entry in entries} <= turns
        assert worlds.state_at(worlds.current_turn(copy).pk).walked < worlds.CACHE_EVERY


def test_whoever_plays_on_from_a_link_has_the_state_only_with_the_plot(
    adventure, alice, bob, play, post
):
    turn = play("Mara arrives.")
    post({"part": "place", "value": "attic"})
    turn = Turn.objects.get(pk=turn.pk)
    bare, whole = (shares.share(alice, turn, plot=plot) for plot in (False, True))
    post({"part": "place", "value": "cellar"})
    assert shown(shares.play_on(bare, bob)) == {"people": [], "things": [], "place": None}
    assert shown(shares.play_on(whole, bob)) == {"people": ["Mara"], "things": [], "place": "attic"}
    shares.update(whole)
    updated = Share.objects.get(pk=whole.pk)
    assert shown(shares.play_on(updated, bob))["place"] == "cellar"


def test_a_link_without_a_state_is_the_same_link_as_before_there_was_one(adventure, alice):
    made = shares.share(alice, adventure.head, plot=True)
    content = made.texts.content
    assert shares.share(alice, adventure.head, plot=True) == made
    assert '"world"' not in zlib.decompress(bytes(content)).decode()
    assert pack(load(made))[1] == made.texts.digest


def test_the_export_has_the_changes_of_each_turn(adventure, alice, play, as_player):
    turn = play("Mara arrives.")
    exported = as_player(alice).get(f"/adventures/{adventure.pk}/export.json").json()
    [entry] = exported["world"]
    assert entry["turn"] == str(turn.pk)
    assert [(each["name"], each["value"]) for each in entry["changes"]] == [("Mara", "yes")]


# Staff


def test_staff_who_open_a_story_see_what_the_player_set(adventure, alice, play, post):
    turn = play("Mara arrives.")
    post({"part": "fact", "name": "The moon is made of plums.", "value": "true"})
    story = cases.all_turns(turn.pk)
    [_opening, told] = story
    assert authorship.contains_excerpt(authorship.players_words(told), "made of plums")
    stored = TurnChanges.objects.get(turn=turn).changes
    assert worlds.lines_of_player(stored) == ("fact The moon is made of plums.: true",)


def test_members_of_an_adventure_see_the_same_state(adventure, alice, bob, play, as_player):
    play("Mara arrives.")
    Membership.objects.create(adventure=adventure, player=bob)
    [mara] = as_player(bob).get(f"/adventures/{adventure.pk}/world/").json()["people"]
    assert mara["here"]


def test_an_undone_turn_s_state_is_not_the_current_one(adventure, alice, play, get):
    play("Mara arrives.")
    play("Mara dies.")
    do(adventure, alice, UndoTurn)
    assert get()["people"][0]["life"] == "alive"
