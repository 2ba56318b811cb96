#!/bin/sh
# Run as root in the `secrets` container: makes what is missing, and gives the volumes to the user
# that the other containers run as. A secret that is there stays.
set -eu
cd /run/grue-secrets
umask 022
for name in postgres_password redis_password secret_key grafana_password; do
    [ -s "$name" ] && continue
    python3 -c "import secrets; print(secrets.token_urlsafe(50))" >"$name.new"
    mv "$name.new" "$name"
done
for folder in /data /models /backups; do
    [ ! -d "$folder" ] || chown grue:grue "$folder"
done
