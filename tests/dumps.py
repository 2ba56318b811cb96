"""Everything that is kept anywhere, as text: what a thief, or an honest host, would find."""

from django.contrib.sessions.models import Session
from django.db import connection

from game.models import TurnContext
from inference.contract.prompt_report import UnreadableReport, unpack


def postgres():
    """Every row of every table, one a line, with what is packed in some of them unpacked."""
    lines = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            lines += [f"{table}: {row}" for (row,) in cursor.fetchall()]
    lines += [f"session: {each.get_decoded()}" for each in Session.objects.all()]
    for kept in TurnContext.objects.all():
        try:
            lines.append(f"context: {unpack(kept.details).model_dump()}")
        except UnreadableReport:
            lines.append(f"context: {kept.details}")
    return "\n".join(lines)


def redis(client):
    """Every key with what it holds."""
    lines = []
    for key in client.scan_iter():
        kind = client.type(key).decode()
        read = {
            "string": lambda key: client.get(key),
            "hash": lambda key: client.hgetall(key),
            "list": lambda key: client.lrange(key, 0, -1),
            "set": lambda key: client.smembers(key),
            "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
            "stream": lambda key: client.xrange(key),
        }[kind]
        lines.append(f"{key.decode()}: {read(key)}")
    return "\n".join(lines)
