"""The event log of each adventure: one Redis Stream, followed by everyone who watches it."""

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
    suggested_key,
    version_key,
    watched_key,
)
from inference.queue.lease import Lease

logger = logging.getLogger(__name__)

LOG_ENTRIES = 2_000  # about: Redis trims whole nodes
LOG_SECONDS = 3_600
# Entries kept once a turn has ended: the event of its end holds the whole reply, and a client that
# asks for earlier entries gets a snapshot. A reply is hundreds of entries.
ENDED_ENTRIES = 100
ENDS = ("turn.told", "turn.stopped")  # with the turn as it is stored
FIRST = "0-0"
SUGGESTED = "turn.suggested"
SUGGESTIONS_SECONDS = 24 * 3_600  # for how long suggested actions are kept
NO_VERSION = -1  # of events that change nothing: the log's newest version stays
LAGGED = "log.lagged"  # an entry for followers alone: pages get a snapshot instead
LOG_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}")  # not \d: Redis refuses other scripts' digits


def is_log_id(text: str) -> bool:
    """Whether Redis accepts `text` as a stream id: two unsigned 64-bit numbers."""
    return LOG_ID.fullmatch(text) is not None and max(map(int, text.split("-"))) < 2**64


@dataclass(frozen=True)
class ReplySoFar:
    """The reply of a turn as the log has it, and its Result where it has ended.

    `telling` is the id in the last `turn.started`, None before any. `leased`: whether a worker
    runs the turn now.
    """

    reply: str
    end: Result | None
    telling: str | None = None
    leased: bool = False


class Streams(RedisClient):
    """Reads and writes the event logs. Every method raises redis.RedisError where Redis is away."""

    def publish(self, adventure: str, events: Iterable[dict[str, Any]], version: int) -> None:
        """Append the events of one change to the adventure's log, all or none.

        `version` is the adventure's version after the change. An event that ends a turn has the
        log trimmed to ENDED_ENTRIES.
        """
        events = list(events)
        ended = [event["turn"]["id"] for event in events if event["type"] in ENDS]
        most = ENDED_ENTRIES if ended else LOG_ENTRIES
        keys = [log_key(adventure), version_key(adventure), *map(end_key, ended)]
        self._run("publish_events", keys, [most, LOG_SECONDS, version, *map(to_json, events)])

    def publish_suggestions(self, adventure: str, turn: str, actions: list[str]) -> None:
        """Append the actions suggested after a turn, and keep them for snapshots.

        They replace those of any other turn. The event changes nothing and has no version.
        """
        event = {"type": SUGGESTED, "turn": turn, "actions": actions}
        kept = to_json({"turn": turn, "actions": actions})
        self.redis.set(suggested_key(adventure), kept, ex=SUGGESTIONS_SECONDS)
        self.publish(adventure, [event], NO_VERSION)

    def suggestions(self, adventure: str, turn: str) -> list[str]:
        """The actions suggested after a turn; none where they are not kept, or follow another."""
        kept = self.redis.get(suggested_key(adventure))
        found: dict[str, Any] = {} if kept is None else json.loads(kept)
        return list(found["actions"]) if found.get("turn") == turn else []

    def publish_lag(self, adventure: str, version: int) -> None:
        """Publish that the adventure is at `version` and events before that are missing."""
        self.publish(adventure, [{"type": LAGGED, "version": version}], version)

    def last_id(self, adventure: str) -> str:
        """The id of the newest entry, FIRST when there is none."""
        newest = self.redis.xrevrange(log_key(adventure), count=1)
        return newest[0][0].decode() if newest else FIRST

    def versions(self, adventures: list[str]) -> dict[str, int | None]:
        """The newest version of each adventure that its log has; None where the log is gone."""
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

    def reply_so_far(self, adventure: str, turn: str) -> ReplySoFar:
        """A turn's reply so far, through all its attempts, read at one moment."""
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
            # A write that was retried leaves duplicate entries: their index is not the next one.
            elif event["type"] == "turn.token" and event["index"] == len(reply):
                reply += event["text"]
        result = end_of(end)
        return ReplySoFar(result.reply if result else reply, result, telling, bool(leased))

    def details(self, turn: str) -> str:
        """The packed prompt report of a turn; "" where it is gone."""
        kept = self.redis.get(details_key(turn))
        return "" if kept is None else str(kept, "ascii")

    def store_details(self, lease: Lease, details: str) -> None:
        """Store a turn's packed prompt report, for a turn that ends without its worker."""
        self.redis.set(details_key(lease.request.turn), details, ex=LOG_SECONDS)

    def watch(self, adventures: Iterable[str], seconds: int) -> None:
        """Note that a window of each adventure is open; the note expires after `seconds`."""
        pipe = self.redis.pipeline(transaction=False)
        for adventure in adventures:
            pipe.set(watched_key(adventure), 1, ex=seconds)
        pipe.execute()

    def unwatched(self, adventures: list[str], seconds: int) -> list[str]:
        """The adventures of which no window was open for `seconds`.

        Empty for as long after Redis was emptied, since it cannot know then.
        """
        time_now = int(self.redis.time()[0])
        self.redis.set(WATCHING_KEY, time_now, nx=True)
        if not adventures or time_now - int(self.redis.get(WATCHING_KEY) or time_now) < seconds:
            return []
        seen = self.redis.mget([watched_key(adventure) for adventure in adventures])
        return [each for each, mark in zip(adventures, seen, strict=True) if mark is None]

    def forget(self, adventure: str, turns: list[str], narrators: list[str]) -> None:
        """Delete everything that Redis has of a deleted adventure."""
        pipe = self.redis.pipeline(transaction=False)
        pipe.delete(log_key(adventure), version_key(adventure), watched_key(adventure))
        pipe.delete(cached_by_key(adventure), suggested_key(adventure))
        for turn in turns:
            pipe.delete(lease_key(turn), started_key(turn), end_key(turn), details_key(turn))
        for narrator in narrators:
            pipe.hdel(background_key(narrator), adventure)
        pipe.execute()


def end_of(raw: bytes | None) -> Result | None:
    """The Result of a turn. One that cannot be read counts as none: the turn runs again."""
    try:
        return None if raw is None else Result.from_message(raw)
    except ValueError as problem:
        logger.error("the end of a turn cannot be read: %s", where(problem))
        return None


def token_event(token: Token) -> str:
    """The log entry of a piece of a reply, as JSON."""
    return to_json({"type": "turn.token", **token.__dict__})


# json.dumps would make an encoder for each token.
to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
