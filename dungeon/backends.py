"""Whether PostgreSQL and Redis answer, and if not, why: in one line, for people."""

import shlex

import psycopg2
import redis
from psycopg2 import sql
from psycopg2.extensions import parse_dsn
from redis.backoff import NoBackoff
from redis.retry import Retry

OLDEST_POSTGRES = 14  # of Django 5.2


def database_problem(url: str) -> str:
    """Why the database at `url` cannot be used; "" when it can."""
    try:
        parts = parse_dsn(url)
    except psycopg2.ProgrammingError as problem:
        return f"DATABASE_URL wants an address that PostgreSQL knows ({str(problem).strip()})"
    try:
        connection = psycopg2.connect(url, connect_timeout=parts.get("connect_timeout", 5))
    except psycopg2.Error as problem:
        # With several addresses tried there are several lines; the last one is of the last.
        lines = str(problem).strip().splitlines() or [type(problem).__name__]
        if f'database "{parts.get("dbname")}" does not exist' in lines[-1]:
            return f"DATABASE_URL names a database that is not there: {createdb(parts)}"
        return f"DATABASE_URL wants a PostgreSQL that answers ({lines[-1].strip()})"
    with connection:
        version = connection.server_version
    connection.close()
    if version < OLDEST_POSTGRES * 10_000:
        return (
            f"DATABASE_URL wants PostgreSQL {OLDEST_POSTGRES} or newer (it is {version // 10_000})"
        )
    return ""


def database_ready(url: str) -> bool:
    """Whether the bundled PostgreSQL is up; creates the database of `url` where it is missing."""
    name = parse_dsn(url)["dbname"]
    try:
        server = psycopg2.connect(url, dbname="postgres", connect_timeout=2)
    except psycopg2.OperationalError:
        return False
    try:
        server.autocommit = True
        with server.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    finally:
        server.close()
    return True


def createdb(parts: dict[str, str]) -> str:
    """The command, in words for people, that creates the database of a connection string."""
    options = {"host": "-h", "port": "-p", "user": "-U"}
    words = [word for key, flag in options.items() if key in parts for word in (flag, parts[key])]
    return f"make it with `{shlex.join(['createdb', *words, parts['dbname']])}`"


def redis_problem(url: str) -> str:
    """Why the Redis at `url` cannot be used; "" when it can."""
    try:
        with redis.from_url(
            url, socket_timeout=3, socket_connect_timeout=3, retry=Retry(NoBackoff(), 0)
        ) as client:
            client.ping()
    except (redis.RedisError, OSError, ValueError) as problem:
        lines = str(problem).strip().splitlines() or [type(problem).__name__]
        return f"REDIS_URL wants a Redis that answers ({lines[0].rstrip('.')})"
    return ""
