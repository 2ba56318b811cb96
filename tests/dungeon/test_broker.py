"""A worker that lost its broker finds a broken connection, and nothing that would end it."""

import os

import pytest
import redis
from kombu import Connection

from dungeon import celery, services


def test_a_message_acknowledged_after_the_connection_was_closed_is_a_broken_connection():
    connection = Connection(services.celery_url(os.environ["REDIS_URL"]))
    assert celery.app is not None  # it mends the transport
    channel = connection.channel()
    connection.close()
    with pytest.raises(redis.ConnectionError), channel.conn_or_acquire():
        pass


def test_a_channel_that_is_open_works_as_ever():
    url = services.celery_url(os.environ["REDIS_URL"])
    with Connection(url) as connection, connection.channel().conn_or_acquire() as client:
        assert client.ping()
