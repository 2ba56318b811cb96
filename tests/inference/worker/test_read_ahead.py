"""Next prompts are read while players read: what is read, when, and who goes first."""

import pytest
import redis

from game.models import Turn
from game.play import narration, read_ahead, turns
from game.play.events import redis_breaker
from game.play.protocol import UndoTurn
from game.state.edits import change_world
from inference.contract.request import Card, Passage
from inference.contract.world import WorldChange
from inference.prompts import stable_front
from inference.queue.client import QueueClient
from inference.worker.idle.read_ahead import ReadAhead, next_request
from tests.game.play.test_turns import act, key, tell
from tests.prompting import build, count, narrator, render_chat, request, told_turns
from tests.serving import until

database = pytest.mark.django_db(transaction=True)

CARDS = (
    Card(title="Jory", keys=("Jory",), text="Jory is the mate, and afraid of geese."),
    Card(title="Key", keys=("key",), text="The brass key opens the third gate."),
)
REPLY = "The rope holds. Jory nods at you, and at the dark below."
NARRATORS = [
    narrator("chat"),
    narrator("transcript"),
    narrator("chat", example=True),
    narrator("chat", reminder="In two sentences: what comes of this."),
]
names = ["chat", "transcript", "chat with an example", "chat with a reminder"]


def front(before, reply, teller):
    return stable_front(next_request(before, reply), teller, count, render_chat, 2048)


def after(before, reply, kind, action):
    """The request of the turn that follows, as the game makes it."""
    told = before.context.action.model_copy(update={"reply": reply})
    context = before.context.model_copy(
        update={
            "story": (*before.context.story, told),
            "action": Passage(kind=kind, action=action),
        }
    )
    return before.model_copy(update={"context": context, "turn": "u"})


# ---- what is read


@pytest.mark.parametrize("teller", NARRATORS, ids=names)
@pytest.mark.parametrize("turns", [0, 1, 2, 3, 4, 5, 8, 9, 40])
@pytest.mark.parametrize(
    ("kind", "action"), [("do", "climb down"), ("say", "Who is there?"), ("continue", "")]
)
def test_the_next_prompt_begins_with_what_was_read(teller, turns, kind, action):
    """To the byte, with a card that the reply fires and a note near the end."""
    before = request(story=[*request().context.story, *told_turns(turns)], cards=CARDS)
    read = front(before, REPLY, teller)
    prompt = build(after(before, REPLY, kind, action), teller).text
    assert prompt.startswith(read)
    assert "afraid of geese" in read or turns == 0
    assert read.endswith(("nods at you, and at the dark below.", "\n"))
    assert REPLY in read


def test_a_story_line_changes_no_more_than_where_notes_stand():
    """It asks for two turns more, so summary, cards and note may stand elsewhere."""
    teller = narrator("chat")
    for number in range(2, 12):
        before = request(story=[*request().context.story, *told_turns(number)], cards=CARDS)
        read = front(before, REPLY, teller)
        prompt = build(after(before, REPLY, "story", "The lamp goes out."), teller).text
        note = read.index("afraid of geese")
        assert prompt.startswith(read) or prompt.startswith(read[: note - 100])


@pytest.mark.parametrize("teller", NARRATORS, ids=names)
def test_a_card_that_the_action_fires_leaves_what_stands_before_it(teller):
    before = request(story=[*request().context.story, *told_turns(9)], cards=CARDS)
    read = front(before, REPLY, teller)
    prompt = build(after(before, REPLY, "do", "take the key"), teller).text
    assert not prompt.startswith(read)
    common = next(i for i, (a, b) in enumerate(zip(read, prompt, strict=False)) if a != b)
    assert common > len(read) / 3


@pytest.mark.parametrize("format", ["chat", "transcript"])
def test_a_card_beside_the_action_leaves_all_that_was_read(format):
    teller = narrator(format, cards_beside_action=True)
    for number in (0, 1, 4, 9, 40):
        before = request(story=[*request().context.story, *told_turns(number)], cards=CARDS)
        read = front(before, REPLY, teller)
        built = build(after(before, REPLY, "do", "take the key"), teller)
        assert built.text.startswith(read)
        newest = built.text.removeprefix(read)
        assert newest.index("opens the third gate") < newest.index("You take the key")
        assert [each.title for each in built.report.fired] == ["Jory", "Key"]
        assert "afraid of geese" in read


def test_players_of_one_scenario_share_the_beginning_and_nothing_else():
    """What is read for one is what another's first prompt begins with, up to their own words."""
    teller = narrator("chat")
    opening = Passage(kind="opening", reply="The hens have gone quiet.")
    alices = request(action="whisper to Alice's hen", story=[opening])
    read = stable_front(alices, teller, count, render_chat, 2048)
    assert "Alice" not in read
    assert build(request(action="open the door", story=[opening]), teller).text.startswith(read)


def test_the_cut_of_a_long_story_is_where_the_next_turn_has_it():
    teller = narrator("chat")
    before = request(story=[*request().context.story, *told_turns(300)], cards=CARDS)
    read = front(before, REPLY, teller)
    prompt = build(after(before, REPLY, "do", "climb down"), teller).text
    assert prompt.startswith(read)
    assert count(read) / count(prompt) > 0.95


# ---- when, and who goes first


READING, LESS = 40, 35  # seconds that a prompt takes to be read; and less than that


def reading(workers, **options):
    return workers.start(**{"prefill_seconds": READING, "pace": 0, "slots": 1, **options})


@database
def test_after_a_turn_the_next_prompt_is_read(alice, adventure, log, workers):
    narrator_worker = reading(workers)
    act(adventure, alice, "run")
    until(lambda: narrator_worker.read_ahead.reading is not None)
    _, job = narrator_worker.read_ahead.reading
    assert job.request.context.story[-1].action == "run"
    assert job.request.context.story[-1].reply


@database
def test_after_a_turn_the_state_of_the_world_is_read_too(alice, adventure, log, workers):
    """The worker does not know it: the game asks once more, for less of the prompt."""
    lit = WorldChange(part="fact", name="The lamp is lit.", value="true", source="player")
    change_world(adventure.pk, alice, [lit])
    narrator_worker = reading(workers)
    act(adventure, alice, "look at the lamp")
    until(lambda: Turn.objects.filter(status="told", action="look at the lamp").exists())

    def known_in_what_is_read():
        job = narrator_worker.read_ahead.reading
        return job and job[1].request.context.world

    until(known_in_what_is_read)
    assert known_in_what_is_read().facts == ("The lamp is lit.",)


@database
def test_a_turn_breaks_off_what_is_read_and_waits_for_nothing(alice, bob, adventure, workers):
    """Half a minute of reading costs the next player nothing; then it goes on where it was."""
    narrator_worker = reading(workers)
    act(adventure, alice, "run")
    until(lambda: narrator_worker.read_ahead.reading is not None)
    number, _ = narrator_worker.read_ahead.reading
    elsewhere = {"adventure": "another", "narrator": "parrot"}
    other = request(story=told_turns(2)).model_copy(update=elsewhere)
    narrator_worker.queue.enqueue(other)
    until(lambda: narrator_worker.queue.reply_so_far("another", "t").end is not None, LESS)
    until(lambda: narrator_worker.read_ahead.reading is not None)
    assert narrator_worker.read_ahead.reading[0] != number


@database
def test_what_was_noted_of_an_adventure_whose_turn_is_told_is_dropped(alice, adventure, workers):
    narrator_worker = reading(workers)
    act(adventure, alice, "run")
    until(lambda: narrator_worker.read_ahead.reading is not None)
    act(adventure, alice, "hide")
    until(lambda: narrator_worker.read_ahead.reading is None)
    until(lambda: narrator_worker.read_ahead.reading is not None)
    _, job = narrator_worker.read_ahead.reading
    assert [each.action for each in job.request.context.story[-2:]] == ["run", "hide"]
    assert not narrator_worker.read_ahead.waiting


@database
def test_nothing_is_read_while_a_turn_waits(alice, adventure, narrator_awake, workers, monkeypatch):
    monkeypatch.setattr("inference.worker.idle.read_ahead.QUIET_SECONDS", 3600)
    narrator_worker = reading(workers, woken=False)
    narrator_worker.read_ahead.note(request(story=told_turns(2)))
    act(adventure, alice, "run")
    narrator_worker.read_ahead.waiting["a"].due = 0
    narrator_worker.read_ahead.start_reading()
    assert narrator_worker.read_ahead.reading is None


def test_a_killed_worker_loses_nothing_by_what_it_read(log, workers):
    narrator_worker = reading(workers)
    narrator_worker.read_ahead.note(request(story=told_turns(2)))
    until(lambda: narrator_worker.read_ahead.reading is not None)
    engine = narrator_worker.engine
    engine.kill()
    until(
        lambda: narrator_worker.engine is not engine and narrator_worker.supervisor.ready.is_set()
    )
    assert not narrator_worker.read_ahead.busy
    other = request(story=told_turns(2)).model_copy(update={"narrator": "parrot"})
    narrator_worker.queue.enqueue(other)
    until(lambda: narrator_worker.queue.reply_so_far("a", "t").end is not None)


def test_an_engine_without_a_cache_is_not_asked(log, workers):
    narrator_worker = workers.start(pace=0)
    narrator_worker.read_ahead.note(request(story=told_turns(2)))
    assert not narrator_worker.read_ahead.busy


def test_a_host_can_switch_it_off(log, workers, settings):
    from dataclasses import replace

    settings.INFERENCE = replace(settings.INFERENCE, read_ahead=False)
    narrator_worker = reading(workers)
    narrator_worker.read_ahead.note(request(story=told_turns(2)))
    assert not narrator_worker.read_ahead.busy


# ---- what the game asks for


@database
def test_an_adventure_that_is_opened_is_read(alice, adventure, log, workers):
    narrator_worker = reading(workers)
    assert read_ahead.request_read_ahead(adventure.pk)
    until(lambda: narrator_worker.read_ahead.reading is not None)
    _, job = narrator_worker.read_ahead.reading
    assert job.request.adventure == str(adventure.pk)
    assert job.request.context.story[-1].kind == "opening"


@database
def test_after_an_undo_the_branch_that_is_played_now_is_read(alice, adventure, log, workers):
    narrator_worker = reading(workers)
    act(adventure, alice, "run")
    until(lambda: narrator_worker.read_ahead.reading is not None)
    turns.carry_out(adventure.pk, alice, UndoTurn(type="undo_turn", key=key()))
    until(lambda: newest(narrator_worker) == "opening", LESS)


def newest(narrator_worker):
    """The kind of the last turn of the story that is read."""
    reading = narrator_worker.read_ahead.reading
    return reading and reading[1].request.context.story[-1].kind


@database
def test_what_is_asked_for_is_what_the_worker_reads_unasked(alice, adventure, narrator_awake, log):
    """But for what the worker cannot know."""
    turn = act(adventure, alice, "open the door")
    before = narration.request_for(adventure, turn)
    tell(turn)
    head = Turn.objects.get(pk=turn.pk)
    asked = read_ahead.read_ahead_request(adventure, head, "parrot").context
    known = asked.model_copy(update={"world": None, "earlier": ()})
    assert known == next_request(before, "It opens.").context


@database
def test_nobody_is_asked_while_a_turn_is_under_way_or_nobody_reads(
    alice, adventure, narrator_awake, log
):
    assert not read_ahead.request_read_ahead(adventure.pk)
    log.send_heartbeat("parrot", "test", 4, [1.0], reads_ahead=True)
    assert read_ahead.request_read_ahead(adventure.pk)
    act(adventure, alice, "run")
    assert not read_ahead.request_read_ahead(adventure.pk)


@database
def test_with_redis_away_a_page_opens_all_the_same(adventure, log, monkeypatch):
    def away(*_):
        raise redis.ConnectionError

    monkeypatch.setattr(QueueClient, "worker_for_read_ahead", away)
    assert not read_ahead.request_read_ahead(adventure.pk)
    assert redis_breaker.is_open
    redis_breaker.open_until = 0.0


# ---- limits


@pytest.fixture
def ahead(log):
    free = (lambda: None, lambda: 1, lambda: True)
    return ReadAhead(log, narrator(), "w", *free, print, enabled=True)


def test_of_one_adventure_only_the_newest_is_read(ahead):
    for number in range(5):
        ahead.note(request(story=told_turns(number)))
    [job] = ahead.waiting.values()
    assert len(job.request.context.story) == 4


def test_of_many_adventures_the_newest_are_kept(ahead, monkeypatch):
    monkeypatch.setattr("inference.worker.idle.read_ahead.MOST_WAITING", 3)
    monkeypatch.setattr("inference.worker.idle.read_ahead.MOST_CHARACTERS", 5_000)
    for index in range(5):
        ahead.note(request().model_copy(update={"adventure": str(index)}))
    assert list(ahead.waiting) == ["2", "3", "4"]
    ahead.note(request(memory="x" * 4_900).model_copy(update={"adventure": "long"}))
    assert list(ahead.waiting) == ["long"]


def test_what_waited_too_long_is_forgotten(ahead, monkeypatch, log, workers):
    narrator_worker = reading(workers, woken=False)
    narrator_worker.read_ahead.stop()
    narrator_worker.read_ahead.note(request())
    monkeypatch.setattr("inference.worker.idle.read_ahead.EXPIRES_SECONDS", -1.0)
    narrator_worker.read_ahead.start_reading()
    assert not narrator_worker.read_ahead.busy


def test_a_worker_is_asked_what_it_told_and_no_more_than_it_can_read(log):
    for name, reads in (("one", True), ("two", True), ("deaf", False)):
        log.send_heartbeat("parrot", name, 4, [1.0], reads_ahead=reads)
    log.note_cached("a", "two")
    assert log.worker_for_read_ahead("parrot", "a") == "two"
    log.note_cached("a", "deaf")
    assert log.worker_for_read_ahead("parrot", "a") in ("one", "two")
    asked = request().model_copy(update={"narrator": "parrot"})
    for _ in range(40):
        log.enqueue_read_ahead(asked, "one")
    assert log.worker_for_read_ahead("parrot", "b") == "two"
    assert len(log.take_read_aheads("parrot", "one")) == 32
    log.enqueue(asked)
    assert log.worker_for_read_ahead("parrot", "b") == "", "a turn waits"
