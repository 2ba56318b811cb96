"""Writes the texts of the engine's steps to the logs: cleaned, and many turns in one pipeline."""

import logging

import redis

from inference import metrics
from inference.engines.base import NewText
from inference.log_context import where
from inference.queue.client import QueueClient
from inference.worker.reply import ReplyInProgress
from inference.worker.running_replies import RunningReplies

logger = logging.getLogger(__name__)

BATCH_SIZE = 128  # texts of a step that are cleaned and then appended together


class StepWriter:
    """Takes the texts of steps, on the engine's reader thread."""

    def __init__(self, narrator: str, queue: QueueClient, replies: RunningReplies) -> None:
        self.narrator = narrator
        self.queue = queue
        self.replies = replies

    def write(self, news: list[NewText]) -> None:
        """Clean the texts of one step and append them to their logs."""
        written: set[int] = set()
        # In parts: of hundreds of replies the first need not wait until the last is cleaned.
        for start in range(0, len(news), BATCH_SIZE):
            written |= self.write_part(news[start : start + BATCH_SIZE])
        if written:
            metrics.STEPS.labels(self.narrator).inc()
            metrics.BATCH.labels(self.narrator).observe(len(written))

    def write_part(self, news: list[NewText]) -> set[int]:
        """Clean and append some texts of a step. Returns the numbers of their requests."""
        found = self.replies.with_text(news)
        for reply, new in found:
            if new.cached is not None:
                metrics.PROMPT_TOKENS_CACHED.labels(self.narrator).inc(new.cached)
            try:
                reply.take(new)
            except Exception as problem:
                self.break_off(new.request, reply, problem)
        found = [(reply, new) for reply, new in found if not reply.broken]
        # The last text of each: where steps came together, a reply may have several.
        last = {new.request: (reply, new.finish is not None) for reply, new in found}
        complete = []
        growing: dict[int, ReplyInProgress] = {}
        for number, (reply, finished) in last.items():
            if reply.stream.done or finished:
                complete.append(reply)
                if not finished:
                    self.replies.cancel(number)
            elif reply.unsent:
                growing[number] = reply
        self.append(growing)
        for reply in complete:
            reply.done.set()  # its thread logs what is left together with the end
        return set(last)

    def append(self, growing: dict[int, ReplyInProgress]) -> None:
        """Append the unsent pieces of replies, by request number, to their logs."""
        if not growing:
            return
        try:
            kept = self.queue.append(each.offer() for each in growing.values())
        except (redis.ConnectionError, redis.TimeoutError) as problem:
            # The pieces stay unsent and go with the next step's; readers drop duplicates.
            logger.warning("%s turns wait for Redis: %s", len(growing), problem)
            return
        except Exception as problem:
            if len(growing) > 1:  # one of them may be the cause: the others need not wait for it
                for number, reply in growing.items():
                    self.append({number: reply})
                return
            [(number, reply)] = growing.items()
            if isinstance(problem, redis.RedisError):  # it may pass: Redis is full, for one
                turn = reply.lease.request.turn
                logger.warning("turn %s waits for Redis: %s", turn, type(problem).__name__)
            else:
                self.break_off(number, reply, problem)
            return
        for (number, reply), still_ours in zip(growing.items(), kept, strict=True):
            reply.note_logged()
            if not still_ours:
                self.replies.lose(number, reply)

    def break_off(self, number: int, reply: ReplyInProgress, problem: Exception) -> None:
        """Mark one turn as broken: its own thread ends it, and all others go on."""
        turn = reply.lease.request.turn
        logger.error("turn %s: its text cannot be logged: %s", turn, where(problem))
        reply.broken = True
        self.replies.cancel(number)
        reply.done.set()
