#!/bin/sh
# In the PostgreSQL container: dumps the database where a migration is pending; keeps the newest five.
# Put one back with: docker compose exec -T postgres pg_restore -U grue --clean -d grue <FILE
set -eu
[ -e /backups/migration-pending ] || exit 0
url=${DATABASE_URL:-postgres://grue:$(cat /run/grue-secrets/postgres_password)@postgres:5432/grue}
tables=$(psql "$url" -Atc "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
[ "$tables" != 0 ] || exit 0 # a new house: nothing to lose
file=/backups/before-migration-$(date -u +%Y%m%d-%H%M%S).dump
umask 077
pg_dump --format=custom --no-owner --file="$file.part" "$url"
mv "$file.part" "$file"
echo "grue: saved in $file"
# shellcheck disable=SC2012
ls -1 /backups/before-migration-*.dump | sort -r | tail -n +6 | while read -r old; do rm -f "$old"; done
