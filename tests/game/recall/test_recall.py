"""A story remembers: sentences of old turns that matter now are in the prompt again."""

import json
import tracemalloc
from array import array
from random import Random
from uuid import uuid4

import pytest
from django.urls import reverse
from kombu.exceptions import OperationalError

from game.library import copies, share_content
from game.models import Adventure, Kind, RecallEntry, RecallMark, Status, Turn, TurnContext
from game.play import adventures, context, edits, endings, read_ahead, tree
from game.play.events import redis_breaker
from game.recall import index, indexing, marks, search, tasks
from game.recall.terms import HASH
from inference.contract.prompt_report import PromptReport, pack
from inference.contract.request import Passage, Result

pytestmark = pytest.mark.django_db

FILLER = "You walk on along the wet road, and the rain does not stop. A cart passes you slowly. "
KEY = "Old Marta grins. Then Marta hid the brass key under the third stone of the bridge."
ROOM = 800  # tokens of a prompt
JSON = {"accept": "application/json"}


@pytest.fixture(autouse=True)
def requests(monkeypatch):
    """No index of another test. What would be asked of the queue, in place of asking."""
    asked = []
    monkeypatch.setattr(search, "cache", search.IndexCache())
    monkeypatch.setattr(search, "request_index", asked.append)
    return asked


def told(adventure, *replies, parent=None, action="walk on", index=True):
    """Turns with these replies, one after the other; indexed as when they end."""
    turns = []
    for reply in replies:
        parent = Turn.objects.create(
            adventure=adventure,
            parent=parent or adventure.head,
            kind=Kind.DO,
            action=action,
            reply=reply,
            status=Status.TOLD,
        )
        turns.append(parent)
    Adventure.objects.filter(pk=adventure.pk).update(head=parent)
    adventure.refresh_from_db()
    if index:
        indexing.index_turns([turn.pk for turn in turns])
    return turns


def recalled(adventure, action="", kind="do"):
    path = tree.path_lengths(adventure.head_id)
    asked = Passage(kind=kind if action else "continue", action=action)
    return search.recall(adventure, path, asked, context.recent_story(path)[-1:], ROOM)


def by_action(adventure, action):
    return [each for each in recalled(adventure, action) if each.by_action]


def test_what_an_old_turn_said_of_somebody_is_recalled_when_they_are_named(adventure):
    [meeting] = told(adventure, KEY)
    told(adventure, *[FILLER] * 40)
    [found] = by_action(adventure, "ask Marta for the key")
    assert found.turn == str(meeting.pk) and found.number == 1
    assert found.text == "Then Marta hid the brass key under the third stone of the bridge."
    assert found.reason == "Marta, key"
    assert by_action(adventure, "wait") == []


@pytest.mark.parametrize(
    ("reply", "filler", "action"),
    [
        ("老周把铜钥匙埋在石桥下面。", "你继续往前走，雨下个不停。", "问铜钥匙在哪里"),
        (
            "Ihre Schlüssel lagen im Brunnen.",
            "Du gehst weiter, und es regnet.",
            "den Schlüssel suchen",
        ),
        ("Она спрятала ключи под камнем.", "Ты идёшь дальше под дождём.", "искать ключ"),
        ("그 열쇠는 다리 아래에 있다.", "비가 내리고 너는 계속 걷는다.", "열쇠를 찾는다"),
        ("กุญแจทองเหลืองอยู่ใต้สะพาน", "คุณเดินต่อไปบนถนนที่เปียก", "หากุญแจ"),
    ],
)
def test_it_is_found_in_any_script(adventure, reply, filler, action):
    told(adventure, reply)
    told(adventure, *[filler * 12] * 12)
    assert [each.text for each in by_action(adventure, action)] == [reply]


def test_turns_that_the_last_prompt_had_are_not_recalled(adventure):
    told(adventure, KEY)
    *_, last = told(adventure, *[FILLER] * 40)
    report = PromptReport(
        narrator="n", revision="", parts=(), tokens=1, window=1, passages=40, first=0
    )
    TurnContext.objects.create(turn=last, details=pack(report))
    assert recalled(adventure, "ask Marta for the key") == ()


def test_an_edit_changes_what_is_recalled_at_once(adventure, alice):
    [meeting] = told(adventure, KEY)
    told(adventure, *[FILLER] * 40)
    assert by_action(adventure, "ask Marta for the key")
    edits.replace(adventure, meeting, {"reply": "Ilka swallowed the key."}, alice)
    assert [each.text for each in by_action(adventure, "find the key")] == [
        "Ilka swallowed the key."
    ]
    assert by_action(adventure, "ask Marta") == []
    indexing.index_turns([meeting.pk])
    assert RecallEntry.objects.get(turn=meeting).edit == meeting.edits.get().pk


def test_another_branch_knows_nothing_of_it(adventure):
    start = adventure.head
    told(adventure, KEY, *[FILLER] * 40)
    assert by_action(adventure, "ask Marta for the key")
    told(adventure, *[FILLER] * 40, parent=start)
    assert by_action(adventure, "ask Marta for the key") == []


def test_turns_and_reading_ahead_have_what_the_newest_turns_ask_for(adventure, monkeypatch):
    monkeypatch.setattr(context, "room_of", lambda turn: ROOM)
    told(adventure, KEY)
    told(adventure, *[FILLER] * 40, "Marta stands in the door.")
    turn = Turn(adventure=adventure, parent=adventure.head, kind=Kind.DO, action="greet Marta")
    taken = context.story_context(adventure, turn).earlier
    ahead = read_ahead.read_ahead_request(adventure, adventure.head, "parrot").context.earlier
    assert ahead and ahead == tuple(each for each in taken if not each.by_action)
    assert "brass key" in ahead[0].text


# When turns are indexed


def test_a_turn_is_indexed_once_its_end_is_committed(
    adventure, django_capture_on_commit_callbacks, log
):
    turn = Turn.objects.create(adventure=adventure, parent=adventure.head, kind=Kind.DO, action="x")
    result = Result(
        adventure=str(adventure.pk), turn=str(turn.pk), attempt=1, outcome="told", reply=KEY
    )
    with django_capture_on_commit_callbacks(execute=True):
        assert endings.finish_turn(result)
        assert not RecallEntry.objects.filter(turn=turn).exists()
    assert RecallEntry.objects.filter(turn=turn).exists()


def test_a_turn_whose_indexing_fails_is_told_all_the_same(
    adventure, django_capture_on_commit_callbacks, log, monkeypatch, caplog
):
    turn = Turn.objects.create(adventure=adventure, parent=adventure.head, kind=Kind.DO, action="x")
    result = Result(
        adventure=str(adventure.pk), turn=str(turn.pk), attempt=1, outcome="told", reply=KEY
    )
    with monkeypatch.context() as broken, django_capture_on_commit_callbacks(execute=True):
        broken.setattr(indexing, "entry_of", lambda texts: 1 / 0)
        assert endings.finish_turn(result)
    turn.refresh_from_db()
    assert turn.status == Status.TOLD and "ZeroDivisionError" in caplog.text
    assert "brass" not in caplog.text
    told(adventure, *[FILLER] * 40, parent=turn)
    assert by_action(adventure, "ask Marta for the key"), "it is indexed when it is asked for"


def test_a_long_story_from_before_is_indexed_in_the_background(adventure, requests, monkeypatch):
    monkeypatch.setattr(indexing, "MOST_AT_ONCE", 25)
    again = []
    monkeypatch.setattr(tasks, "request_index", lambda adventure: again.append(adventure))
    told(adventure, KEY, *[FILLER] * 60, index=False)
    assert recalled(adventure, "ask Marta for the key") == ()
    assert requests == [adventure.pk]
    for _ in range(3):
        tasks.index_adventure(str(adventure.pk))
    assert again == [adventure.pk] * 2 and RecallEntry.objects.count() == 62
    assert by_action(adventure, "ask Marta for the key")
    assert len(requests) == 1


def test_entries_of_an_older_format_are_made_again(adventure):
    told(adventure, KEY)
    RecallEntry.objects.update(format=0, terms=b"")
    told(adventure, *[FILLER] * 40)
    assert by_action(adventure, "ask Marta for the key")
    assert not indexing.index_some(adventure.pk)
    assert set(RecallEntry.objects.values_list("format", flat=True)) == {indexing.FORMAT}


def test_nothing_fails_while_the_queue_is_down(adventure, monkeypatch):
    def down(*_, **__):
        raise OperationalError

    monkeypatch.setattr(redis_breaker, "open_until", 0.0)
    monkeypatch.setattr(tasks.index_adventure, "apply_async", down)
    tasks.request_index(adventure.pk)
    assert redis_breaker.is_open
    redis_breaker.open_until = 0.0


def test_deleting_an_adventure_deletes_its_index(adventure, alice):
    [meeting] = told(adventure, KEY)
    marks.mark_turn(adventure.pk, alice, meeting.pk, "pinned")
    adventures.purge(adventure.pk)
    assert not RecallEntry.objects.exists() and not RecallMark.objects.exists()


def test_entries_take_less_room_than_the_story(adventure):
    for reply in (KEY + FILLER * 3, "老周把铜钥匙埋在石桥下面，然后头也不回地走进了雨里。" * 5):
        [turn] = told(adventure, reply)
        assert len(RecallEntry.objects.get(turn=turn).terms) < len(reply.encode())


# What players pin and forget


def mark(client, adventure, turn, value, **headers):
    url = reverse("mark_memory", args=[adventure.pk, turn.pk])
    return client.post(url, {"mark": value}, headers=headers or JSON)


def test_a_pinned_turn_is_always_recalled_and_a_forgotten_one_never(as_player, alice, adventure):
    client = as_player(alice)
    [meeting] = told(adventure, KEY)
    told(adventure, *[FILLER] * 40)
    assert mark(client, adventure, meeting, "pinned").json()["mark"] == "pinned"
    [found] = recalled(adventure, "wait")
    assert (found.text, found.reason) == (f"You walk on. {KEY}", "pinned")
    assert not found.by_action
    mark(client, adventure, meeting, "forgotten")
    assert recalled(adventure, "ask Marta for the key") == ()
    mark(client, adventure, meeting, "")
    assert by_action(adventure, "ask Marta for the key")
    assert not RecallMark.objects.exists()


def test_a_mark_that_is_none_is_refused_in_words(as_player, alice, adventure):
    answer = mark(as_player(alice), adventure, adventure.head, "loved")
    assert answer.status_code == 422
    assert answer.json()["message"] == "Choose pinned, forgotten, or neither."


def test_without_javascript_the_story_says_what_was_done(as_player, alice, adventure):
    client = as_player(alice)
    answer = mark(client, adventure, adventure.head, "pinned", accept="text/html")
    assert answer.status_code == 302
    page = client.get(answer.url).content.decode()
    assert "Pinned: remembered first, as far as there is room." in page


def test_there_is_a_limit_to_pinned_turns(as_player, alice, adventure, monkeypatch):
    monkeypatch.setattr(marks, "MOST_PINNED", 1)
    client = as_player(alice)
    first, second = told(adventure, KEY, FILLER)
    mark(client, adventure, first, "pinned")
    answer = mark(client, adventure, second, "pinned")
    assert answer.status_code == 422 and "Unpin one first" in answer.json()["message"]
    assert mark(client, adventure, second, "forgotten").status_code == 200


def test_there_is_a_limit_to_forgotten_turns_and_to_marks_in_a_minute(
    as_player, alice, adventure, monkeypatch, settings
):
    first, second = told(adventure, KEY, FILLER)
    client = as_player(alice)
    monkeypatch.setattr(marks, "MOST_FORGOTTEN", 1)
    mark(client, adventure, first, "forgotten")
    assert mark(client, adventure, first, "forgotten").status_code == 200
    refused = mark(client, adventure, second, "forgotten").json()["message"]
    assert refused == "1 turns are forgotten, the maximum. Let the narrator remember one first."
    settings.LIMITS = settings.LIMITS | {"edit": "1/m/user"}
    mark(client, adventure, first, "forgotten")
    answer = mark(client, adventure, second, "pinned")
    assert answer.status_code == 429 and "Too many" in answer.json()["message"]
    assert dict(RecallMark.objects.values_list("turn", "mark")) == {first.pk: "forgotten"}


def test_a_story_of_words_that_nobody_knows_takes_no_more_memory_than_one_may(monkeypatch):
    """A player may type words by chance: each is a term of its own."""
    monkeypatch.setattr(index, "MOST_INDEX_BYTES", 1024**2)
    cache, adventure, chance = index.IndexCache(most_bytes=1024**2), uuid4(), Random(1)
    path = [tree.Step(uuid4(), 1, False, 0) for _ in range(200)]
    tracemalloc.start()
    filled = cache.of(adventure)
    for step in path:
        terms = array("I", (chance.randrange(HASH) for _ in range(100)))
        filled.add(step.id, index.Stamp.of(step), terms)
    filled.follow(path)
    taken, _most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 1.5 * 1024**2
    assert 0 < filled.turns < 200
    assert cache.of(adventure) is filled
    filled.follow(path[:1])
    assert cache.of(adventure).turns == 0, "what is not on the path gave its room"
    for other in (uuid4(), uuid4()):
        cache.of(other).add(path[0].id, index.Stamp.of(path[0]), array("I", range(10_000)))
        cache.trim()
    assert [*cache.indexes] == [other], "together they take no more than is allowed"


def test_copies_have_the_marks_and_links_only_with_the_plot(as_player, alice, bob, adventure):
    [meeting] = told(adventure, KEY)
    told(adventure, *[FILLER] * 40)
    marks.mark_turn(adventure.pk, alice, meeting.pk, "pinned")
    copy = copies.duplicate(alice, adventure, only_path=True)
    assert [each.reason for each in recalled(copy)] == ["pinned"]
    for plot in (True, False):
        content = share_content.capture(adventure.head, plot=plot)
        shared = copies.copy_shared(bob, adventure, content, plot=plot)
        assert [each.reason for each in recalled(shared)] == (["pinned"] if plot else [])
    client = as_player(alice)
    export = client.get(reverse("export", args=[adventure.pk, "json"])).content
    assert json.loads(export)["marks"] == [{"turn": str(meeting.pk), "mark": "pinned"}]


def test_a_process_keeps_the_indexes_of_the_adventures_used_last(alice, begin):
    stories = [begin(alice) for _ in range(3)]
    for each in stories:
        told(each, KEY, *[FILLER] * 40)
        recalled(each)
    search.cache.most_bytes = search.cache.of(stories[0].pk).size * 2 + 10
    search.cache.trim()
    assert list(search.cache.indexes) == [stories[2].pk, stories[0].pk]
    assert by_action(stories[1], "ask Marta for the key")
    adventures.purge(stories[1].pk)
    assert stories[1].pk not in search.cache.indexes


def test_the_prompt_of_another_narrator_does_not_tell_what_this_one_has(adventure):
    turns = told(adventure, KEY, *[FILLER] * 30)
    path = tree.path_lengths(turns[-1].pk)
    report = PromptReport(
        narrator="vast", revision="", parts=(), tokens=1, window=1, passages=31, first=0
    )
    TurnContext.objects.create(turn=turns[-1], details=pack(report))
    assert search.first_in_prompt(path, 100, "vast") == 0
    assert search.first_in_prompt(path, 100, "small") > 20


def test_the_index_is_asked_for_without_the_lock_that_others_wait_for(adventure, monkeypatch):
    locked = []

    def asked(pk):
        locked.append(search.cache.of(pk).lock.locked())

    monkeypatch.setattr(search, "request_index", asked)
    turns = told(adventure, KEY, *[FILLER] * 30)
    RecallEntry.objects.all().delete()
    search.cache.forget(adventure.pk)
    path = tree.path_lengths(turns[-1].pk)
    search.recall(adventure, path, Passage(kind="do", action="wait"), (), 100)
    assert locked == [False]
