"""A reply that goes wrong is told again before anyone sees it: a worker, a scripted engine."""

import pytest

from game.models import Status, Turn
from inference.contract.prompt_report import unpack
from inference.engines.bans import MOST_RETRIES
from inference.worker import retry_reply
from tests.faulty_server import faulty_server, says
from tests.game.play.test_turns import act

pytestmark = pytest.mark.django_db(transaction=True)

WIND = "The door opens slowly and the cold wind blows in from the sea."
GOOD = "You step over the sill. A gull looks at you."


@pytest.fixture
def told(alice, adventure, workers):
    """Tell one turn for each reply of the script; the Results, and what the page shows."""

    def told(*replies, turns=1, status=Status.TOLD, **given):
        options = {"pace": 0, "in_turn": True, "replies": replies, **given} if replies else given
        narrator_worker = workers.start(woken=False, may_repeat=False, **options)
        results = []
        record = narrator_worker.turn_runner.record

        def noted(result):
            results.append(result)
            record(result)

        narrator_worker.turn_runner.record = noted
        for _ in range(turns):
            turn = act(adventure, alice, text="", kind="continue")
            assert narrator_worker.run_next_turn()
            shown = Turn.objects.get(pk=turn.pk)
            assert shown.status == status, results[-1].reason
            assert shown.reply == results[-1].reply
        return results

    return told


def test_a_good_reply_is_told_once(told):
    (result,) = told(GOOD)
    assert (result.reply, result.resampled, result.shortened) == (GOOD, (), "")


def test_a_reply_that_repeats_the_one_before_is_told_again(told):
    first, second = told(WIND, WIND, GOOD, turns=2)
    assert first.reply == WIND
    assert second.reply == GOOD
    assert second.resampled == ("repeated an earlier reply",)
    assert second.shortened == ""


def test_a_reply_of_no_words_is_told_again(told):
    (result,) = told("What do you do?", '"Hello," you say.', GOOD)
    assert result.reply == GOOD
    assert result.resampled == ("no words", "spoke for the player")


def test_after_two_retellings_it_is_told_as_it_is(told):
    _, second = told(WIND, turns=2)
    assert len(second.resampled) == retry_reply.MAX_RETRIES
    assert second.reply and WIND.startswith(second.reply[:-1].rstrip("….") or "?")
    assert second.shortened == "repeated an earlier reply"


@pytest.mark.parametrize(
    ("begins", "shortened", "status"),
    [(GOOD.replace(" the ", " a "), "a banned phrase", Status.TOLD), ("", "", Status.FAILED)],
    ids=["later", "at once"],
)
def test_a_server_is_asked_a_few_times_only_when_an_everyday_word_is_banned(
    told, begins, shortened, status
):
    with faulty_server() as server:
        server.answers = [says(f"{begins} The lamp is lit.".strip()), says(" The lamp is lit.")]
        entry = {
            "engine": "openai",
            "model": server.address,
            "format": "transcript",
            "sampling": {"banned": ["the"], "max_tokens": 60},
        }
        (result,) = told(given=entry, status=status)
        assert result.reply == begins
        assert len(server.asked) == 1 + MOST_RETRIES
    assert (result.resampled, result.shortened) == ((), shortened)
    assert unpack(result.details).banned == ("the",) * (1 + MOST_RETRIES)
    if not begins:
        assert "gave no answer" in result.reason


def test_what_was_shown_of_a_reply_stays_when_it_is_told_on(told, log, adventure):
    lamps = "Along the wall the lamps are lit by a boy with a long pole."
    _, second = told(lamps, f"You see: a{lamps[1:]}", " old stones and moss. A gull.", turns=2)
    assert second.resampled == ("repeated an earlier reply",)
    assert second.reply.startswith("You see: along the wall")
    assert second.reply.endswith(" old stones and moss. A gull.")
    assert second.shortened == ""


def test_a_repetition_within_a_reply_ends_it(told):
    (result,) = told(f"{GOOD} {WIND} You wait. {WIND} You wait.")
    assert result.reply == f"{GOOD} {WIND} You wait."
    assert (result.resampled, result.shortened) == ((), "repeated itself")
