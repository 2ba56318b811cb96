"""Publishes to workers which narrators they should have, and stores the results of their jobs."""

import logging
from collections.abc import Iterable
from functools import cache

import redis
from django.conf import settings

from game.database import after_commit
from game.installed import registry
from game.installed.registry import State, names_of_file, narrator_of
from game.models import InstalledNarrator
from inference.installing.jobs import Added, DesiredState, Job, JobResult, Progress
from inference.queue.installs import Installs

logger = logging.getLogger(__name__)


@cache
def installs() -> Installs:
    """This process' client."""
    return Installs(settings.INFERENCE.redis_url)


def desired_state() -> DesiredState:
    """The narrators and jobs that workers should have."""
    narrators, jobs, inactive, unread = [], [], [], set()
    listed = names_of_file()
    for row in InstalledNarrator.objects.all():
        narrator = narrator_of(row)
        if narrator is None:
            unread.add(row.name)
        if narrator is None or row.name in listed:
            continue
        if row.state == State.READY:
            narrators.append(Added(narrator=narrator, sealed=row.sealed_key, memory=row.memory))
        elif row.state in (State.INSTALLING, State.REMOVING):
            jobs.append(
                Job(
                    name=row.name,
                    attempt=row.attempt,
                    do="install" if row.state == State.INSTALLING else "remove",
                    narrator=narrator,
                    sealed=row.sealed_key,
                    adapt=row.adapt,
                )
            )
        elif row.state in (State.FAILED, State.TESTED):
            inactive.append(narrator)
    return DesiredState(
        narrators=tuple(narrators), jobs=tuple(jobs), kept=tuple(inactive), unread=frozenset(unread)
    )


def publish() -> None:
    """Publish the desired state. The sweep repeats it, in case Redis was emptied.

    Raises redis.RedisError.
    """
    installs().publish(desired_state())


def publish_on_commit() -> None:
    """Make a change known to this process and to all workers, once it is committed."""

    def notify_workers() -> None:
        registry.ready_cache.expire()
        try:
            publish()
        except redis.RedisError as problem:  # the sweep publishes it again
            logger.warning("installed narrators are not published: %s", problem)

    registry.ready_cache.expire()  # so that the same transaction sees the change
    after_commit(notify_workers)


def progress_of(rows: Iterable[InstalledNarrator]) -> dict[str, Progress]:
    """The progress of the rows' current jobs, by name. Raises redis.RedisError."""
    under_way = {
        row.name: row.attempt for row in rows if row.state in (State.INSTALLING, State.REMOVING)
    }
    reported = installs().progress(list(under_way))
    return {name: each for name, each in reported.items() if each.attempt == under_way[name]}


def record(result: JobResult) -> None:
    """Store the result of a job, unless it is of an older attempt."""
    rows = InstalledNarrator.objects.filter(name=result.name, attempt=result.attempt)
    if result.outcome == "removed":
        rows.filter(state=State.REMOVING).delete()
    elif result.outcome == "failed":
        rows.filter(state=State.INSTALLING).update(state=State.FAILED, problem=result.problem)
        rows.filter(state=State.REMOVING).update(state=State.NOT_REMOVED, problem=result.problem)
    elif result.outcome == "pinned" and result.narrator is not None:
        rows.filter(state=State.INSTALLING).update(entry=result.narrator.model_dump(mode="json"))
    elif result.narrator is not None:
        serves = result.narrator.engine == "openai"
        rows.filter(state=State.INSTALLING).update(
            state=State.TESTED if serves else State.READY,
            entry=result.narrator.model_dump(mode="json"),
            adapt=False,
            what=result.what,
            speed=result.speed,
            memory=result.memory,
            problem="",
        )
    publish_on_commit()
