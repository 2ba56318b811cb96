#!/bin/sh
# The entry point of the image: hands the secrets that docker-compose.yml keeps in a volume to the
# settings, unless the environment names others, and runs the command.
set -eu
kept=/run/grue-secrets

if [ -r "$kept/secret_key" ]; then
    SECRET_KEY=${SECRET_KEY:-$(cat "$kept/secret_key")}
    DATABASE_URL=${DATABASE_URL:-postgres://grue:$(cat "$kept/postgres_password")@postgres:5432/grue}
    REDIS_URL=${REDIS_URL:-redis://:$(cat "$kept/redis_password")@redis:6379/0}
    export SECRET_KEY DATABASE_URL REDIS_URL
fi
exec "$@"
