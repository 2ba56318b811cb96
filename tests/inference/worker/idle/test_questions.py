"""Questions after a turn: asked when the worker is idle, dropped when it is not."""

import json
from types import SimpleNamespace

import pytest
import redis

from inference.contract.questions import Reading, Suggestions, digest_of
from inference.contract.request import Passage, SummaryRequest
from inference.contract.world import Person, World
from inference.prompts import build, build_question, stable_front
from inference.worker.idle import questions
from inference.worker.idle.questions import IdleQuestions
from inference.worker.idle.read_ahead import next_request
from tests.inference.engines.test_engines import joined, llama_engine, tell_all
from tests.prompting import narrator, request, told_turns
from tests.serving import until

__all__ = ["llama_engine"]

REPLY = "Teague nods at you and goes down to the boats."
WORLD = World(people=(Person(name="Teague", here=True),))
READ = json.dumps({"Teague": "away"})
SUGGESTED = json.dumps(["follow Teague", "look at the boats", "wait"])


def turn(adventure="a", **more):
    asked = request(action="greet Teague", story=told_turns(2), world=WORLD)
    return asked.model_copy(
        update={"adventure": adventure, "turn": f"t-{adventure}", "narrator": "parrot", **more}
    )


@pytest.fixture
def asking(log, workers):
    """Starts a worker that asks, and collects its answers."""

    def start(state="narrator", **options):
        options = {"answers": [READ], "replies": [REPLY], "pace": 0, **options}
        worker = workers.start(given={"state": state}, **options)
        worker.turn_runner.record = lambda result: None
        worker.answers = []
        worker.questions.record = worker.answers.append
        return worker

    return start


def tell(worker, asked):
    worker.queue.enqueue(asked)
    until(lambda: worker.queue.reply_so_far(asked.adventure, asked.turn).end is not None)


def test_after_a_turn_the_narrator_reads_it(asking):
    worker = asking()
    tell(worker, turn())
    until(lambda: worker.answers)
    [found] = worker.answers
    assert isinstance(found, Reading)
    assert (found.adventure, found.turn) == ("a", "t-a")
    assert found.texts == digest_of("greet Teague", REPLY)
    [change] = found.changes
    assert (change.name, change.field, change.value) == ("Teague", "here", "no")
    assert change.sentence == REPLY


def test_a_narrator_that_does_not_read_is_not_asked(asking):
    worker = asking(state="rules")
    worker.questions.note(turn(), REPLY)
    assert not worker.questions.busy


def test_actions_are_suggested_where_the_adventure_wants_them(asking):
    worker = asking(state="rules", answers=[SUGGESTED])
    tell(worker, turn(suggestions=True))
    until(lambda: worker.answers)
    [found] = worker.answers
    assert isinstance(found, Suggestions)
    assert found.actions == ("follow Teague", "look at the boats", "wait")


def test_readings_go_before_suggestions(asking):
    worker = asking(answers=[READ, READ, SUGGESTED, SUGGESTED], slots=1)
    worker.questions.ask_next = lambda: None
    for adventure in "ab":
        worker.questions.note(turn(adventure, suggestions=True), REPLY)
    del worker.questions.ask_next
    until(lambda: len(worker.answers) == 4)
    assert [type(each).__name__ for each in worker.answers] == ["Reading"] * 2 + ["Suggestions"] * 2


def test_an_answer_that_cannot_be_read_costs_nothing(asking, caplog):
    worker = asking(answers=["I would rather not.", READ])
    with caplog.at_level("INFO"):
        tell(worker, turn())
        until(lambda: "the reading is no JSON" in caplog.text)
    assert "rather" not in caplog.text, "a log has no words of stories"
    tell(worker, turn("b"))
    until(lambda: worker.answers)


def test_an_engine_that_keeps_to_no_schema_tells_on(asking, caplog):
    worker = asking(answers=[])
    tell(worker, turn())
    until(lambda: "cannot keep to a schema" in caplog.text)
    assert worker.answers == []
    tell(worker, turn("b"))


def test_a_turn_breaks_a_question_off_and_drops_its_own_adventures(asking):
    """The turn comes at once; the question of another story waits, and is asked again."""
    worker = asking(answers=["x " * 200], pace=8, replies=["Teague nods at you."], slots=1)
    worker.questions.note(turn("a"), REPLY)
    until(lambda: worker.questions.asking is not None)
    number, job = worker.questions.asking
    assert job.adventure == "a"
    tell(worker, turn("b"))
    until(lambda: adventures(worker) == ["a", "b"])
    assert number not in worker.questions.asking
    tell(worker, turn("a"))
    until(lambda: adventures(worker) == ["a", "b"])


def adventures(worker):
    """Those with a question that is asked or waits."""
    asking = worker.questions.asking
    found = [each.adventure for each in worker.questions.waiting]
    return sorted([*found, asking[1].adventure] if asking else [])


def test_read_aheads_go_first_and_summaries_last(asking, log):
    worker = asking(prefill_seconds=600, slots=1)
    worker.questions.note(turn(), REPLY)
    worker.read_ahead.note(turn("b"))
    until(lambda: worker.read_ahead.reading is not None)
    assert worker.questions.asking is None or worker.answers
    worker.questions.note(turn(), REPLY)
    log.enqueue_background(
        SummaryRequest(adventure="a", turn="t", narrator="parrot", story=told_turns(2), limit=300)
    )
    assert worker.questions.busy
    worker.run_idle_work()
    assert worker.idle_summaries.job is None
    assert not worker.may_run_batch()


def test_a_dead_engine_takes_its_questions_with_it(idle):
    idle.note(turn(), REPLY)
    idle.asking = (7, idle.waiting[0])
    idle.drop()
    assert not idle.busy


def test_a_question_stands_behind_the_prompt_that_was_read_ahead(asking):
    """The game sends it with the state that the turn left: another would cost the next turn."""
    worker = asking(prefill_seconds=0.0)
    asked = []
    submit = worker.engine.submit
    worker.engine.submit = lambda number, request: (asked.append(request), submit(number, request))
    left = World(place="the boats")
    newer = next_request(turn(), REPLY)
    newer = newer.model_copy(
        update={"context": newer.context.model_copy(update={"world": left}), "turn": "t-next"}
    )
    worker.read_ahead.note(newer)
    until(lambda: worker.read_ahead.in_cache("a") == newer and not worker.read_ahead.busy)
    worker.questions.note(turn(), REPLY)
    until(lambda: worker.answers)
    assert asked[-1].request == newer
    worker.questions.note(turn(), "Another reply, of a retry, with Teague in it.")
    until(lambda: len(worker.answers) == 2)
    assert asked[-1].request.context.story[-1].reply.startswith("Another reply")


# ---- limits


@pytest.fixture
def idle():
    free = (lambda: None, lambda: 1, lambda: True, print, lambda adventure: None)
    return IdleQuestions(narrator(state="narrator"), print, *free)


def test_of_one_adventure_only_the_newest_turn_is_asked_about(idle):
    for _ in range(3):
        idle.note(turn(suggestions=True), REPLY)
    assert [job.kind for job in idle.waiting] == ["reading", "suggestions"]


def test_the_oldest_questions_are_dropped(idle):
    for index in range(questions.MOST_WAITING + 4):
        idle.note(turn(str(index)), REPLY)
    assert len(idle.waiting) == questions.MOST_WAITING
    assert idle.waiting[0].adventure == "4"


def test_an_answer_that_cannot_be_sent_costs_no_other(idle):
    sent = []

    def record(answer):
        if answer == "first":
            raise redis.ConnectionError
        sent.append(answer)

    idle.record = record
    idle.done = [
        questions.Job("reading", "a", None, str, 0.0, text) for text in ("first", "second")
    ]
    with pytest.raises(redis.ConnectionError):
        idle.send_answers()
    idle.send_answers()
    assert sent == ["second"]


def test_a_question_that_waited_too_long_is_forgotten(idle, monkeypatch):
    monkeypatch.setattr(questions, "EXPIRES_SECONDS", -1.0)
    idle.engine = lambda: SimpleNamespace(alive=True)
    idle.note(turn(), REPLY)
    idle.ask_next()
    assert not idle.busy


def test_a_question_that_cannot_be_made_fails_no_turn(idle, monkeypatch, caplog):
    monkeypatch.setattr(questions.reading, "names_asked", lambda *_: 1 / 0)
    idle.note(turn(), REPLY)
    assert "ZeroDivisionError" in caplog.text
    assert not idle.busy


# ---- with a real model


@pytest.mark.model
def test_a_question_finds_the_story_in_the_cache_and_leaves_it_there(llama_engine):
    """Of the question only itself is computed; the next turn's prompt is where it was."""
    engine, teller = llama_engine, narrator(state="narrator", max_tokens=16)
    before = turn()
    following = next_request(before, REPLY)
    given = (teller, engine.count, engine.render_chat, engine.context_tokens)
    front = engine.count(stable_front(following, *given))
    engine.prefill(stable_front(following, *given))
    tell_all(engine)
    [job] = questions.jobs_after(before, REPLY, teller)
    texts = answers_of(engine, build_question(job.question, *given))
    assert cached(texts) >= front - 1
    answer = job.parse(joined(texts))
    assert answer is None or answer.turn == "t-a"
    acted = following.context.model_copy(update={"action": Passage(kind="do", action="run")})
    prompt = build(following.model_copy(update={"context": acted}), *given)
    assert cached(answers_of(engine, prompt)) >= front - 1


@pytest.mark.model
def test_a_real_reading_has_words_of_the_question_alone(llama_engine):
    engine, teller = llama_engine, narrator(state="narrator", max_tokens=16)
    [job] = questions.jobs_after(turn(), REPLY, teller)
    built = build_question(
        job.question, teller, engine.count, engine.render_chat, engine.context_tokens
    )
    found = json.loads(joined(answers_of(engine, built)))
    assert set(found) == {"Teague"}
    assert found["Teague"] in ("here", "away", "dead")


def answers_of(engine, built):
    number = engine.submit(built.text, built.sampling, built.output)
    return tell_all(engine)[number]


def cached(texts):
    return next(each.cached for each in texts if each.cached is not None)
