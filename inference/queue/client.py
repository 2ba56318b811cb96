"""The client of Redis that the game and its workers use."""

from inference.queue.heartbeat import Heartbeats
from inference.queue.jobs import Jobs
from inference.queue.turns import TurnQueue


class QueueClient(TurnQueue, Jobs, Heartbeats):
    """Streams, the queue of turns, jobs and heartbeats. Raises redis.RedisError when it is away.

    Safe to share between threads.
    """
