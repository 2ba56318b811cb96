"""The log of each adventure, one Redis Stream: everyone who watches the adventure follows it."""

import json
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from inference.contract.request import Result, Token
from inference.log_context import where
from inference.queue.connection import RedisClient
from inference.queue.keys import (
    WATCHING_KEY,
    background_key,
    cached_by_key,
    details_key,
    end_key,
    lease_key,
    log_key,
    started_key,
    version_key,
    watched_key,
)
from inference.queue.lease import Lease

logger = logging.getLogger(__name__)

LOG_ENTRIES = 2_000  # about: Redis trims whole nodes
LOG_SECONDS = 3_600
# What stays of a log when a turn has ended: that event holds the whole reply, and whoever comes
# back to before it gets a snapshot. A reply is hundreds of entries, which would stay for an hour.
ENDED_ENTRIES = 100
ENDS = ("turn.told", "turn.stopped")  # with the turn as it is stored
FIRST = "0-0"
LAGGED = "log.lagged"  # an entry for followers alone: pages get a snapshot instead
LOG_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")  # not \d: Redis refuses other scripts' digits


def is_log_id(text: str) -> bool:
    """Whether Redis accepts `text` as a stream id: two unsigned 64-bit numbers."""
    return LOG_ID.fullmatch(text) is not None and max(map(int, text.split("-"))) < 2**64


@dataclass(frozen=True)
class Told:
    """What the log knows of a turn: the words so far, and its end if it was reached.

    `telling` names the telling that the words are of, as its `turn.started` did; None where nobody
    has begun. `leased` is whether somebody tells it now.
    """

    reply: str
    end: Result | None
    telling: str | None = None
    leased: bool = False


class Streams(RedisClient):
    """Reads and writes the logs. Every method raises redis.RedisError where Redis is away."""

    def publish(self, adventure: str, events: Iterable[dict[str, Any]], version: int) -> None:
        """Append the events of one change for everyone who follows the adventure, all or none.

        Where a turn has ended, and is stored then, what led there need not be kept for long.
        """
        events = list(events)
        ended = [event["turn"]["id"] for event in events if event["type"] in ENDS]
        most = ENDED_ENTRIES if ended else LOG_ENTRIES
        keys = [log_key(adventure), version_key(adventure), *map(end_key, ended)]
        self._run("publish_events", keys, [most, LOG_SECONDS, version, *map(to_json, events)])

    def publish_lag(self, adventure: str, version: int) -> None:
        """Tell followers that the adventure is at `version` and the log does not say how."""
        self.publish(adventure, [{"type": LAGGED, "version": version}], version)

    def last_id(self, adventure: str) -> str:
        """The id of the newest entry, FIRST when there is none."""
        newest = self.redis.xrevrange(log_key(adventure), count=1)
        return newest[0][0].decode() if newest else FIRST

    def versions(self, adventures: list[str]) -> dict[str, int | None]:
        """The newest version of each adventure that its log has seen, None where it is gone."""
        if not adventures:
            return {}
        seen = self.redis.mget([version_key(adventure) for adventure in adventures])
        return {
            adventure: None if version is None else int(version)
            for adventure, version in zip(adventures, seen, strict=True)
        }

    def append(self, pieces: Iterable[tuple[Lease, list[Token]]]) -> list[bool]:
        """Append the pieces of one step for many turns at once; False where a lease was lost."""
        keys: list[str] = []
        args: list[Any] = [LOG_ENTRIES, LOG_SECONDS]
        for lease, tokens in pieces:
            request = lease.request
            keys += (lease_key(request.turn), log_key(request.adventure))
            args += (lease.value, len(tokens), *map(token_event, tokens))
        return [bool(done) for done in self._run("append_tokens", keys, args)] if keys else []

    def told(self, adventure: str, turn: str) -> Told:
        """What the log holds of a turn's reply, through all its attempts; all of one moment."""
        pipe = self.redis.pipeline(transaction=True)
        pipe.get(end_key(turn))
        pipe.exists(lease_key(turn))
        pipe.xrange(log_key(adventure))
        end, leased, entries = pipe.execute()
        reply, telling = "", None
        for _, fields in entries:
            event = json.loads(fields[b"e"])
            if event.get("turn") != turn:
                continue
            if event["type"] == "turn.started":
                telling = event["telling"]
            # An entry may stand twice (a write that was retried); pieces go on where it ends.
            elif event["type"] == "turn.token" and event["index"] == len(reply):
                reply += event["text"]
        result = end_of(end)
        return Told(result.reply if result else reply, result, telling, bool(leased))

    def details(self, turn: str) -> str:
        """What the narrator was given for a turn, as its worker packed it; "" where it is gone."""
        kept = self.redis.get(details_key(turn))
        return "" if kept is None else str(kept, "ascii")

    def keep_details(self, lease: Lease, details: str) -> None:
        """Keep what the narrator is given for a turn, for when it ends without its worker."""
        self.redis.set(details_key(lease.request.turn), details, ex=LOG_SECONDS)

    def watch(self, adventures: Iterable[str], seconds: int) -> None:
        """Note that a window of each is open; it is remembered for so many seconds."""
        pipe = self.redis.pipeline(transaction=False)
        for adventure in adventures:
            pipe.set(watched_key(adventure), 1, ex=seconds)
        pipe.execute()

    def unwatched(self, adventures: list[str], seconds: int) -> list[str]:
        """Those of which no window was open for so many seconds.

        None, while Redis was emptied less than that ago: it cannot know.
        """
        time_now = int(self.redis.time()[0])
        self.redis.set(WATCHING_KEY, time_now, nx=True)
        if not adventures or time_now - int(self.redis.get(WATCHING_KEY) or time_now) < seconds:
            return []
        seen = self.redis.mget([watched_key(adventure) for adventure in adventures])
        return [each for each, mark in zip(adventures, seen, strict=True) if mark is None]

    def forget(self, adventure: str, turns: list[str], narrators: list[str]) -> None:
        """Let go of all that is remembered of an adventure that is deleted."""
        pipe = self.redis.pipeline(transaction=False)
        pipe.delete(log_key(adventure), version_key(adventure), watched_key(adventure))
        pipe.delete(cached_by_key(adventure))
        for turn in turns:
            pipe.delete(lease_key(turn), started_key(turn), end_key(turn), details_key(turn))
        for narrator in narrators:
            pipe.hdel(background_key(narrator), adventure)
        pipe.execute()


def end_of(raw: bytes | None) -> Result | None:
    """How a turn ended. One that nobody can read counts as none: the turn is told again."""
    try:
        return None if raw is None else Result.heard(raw)
    except ValueError as problem:
        logger.error("the end of a turn cannot be read: %s", where(problem))
        return None


def token_event(token: Token) -> str:
    return to_json({"type": "turn.token", **token.__dict__})


# json.dumps would make an encoder for each word.
to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
