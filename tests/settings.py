"""Grue's settings, once PostgreSQL and Redis are there for the tests."""

from tests import services

services.bring_up()

from dungeon.settings import *  # noqa: E402, F403

# Of a strong hash there is nothing to test, and each would take half a second.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
