"""What an installation needs beside its workers: web, game workers, Redis and PostgreSQL.

Processor time is linear in turns and words. It was measured by `manage.py loadtest` on cores of a
Xeon server at two loads: 150 players who read short replies (9.1 turns and 745 words a second), and
2,000 who read long ones (9.8 and 4,433); docs/operations.md. Try it on cores of yours.
"""

import math
from dataclasses import dataclass

BUSY = 0.7  # share of a core that is planned for; the rest is for peaks

# Seconds of a core.
WEB_TURN, WEB_WORD = 0.022, 0.00004
GAME_TURN = 0.010
REDIS_TURN, REDIS_WORD = 0.0021, 0.00003
POSTGRES_TURN = 0.0054

WINDOWS = 1_500  # of a web process: deploy/kubernetes/base/web.yaml scales by as many
WEB_MB, WINDOW_MB = 110, 0.055
# Redis keeps for an hour what was played: 20 KB for an adventure, 4 KB for a turn.
ADVENTURE_MB, TURN_MB = 0.020, 0.004
REDIS_MB = 16  # with nothing in it, and its buffers


@dataclass(frozen=True)
class Load:
    """What players of one installation do. Each has one window and one adventure open."""

    players: float
    turns_per_hour: float  # of each
    words: float  # of a reply

    @property
    def turns_per_second(self) -> float:
        """Turns that all players take together."""
        return self.players * self.turns_per_hour / 3600

    def cores(self, turn: float, word: float = 0.0) -> float:
        """Cores that are busy, where a turn and a word take so many seconds of one."""
        return self.turns_per_second * (turn + word * self.words)


@dataclass(frozen=True)
class Parts:
    """How many of each part, and how large."""

    web: int  # processes, a core each
    web_mb: int  # of each
    game: int  # processes, a core each
    redis_load: float  # of its one core
    redis_mb: int
    postgres_cores: int


def parts_of(load: Load) -> Parts:
    """What so many players need."""
    by_core = load.cores(WEB_TURN, WEB_WORD) / BUSY
    web = max(1, math.ceil(load.players / WINDOWS), math.ceil(by_core))
    kept = load.players * (ADVENTURE_MB + load.turns_per_hour * TURN_MB)
    return Parts(
        web=web,
        web_mb=math.ceil(WEB_MB + load.players / web * WINDOW_MB),
        game=max(1, math.ceil(load.cores(GAME_TURN) / BUSY)),
        redis_load=load.cores(REDIS_TURN, REDIS_WORD),
        redis_mb=math.ceil(REDIS_MB + kept),
        postgres_cores=max(1, math.ceil(load.cores(POSTGRES_TURN) / BUSY)),
    )


def most_players(turns_per_hour: float, words: float) -> int:
    """The players that one installation takes: it has one Redis, which works on one core."""
    each = Load(1, turns_per_hour, words).cores(REDIS_TURN, REDIS_WORD)
    return math.floor(BUSY / each)
