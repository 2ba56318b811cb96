"""How many workers a house needs: a queueing model, and a simulation that it is held against.

Turns arrive at random (Poisson). A worker tells up to `slots` of them at once and shares its speed
among them; what is beyond all slots waits. That is a birth-death chain whose death rate grows with
the number of turns in the house until every slot is taken and is constant from there, so waits are
exponential beyond it (M/M/c with rates that depend on the state; Kleinrock, Queueing Systems I,
ch. 3). Below that point, a shared processor does not care how lengths are distributed (Kelly).
"""

import heapq
import itertools
import math
import random
from dataclasses import dataclass

SECONDS = 3600
MOST_WORKERS = 1_000_000


class CapacityError(ValueError):
    """What cannot be planned for, in one line that says what to change."""


@dataclass(frozen=True)
class Speed:
    """Tokens a second that one worker tells in all, measured at some numbers of turns at once."""

    points: tuple[tuple[int, float], ...]

    @classmethod
    def parse(cls, text: str) -> "Speed":
        """`1:112,8:480,16:510`. Raises CapacityError."""
        try:
            pairs = [each.split(":") for each in text.split(",")]
            points = sorted((int(turns), float(speed)) for turns, speed in pairs)
        except ValueError:
            raise CapacityError(f"speed wants 1:112,8:480,16:510 (it is {text!r})") from None
        if any(turns < 1 or not 0 < speed < math.inf for turns, speed in points):
            raise CapacityError("speed wants turns from 1 up, and speeds above 0")
        if len({turns for turns, _ in points}) < len(points):
            raise CapacityError("speed names the same number of turns twice")
        return cls(tuple(points))

    def at(self, turns: float) -> float:
        """Tokens a second with so many turns at once: straight lines between what was measured.

        Below the first point speed is in proportion; above the last one it stays.
        """
        if turns <= 0:
            return 0.0
        first, last = self.points[0], self.points[-1]
        if turns <= first[0]:
            return first[1] * turns / first[0]
        if turns >= last[0]:
            return last[1]
        for (low, slow), (high, fast) in itertools.pairwise(self.points):
            if turns <= high:
                return slow + (fast - slow) * (turns - low) / (high - low)
        return last[1]


@dataclass(frozen=True)
class Demand:
    """What players ask for: turns a second in all, and tokens of a turn.

    `tokens` counts the reading of a prompt as so many told ones.
    """

    turns_per_second: float
    tokens: float

    def __post_init__(self) -> None:
        for name in ("turns_per_second", "tokens"):
            if not 0 < getattr(self, name) < math.inf:
                raise CapacityError(f"{name} wants a number above 0")


@dataclass(frozen=True)
class Forecast:
    """How a house with so many workers does. Times in seconds."""

    workers: int
    load: float  # share of what they can tell at most
    waiting_share: float  # of turns that find no free slot
    wait: float  # on average, of all turns
    wait_rate: float  # of the exponential wait of those that wait
    turn: float  # from action to end, on average
    at_once: float  # turns in the house, on average

    def wait_at(self, share: float) -> float:
        """The wait that so large a share of turns stays below."""
        late = 1 - share
        if late >= self.waiting_share:
            return 0.0
        return math.log(self.waiting_share / late) / self.wait_rate


def forecast(workers: int, slots: int, speed: Speed, demand: Demand) -> Forecast | None:
    """How a house does in the long run; None where its line would grow without end."""
    if workers < 1 or slots < 1:
        raise CapacityError("workers and slots want a whole number from 1")
    places = workers * slots
    most = turn_rate(places, workers, speed, demand)
    arrivals = demand.turns_per_second
    if arrivals >= most:
        return None
    # In logarithms: with thousands of places the products leave the range of floats.
    weight = 0.0
    weights = [0.0]
    for turns in range(1, places + 1):
        weight += math.log(arrivals / turn_rate(turns, workers, speed, demand))
        weights.append(weight)
    load = arrivals / most
    # All states beyond the last place are one geometric row.
    tail = weights[-1] + math.log(load / (1 - load))
    highest = max(*weights, tail)
    shares = [math.exp(each - highest) for each in weights]
    beyond = math.exp(tail - highest)
    whole = sum(shares) + beyond
    full = (shares[-1] + beyond) / whole  # who comes then waits
    in_line = full * load / (1 - load)
    told = sum(turns * share for turns, share in enumerate(shares)) / whole
    told += places * beyond / whole
    return Forecast(
        workers=workers,
        load=load,
        waiting_share=full,
        wait=in_line / arrivals,
        wait_rate=most - arrivals,
        turn=(in_line + told) / arrivals,
        at_once=in_line + told,
    )


@dataclass(frozen=True)
class Closed:
    """How a house does for so many players, each of whom acts only after the last reply."""

    turns_per_second: float
    wait: float  # seconds, on average, of all turns
    at_once: float  # turns in the house, on average


def among(
    players: int, think: float, workers: int, slots: int, tokens: float, speed: Speed
) -> Closed:
    """The same house, where whoever waits does not act meanwhile.

    `think` is the seconds from a reply to the next action. Arrivals fall with every turn that is in
    the house (the machine repairman's model), so a full house of few players waits less than
    `forecast` says, which takes turns to come however many wait.
    """
    if players < 1 or not 0 < think < math.inf:
        raise CapacityError("players wants a whole number from 1, and think seconds above 0")
    demand = Demand(players / think, tokens)
    places = workers * slots
    weights = [0.0]
    for turns in range(1, players + 1):
        rate = turn_rate(min(turns, places), workers, speed, demand)
        weights.append(weights[-1] + math.log((players - turns + 1) / think / rate))
    highest = max(weights)
    shares = [math.exp(each - highest) for each in weights]
    whole = sum(shares)
    at_once = sum(turns * share for turns, share in enumerate(shares)) / whole
    in_line = sum(max(0, turns - places) * share for turns, share in enumerate(shares)) / whole
    ended = (players - at_once) / think
    return Closed(turns_per_second=ended, wait=in_line / ended, at_once=at_once)


def turn_rate(turns: int, workers: int, speed: Speed, demand: Demand) -> float:
    """Turns a second that are ended with so many in slots, spread evenly over the workers."""
    return workers * speed.at(turns / workers) / demand.tokens


def workers_needed(
    slots: int,
    speed: Speed,
    demand: Demand,
    wait: float,
    share: float = 0.95,
    load: float = 1.0,
) -> Forecast:
    """The fewest workers with which `share` of turns wait at most `wait` seconds.

    None is planned above `load` of what it can tell. Many workers share one line and wait little
    however full they are, so without that a large house would have nothing left for a worker that
    ends, or for an hour that is busier than was thought.
    """
    if wait < 0 or not 0 < share < 1:
        raise CapacityError("wait wants seconds from 0, and its share a number between 0 and 1")
    if not 0 < load <= 1:
        raise CapacityError("load wants a number above 0, up to 1")
    if slots < 1:
        raise CapacityError("slots wants a whole number from 1")

    def good(workers: int) -> Forecast | None:
        found = forecast(workers, slots, speed, demand)
        if found is None or found.load > load or found.wait_at(share) > wait:
            return None
        return found

    # Below `least` the line grows without end; above, more workers never wait longer.
    full = demand.turns_per_second * demand.tokens / speed.at(slots)
    least = max(1, math.floor(full / load))
    most, step = least, 1
    while (best := good(most)) is None:
        least, most, step = most + 1, most + step, step * 2
        if most > MOST_WORKERS:
            raise CapacityError("that takes more than a million workers: lower the demand")
    while least < most:
        middle = (least + most) // 2
        found = good(middle)
        if found is None:
            least = middle + 1
        else:
            most, best = middle, found
    return best


@dataclass(frozen=True)
class Simulated:
    """What a simulation saw. Times in seconds, sorted."""

    waits: list[float]
    turns: list[float]

    @property
    def wait(self) -> float:
        """Mean seconds in the queue."""
        return sum(self.waits) / len(self.waits)

    @property
    def turn(self) -> float:
        """Mean seconds from an action to the end of its reply."""
        return sum(self.turns) / len(self.turns)

    def wait_at(self, share: float) -> float:
        """Seconds in the queue at a quantile: 0.9 is the 90th percentile."""
        return self.waits[min(len(self.waits) - 1, int(share * len(self.waits)))]


class SimulatedWorker:
    """A worker in the simulation: its turns, and the tokens that each has got so far.

    All turns of a worker run at the same speed, so one counter of tokens serves all: a turn is
    complete when that counter has grown by the length of its reply.
    """

    def __init__(self) -> None:
        self.done = 0.0  # tokens of a turn that was here from the start
        self.at = 0.0
        self.ends: list[tuple[float, int]] = []

    def pass_time(self, now: float, speed: Speed) -> None:
        """Advance to `now`, in seconds, at the speed of this number of turns."""
        if self.ends:
            self.done += (now - self.at) * speed.at(len(self.ends)) / len(self.ends)
        self.at = now

    def next_end(self, speed: Speed) -> float:
        """When the next turn ends at this speed, in seconds; infinity without turns."""
        if not self.ends:
            return math.inf
        left = self.ends[0][0] - self.done
        return self.at + max(0.0, left) * len(self.ends) / speed.at(len(self.ends))


def simulate(
    workers: int,
    slots: int,
    speed: Speed,
    demand: Demand,
    turns: int = 20_000,
    spread: float = 0.5,
    seed: int = 0,
) -> Simulated:
    """Play so many turns, event by event. Lengths are log-normal; `spread` is their sigma.

    The first tenth fills the house and does not count.
    """
    chance = random.Random(seed)  # noqa: S311  nothing secret
    tellers = [SimulatedWorker() for _ in range(workers)]
    line: list[int] = []
    waits_from = 0
    came: list[float] = []
    began: list[float] = []
    lengths: list[float] = []
    over: dict[int, float] = {}
    middle = math.log(demand.tokens) - spread * spread / 2
    next_arrival = chance.expovariate(demand.turns_per_second)
    while len(over) < turns:
        ending = min(range(workers), key=lambda each: tellers[each].next_end(speed))
        end = tellers[ending].next_end(speed)
        if next_arrival <= end:
            now = next_arrival
            came.append(now)
            began.append(math.nan)
            lengths.append(chance.lognormvariate(middle, spread))
            line.append(len(came) - 1)
            next_arrival = now + chance.expovariate(demand.turns_per_second)
        else:
            now = end
            tellers[ending].pass_time(now, speed)
            _, turn = heapq.heappop(tellers[ending].ends)
            over[turn] = now
        while waits_from < len(line):
            free = min(tellers, key=lambda each: len(each.ends))
            if len(free.ends) >= slots:
                break
            free.pass_time(now, speed)
            turn = line[waits_from]
            waits_from += 1
            began[turn] = now
            heapq.heappush(free.ends, (free.done + lengths[turn], turn))
    counted = [turn for turn in over if turn >= turns // 10]
    return Simulated(
        waits=sorted(began[turn] - came[turn] for turn in counted),
        turns=sorted(over[turn] - came[turn] for turn in counted),
    )
