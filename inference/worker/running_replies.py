"""The replies that a worker generates at present, by the engine's number of each request."""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable

import redis

from inference import metrics
from inference.engines.base import NewText
from inference.queue.client import QueueClient
from inference.worker.reply import ReplyInProgress

USUAL_TURN_SECONDS = 5.0  # until the first turn is measured
TURNS_MEASURED = 40  # the last turns, by which waits are estimated


class TurnDurations:
    """How long the last turns of a worker held their slots, in seconds. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = deque([USUAL_TURN_SECONDS], maxlen=TURNS_MEASURED)
        self._measured = False

    def add(self, seconds: float) -> None:
        """Note one turn; the first one replaces USUAL_TURN_SECONDS."""
        with self._lock:
            if not self._measured:
                self._seconds.clear()
                self._measured = True
            self._seconds.append(seconds)

    def recent(self) -> list[float]:
        """The seconds of up to TURNS_MEASURED turns, the oldest first."""
        with self._lock:
            return list(self._seconds)


class RunningReplies:
    """Replies in progress by request number. Thread-safe.

    `cancel` ends a request of the engine.
    """

    def __init__(self, narrator: str, queue: QueueClient, cancel: Callable[[int], None]) -> None:
        self.narrator = narrator
        self.queue = queue
        self.cancel = cancel
        self.durations = TurnDurations()
        self.by_number: dict[int, ReplyInProgress] = {}
        self._lock = threading.Lock()
        self._last_number = 0

    def __len__(self) -> int:
        return len(self.by_number)

    def next_number(self) -> int:
        """A number for the engine's next request, whatever it is for."""
        with self._lock:
            self._last_number += 1
            return self._last_number

    def add(self, number: int, reply: ReplyInProgress) -> None:
        """Note that the engine's request `number` generates this reply."""
        with self._lock:
            self.by_number[number] = reply

    def get(self, number: int) -> ReplyInProgress | None:
        """The reply of a request; None where it has none."""
        with self._lock:
            return self.by_number.get(number)

    def remove(self, number: int) -> None:
        """Forget a request that is complete."""
        with self._lock:
            self.by_number.pop(number, None)

    def all(self) -> dict[int, ReplyInProgress]:
        """All replies in progress, by number."""
        with self._lock:
            return dict(self.by_number)

    def with_text(self, news: list[NewText]) -> list[tuple[ReplyInProgress, NewText]]:
        """The replies that texts of a step belong to, each beside its text.

        Texts that still come for a reply that is done are left out: they must not reach the reply
        that follows under its turn.
        """
        with self._lock:
            found = [(self.by_number[n.request], n) for n in news if n.request in self.by_number]
            return [(reply, new) for reply, new in found if not reply.done.is_set()]

    def release_all(self) -> None:
        """Release the lease of every turn under way, so that the sweep starts another attempt."""
        for reply in self._take_all().values():
            reply.lost = True
            with contextlib.suppress(redis.RedisError):  # or the lease expires by itself
                self.queue.release(reply.lease)
            reply.done.set()

    def requeue_all(self) -> int:
        """Put every turn under way first in the queue, as the same attempt. Returns how many.

        The next worker continues the words that players saw: nothing failed here.
        """
        replies = self._take_all()
        for number, reply in replies.items():
            reply.lost = True
            self.cancel(number)
            with contextlib.suppress(redis.RedisError):  # or the lease expires by itself
                self.queue.requeue_turn(reply.lease)
            reply.done.set()
        metrics.REQUEUED.labels(self.narrator).inc(len(replies))
        return len(replies)

    def lose(self, number: int, reply: ReplyInProgress) -> None:
        """End a reply whose lease was lost: the player stopped it, or another worker has it."""
        reply.lost = True
        metrics.LEASES_LOST.labels(self.narrator).inc()
        self.durations.add(time.monotonic() - reply.began)
        self.cancel(number)
        self.remove(number)
        reply.done.set()

    def _take_all(self) -> dict[int, ReplyInProgress]:
        with self._lock:
            replies, self.by_number = self.by_number, {}
        return replies
