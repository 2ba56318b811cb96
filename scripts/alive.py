"""Whether this container does its work: `alive.py web [PORT]|game|narrator`, or all do: `ready`.

A process id proves little: a worker may hang, or stop consuming after Redis was reset (celery
#10205). So a worker is alive while it says so in Redis. With Redis itself away nobody can tell, and
a restart would help nobody: that counts as alive.
"""

import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SECRETS = Path("/run/grue-secrets")


def web() -> bool:
    port = sys.argv[2] if sys.argv[2:] else os.environ.get("PORT") or "8000"
    with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=4) as answer:
        return bool(answer.status == 200)


def ready() -> bool:
    """Whether the web says that turns are told; what is missing is printed."""
    try:
        with urlopen("http://127.0.0.1:8000/readyz", timeout=10) as answer:
            return bool(answer.status == 200)
    except HTTPError as problem:
        print(problem.read().decode(errors="replace"))  # noqa: T201
        return False


def game() -> bool:
    from inference.queue.connection import connect  # noqa: PLC0415
    from inference.queue.keys import swept_key  # noqa: PLC0415

    return bool(connect(redis_url()).exists(swept_key(platform.node())))


def narrator() -> bool:
    from inference.queue.connection import connect  # noqa: PLC0415
    from inference.queue.keys import workers_key  # noqa: PLC0415

    client = connect(redis_url())
    ours = f"{platform.node()}:".encode()
    return any(
        name.startswith(ours)
        for key in client.scan_iter(workers_key("*"), count=100)
        for name in client.zrange(key, 0, -1)
    )


def told_by_redis(check: Callable[[], bool]) -> bool:
    import redis  # noqa: PLC0415

    try:
        return check()
    except redis.RedisError as problem:
        print(f"Redis is away: {problem}")  # noqa: T201
        return True


def redis_url() -> str:
    if url := os.environ.get("REDIS_URL"):
        return url
    password = (SECRETS / "redis_password").read_text().strip()
    return f"redis://:{password}@redis:6379/0"


def main() -> int:
    checks = {"web": web, "ready": ready, "game": game, "narrator": narrator}
    check = checks[sys.argv[1] if sys.argv[1:] else "web"]
    try:
        if check is ready:
            return 0 if ready() else 1
        if check is web:  # asked every few seconds: it loads nothing that it does not need
            return 0 if web() else 1
        return 0 if told_by_redis(check) else 1
    except OSError as problem:
        print(problem)  # noqa: T201
        return 1


if __name__ == "__main__":
    sys.exit(main())
