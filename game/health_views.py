"""Liveness and readiness of this host, for its supervisor and its monitoring."""

from typing import Any

import redis
from django.db import DatabaseError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from game.play import narration
from game.play.events import queue_client
from inference.narrators import NarratorsError


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Liveness: this process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Readiness: 200 if database, Redis and a narrator answer, else 503 with what does not."""
    answers = {"database": database_answers(), **redis_and_narrators()}
    ready = answers["database"] == answers["redis"] == answers["narrator"] == "ok"
    return JsonResponse({"ready": ready, **answers}, status=200 if ready else 503)


def database_answers() -> str:
    """ "ok" if the database answers and can write, else what is wrong."""
    try:
        with connection.cursor() as cursor:
            # Getting a transaction id writes to the WAL; on a full disk a plain SELECT works.
            cursor.execute("SELECT pg_current_xact_id()")
    except OperationalError as problem:
        full = "No space left" in str(problem)
        return "answers and keeps nothing: its disk is full" if full else "does not answer"
    except DatabaseError as problem:
        return f"answers with {type(problem).__name__}"
    return "ok"


def redis_and_narrators() -> dict[str, Any]:
    """ "ok" for Redis (answers and writes) and for narrators (one is ready), else what is wrong."""
    try:
        names = narration.narrators().names
        alive = any(queue_client().narrator_ready(name) for name in names)
        queue_client().probe()
    except redis.ResponseError as problem:
        # Out of memory, or its disk is full: it says so itself.
        return {"redis": f"answers and keeps nothing: {problem}", "narrator": "unknown"}
    except redis.RedisError:
        return {"redis": "does not answer", "narrator": "unknown while Redis is away"}
    except NarratorsError as problem:
        return {"redis": "ok", "narrator": str(problem)}
    return {"redis": "ok", "narrator": "ok" if alive else f"none of {', '.join(names)} answers"}
