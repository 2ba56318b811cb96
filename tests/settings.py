"""Grue's settings, once PostgreSQL and Redis are there for the tests."""

from tests import services

services.bring_up()

from dungeon.settings import *  # noqa: E402, F403
