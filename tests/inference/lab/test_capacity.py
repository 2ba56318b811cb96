"""How many workers a house needs: the model beside a simulation that plays every turn."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from inference.lab import sizing
from inference.lab.capacity import (
    CapacityError,
    Demand,
    Speed,
    among,
    forecast,
    simulate,
    workers_needed,
)
from inference.lab.sizing import Load, parts_of

CPU = Speed.parse("1:112,8:480,16:510")


@pytest.mark.parametrize(
    ("workers", "slots", "turns_per_second"),
    [(1, 16, 3.0), (1, 16, 5.0), (2, 16, 10.0), (4, 16, 20.0), (1, 4, 2.0), (3, 2, 3.5)],
)
def test_the_model_foretells_what_a_simulation_sees(workers, slots, turns_per_second):
    demand = Demand(turns_per_second, tokens=80)
    foretold = forecast(workers, slots, CPU, demand)
    seen = simulate(workers, slots, CPU, demand, turns=12_000, spread=0.9, seed=1)
    assert foretold.turn == pytest.approx(seen.turn, rel=0.15)
    assert foretold.wait == pytest.approx(seen.wait, rel=0.4, abs=0.05)


def test_one_slot_is_the_queue_of_the_textbook():
    """M/M/1: the mean wait is load / (rate - arrivals)."""
    found = forecast(1, 1, Speed.parse("1:100"), Demand(0.8, tokens=100))
    assert found.wait == pytest.approx(0.8 / (1 - 0.8))
    assert found.turn == pytest.approx(1 / (1 - 0.8))
    assert found.waiting_share == pytest.approx(0.8)


def test_several_slots_at_a_set_pace_are_the_queue_of_the_textbook():
    """M/M/2 with two servers of rate 1 and one arrival a second: Erlang's C is 1/3."""
    found = forecast(1, 2, Speed.parse("1:10,2:20"), Demand(1.0, tokens=10))
    assert found.waiting_share == pytest.approx(1 / 3)
    assert found.wait == pytest.approx(1 / 3)


def test_few_players_are_the_repairman_of_the_textbook():
    """One slot of rate 1, three players who think for a second: the shares are 1 : 3 : 6 : 6."""
    seen = among(3, 1.0, 1, 1, 10, Speed.parse("1:10"))
    assert seen.at_once == pytest.approx((3 + 12 + 18) / 16)
    assert seen.turns_per_second == pytest.approx(15 / 16)
    assert seen.wait == pytest.approx((6 + 12) / 16 / (15 / 16))


def test_very_many_players_are_as_turns_that_come_at_random():
    speed = Speed.parse("1:10,4:40")
    open_house = forecast(1, 4, speed, Demand(3.0, tokens=10))
    seen = among(30_000, 9_999.0, 1, 4, 10, speed)
    assert seen.wait == pytest.approx(open_house.wait, rel=0.02)


def test_a_load_test_waited_about_as_long_as_the_model_says():
    """Measured by `manage.py loadtest`: 553 turns of 64 players, 8 slots, 80 tokens; 1.14 s.

    Its lengths were even, and the model's are exponential, which wait nearly twice as long.
    """
    seen = among(64, 30.0, 1, 8, 80.08, Speed.parse("1:19.5,8:156"))
    assert seen.turns_per_second == pytest.approx(1.81, rel=0.03)
    assert 1.14 < seen.wait < 2 * 1.14


@pytest.mark.parametrize(("players", "think"), [(0, 1.0), (3, 0.0), (3, float("inf"))])
def test_among_nobody_and_without_thought_there_is_no_model(players, think):
    with pytest.raises(CapacityError, match="wants"):
        among(players, think, 1, 1, 10, CPU)


def test_a_line_that_grows_without_end_is_no_forecast():
    assert forecast(1, 16, CPU, Demand(510 / 80, tokens=80)) is None


def test_the_fewest_workers_that_keep_the_promise_are_found():
    demand = Demand(40, tokens=80)
    found = workers_needed(16, CPU, demand, wait=1, share=0.95)
    assert found.wait_at(0.95) <= 1
    fewer = forecast(found.workers - 1, 16, CPU, demand)
    assert fewer is None or fewer.wait_at(0.95) > 1


def test_a_million_players_are_counted_in_a_moment():
    speed = Speed.parse("1:200,64:9000,256:20000")
    found = workers_needed(256, speed, Demand(1_000_000 * 20 / 3600, tokens=81), wait=5)
    assert 23 <= found.workers <= 30
    assert found.load < 1


def test_no_worker_is_planned_full_however_many_there_are():
    speed = Speed.parse("1:200,64:9000,256:20000")
    demand = Demand(1_000_000 * 40 / 3600, tokens=81)
    assert workers_needed(256, speed, demand, wait=5).load > 0.95
    found = workers_needed(256, speed, demand, wait=5, load=0.8)
    assert 0.75 < found.load <= 0.8
    fewer = forecast(found.workers - 1, 256, speed, demand)
    assert fewer is None or fewer.load > 0.8


def test_a_load_test_took_about_what_is_planned_of_each_part():
    """2,000 players who read 375 words of each of 9.8 replies a second: docs/operations.md."""
    load = Load(2000, turns_per_hour=9.8 * 3600 / 2000, words=4433 / 9.8)
    assert load.cores(sizing.WEB_TURN, sizing.WEB_WORD) == pytest.approx(0.4, abs=0.05)
    assert load.cores(sizing.REDIS_TURN, sizing.REDIS_WORD) == pytest.approx(0.15, abs=0.02)
    assert load.cores(sizing.GAME_TURN) == pytest.approx(0.09, abs=0.02)


def test_parts_are_enough_for_windows_and_for_turns():
    quiet = parts_of(Load(30_000, turns_per_hour=1, words=60))
    assert quiet.web == 20  # by windows
    busy = parts_of(Load(1500, turns_per_hour=400, words=60))
    assert busy.web > 1  # by what it takes of a processor
    assert busy.game == 3
    assert quiet.redis_mb > 30_000 * 0.024


def test_speed_lies_on_straight_lines_between_what_was_measured():
    speed = Speed.parse("8:480, 1:112")
    assert [speed.at(n) for n in (0, 0.5, 1, 8, 99)] == [0, 56, 112, 480, 480]
    assert speed.at(4.5) == pytest.approx(296)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("", "wants 1:112"), ("1:", "wants 1:112"), ("0:5", "from 1 up"), ("1:-5", "above 0"),
     ("1:5,1:6", "twice"), ("1:nan", "above 0")],
)  # fmt: skip
def test_a_wrong_speed_is_refused(text, complaint):
    with pytest.raises(CapacityError, match=complaint):
        Speed.parse(text)


def test_the_command_prints_workers_cost_and_waits():
    out = StringIO()
    arguments = ["--players", "600", "--speed", "1:112,8:480,16:510", "--slots", "16"]
    call_command("capacity", *arguments, "--price", "0.05", "--json", stdout=out)
    rows = json.loads(out.getvalue())
    assert rows["workers"] == 2
    assert rows["price of a million turns"] == pytest.approx(0.1 / 24_000 * 1e6, abs=0.01)


def planned(*arguments):
    out = StringIO()
    call_command("capacity", *arguments, stdout=out)
    return out.getvalue()


def test_a_million_players_are_several_installations_with_room_left():
    usual = ["--players", "1000000", "--speed", "1:200,64:9000,256:20000", "--slots", "256"]
    rows = json.loads(planned(*usual, "--json"))
    assert rows["load of them"] <= 0.8
    assert rows["load of Redis' core"] <= 0.7
    assert rows["installations"] * rows["players of each"] == pytest.approx(1_000_000, rel=0.001)
    assert rows["web processes"] * 1500 >= rows["players of each"]
    assert {"game workers", "memory of Redis, MB", "cores of PostgreSQL"} <= rows.keys()
    said = planned(*usual)
    assert "Redis works on one core, and an installation has one" in said


def test_few_players_are_one_installation():
    rows = json.loads(planned("--players", "8", "--speed", "1:112", "--slots", "4", "--json"))
    assert "installations" not in rows
    assert (rows["web processes"], rows["game workers"], rows["cores of PostgreSQL"]) == (1, 1, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        ["--players", "0"],
        ["--load", "0"],
        ["--load", "1.1"],
        ["--words", "-3"],
        ["--share", "1"],
        ["--slots", "0"],
    ],
)
def test_the_command_says_what_is_wrong_in_one_line(wrong):
    arguments = ["--players", "60", "--speed", "1:112", "--slots", "16", *wrong]
    with pytest.raises(CommandError, match=r"wants?"):
        call_command("capacity", *arguments)
