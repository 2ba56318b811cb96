"""Waiting: who is told next, and how long it takes. The line is a real Redis; time is made up."""

import heapq
import random
import uuid
from collections import Counter

import pytest

from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.queue.eta import NarratorStats

NARRATOR = "bard"


def ask(log, player, attempt=1):
    request = GenerationRequest(
        adventure=str(uuid.uuid4()),
        turn=str(uuid.uuid4()),
        attempt=attempt,
        narrator=NARRATOR,
        player=player,
        context=StoryContext(action=Passage(kind="continue")),
    )
    log.enqueue(request)
    return request


def take(log):
    lease = log.take_next(NARRATOR, "w")
    return lease.request if lease else None


def jain(shares):
    """Jain, Chiu and Hawe 1984: 1 where all get the same, 1/n where one gets all."""
    return sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares))


def test_a_second_turn_of_a_player_waits_until_everybody_had_one(log):
    greedy = [ask(log, "greedy") for _ in range(3)]
    modest = ask(log, "modest")
    order = [take(log) for _ in range(4)]
    assert order == [greedy[0], modest, greedy[1], greedy[2]]


def test_who_comes_new_does_not_wait_behind_all_that_somebody_has_piled_up(log):
    for _ in range(10):
        ask(log, "greedy")
    take(log)
    assert log.position_of_next(NARRATOR, "greedy") == 9
    assert log.position_of_next(NARRATOR, "new") == 0
    assert log.position(NARRATOR, ask(log, "new").turn) == 0


def test_a_turn_that_was_broken_off_goes_before_all_others(log):
    ask(log, "alice")
    again = ask(log, "bob", attempt=2)
    assert take(log) == again


def test_a_turn_sent_again_keeps_its_place(log):
    first, second = ask(log, "alice"), ask(log, "bob")
    log.enqueue(first)
    log.enqueue(second)
    assert [take(log), take(log), take(log)] == [first, second, None]


def test_who_takes_a_waiting_turn_back_has_lost_no_place(log):
    ask(log, "alice")
    for _ in range(5):
        regretted = ask(log, "bob")
        log.revoke(regretted.adventure, NARRATOR, regretted.turn, 1)
    kept = ask(log, "bob")
    ask(log, "charlie")
    take(log)
    assert take(log) == kept


@pytest.mark.parametrize("windows", [2, 100])
def test_a_player_with_a_hundred_adventures_does_not_slow_the_others(log, windows):
    """Twenty players, four slots, everybody asks again as soon as a reply has ended."""
    chance = random.Random(windows)
    served: Counter[str] = Counter()
    for player in range(20):
        for _ in range(windows if player == 0 else 1):
            ask(log, f"player-{player}")
    now, telling = 0.0, []
    while now < 600:
        while len(telling) < 4 and (request := take(log)):
            words = chance.randint(10, 100)
            heapq.heappush(telling, (now + words / 20, request.turn, request.player, words))
        now, _, player, words = heapq.heappop(telling)
        served[player] += words
        ask(log, player)
    assert len(served) == 20
    assert jain(list(served.values())) >= 0.95


def test_nobody_waits_while_a_slot_is_free(log):
    log.send_heartbeat(NARRATOR, "w", slots=2, recent_seconds=[4.0])
    assert log.narrator_stats(NARRATOR).seconds_until_started(1) == 0
    ask(log, "alice")
    take(log)
    pace = log.narrator_stats(NARRATOR)
    assert (pace.seconds_until_started(0), pace.seconds_until_started(1)) == (0, 4)
    assert pace.seconds_until_started(5) == 12
    assert log.narrator_stats("nobody").seconds_until_started(0) is None


def test_a_turn_whose_worker_died_takes_no_slot(log):
    log.send_heartbeat(NARRATOR, "w", slots=1, recent_seconds=[4.0])
    ask(log, "alice")
    lease = log.take_next(NARRATOR, "w")
    assert len(log.narrator_stats(NARRATOR).running) == 1
    log.redis.delete(f"grue:lease:{lease.request.turn}")
    assert log.narrator_stats(NARRATOR).running == ()


def test_a_turn_that_has_been_told_for_a_while_is_expected_to_end_sooner():
    recent_seconds = (2.0, 4.0, 6.0, 8.0)
    begun, nearly_done = (
        NarratorStats(1, 1, (0.0,), recent_seconds),
        NarratorStats(1, 1, (7.5,), recent_seconds),
    )
    assert nearly_done.seconds_until_started(0) < begun.seconds_until_started(0)


@pytest.mark.parametrize("slots", [1, 4, 16])
@pytest.mark.parametrize("lengths", ["even", "mixed", "some very long"])
def test_nine_waits_in_ten_are_estimated_within_a_factor_of_two(slots, lengths):
    """A line with bursts and lulls, played through in made-up time.

    Waits are told in whole seconds, so one that is off by less than a second is right too.
    """
    estimates = Playthrough(slots, lengths, random.Random(f"{slots} {lengths}")).play(1200)
    right = [told <= 2 * waited and waited <= 2 * told for told, waited in estimates]
    close = [abs(told - waited) <= 1 for told, waited in estimates]
    assert len(estimates) > 300
    good = sum(a or b for a, b in zip(right, close, strict=True))
    assert good / len(estimates) >= 0.9


class Playthrough:
    """A narrator with so many slots, and players who come in bursts."""

    def __init__(self, slots, lengths, chance):
        self.slots, self.lengths, self.chance = slots, lengths, chance
        self.telling: list[tuple[float, float]] = []  # (ends, began)
        self.line: list[tuple[float, int]] = []  # (came, what it was told)
        self.recent_seconds = [5.0]
        self.estimates: list[tuple[int, float]] = []

    def duration(self):
        match self.lengths:
            case "even":
                return self.chance.uniform(4.5, 5.5)
            case "mixed":
                return self.chance.uniform(1, 9)
            case _:
                return self.chance.choice([1, 2, 3, 3, 4, 5, 6, 16])

    def play(self, arrivals):
        now = 0.0
        for number in range(arrivals):
            if number % 60 == 0:
                burst = self.chance.uniform(1.0, 3.0)  # times what the slots can do
                now += 20
            now += self.chance.expovariate(burst * self.slots / 5)
            self.until(now)
            running = tuple(now - began for _, began in self.telling)
            pace = NarratorStats(1, self.slots, running, tuple(self.recent_seconds))
            told = pace.seconds_until_started(len(self.line))
            if told == 0:
                self.start(now)
            else:
                self.line.append((now, told))
        self.until(now + 10_000)
        return self.estimates

    def start(self, now):
        heapq.heappush(self.telling, (now + self.duration(), now))

    def until(self, now):
        while self.telling and self.telling[0][0] <= now:
            ended, began = heapq.heappop(self.telling)
            self.recent_seconds = [*self.recent_seconds, ended - began][-40:]
            if self.line:
                came, told = self.line.pop(0)
                self.estimates.append((told, ended - came))
                self.start(ended)
