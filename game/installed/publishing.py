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
    """What workers should know."""
    narrators, jobs, kept, unread = [], [], [], set()
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
            kept.append(narrator)
    return DesiredState(
        narrators=tuple(narrators), jobs=tuple(jobs), kept=tuple(kept), unread=frozenset(unread)
    )


def publish() -> None:
    """Let workers know; the sweep calls this too, since Redis may have been emptied.

    Raises redis.RedisError.
    """
    installs().publish(desired_state())


def publish_on_commit() -> None:
    """Let this process and all workers know of a change, once it is committed."""

    def tell() -> None:
        registry.ready_cache.expire()
        try:
            publish()
        except redis.RedisError as problem:  # the sweep says it again
            logger.warning("workers are not told what is installed: %s", problem)

    registry.ready_cache.expire()  # what follows in the same transaction sees it, too
    after_commit(tell)


def progress_of(rows: Iterable[InstalledNarrator]) -> dict[str, Progress]:
    """How far the jobs under way are. Raises redis.RedisError."""
    under_way = {
        row.name: row.attempt for row in rows if row.state in (State.INSTALLING, State.REMOVING)
    }
    said = installs().progress(list(under_way))
    return {name: each for name, each in said.items() if each.attempt == under_way[name]}


def record(result: JobResult) -> None:
    """Store how a job ended. One of an older attempt is not heard."""
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
