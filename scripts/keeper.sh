#!/bin/sh
# In the container `keeper`, for scripts/backup and scripts/restore, which pass the file through a pipe:
#
#   keeper.sh save >FILE            keeper.sh check [--empty] <FILE
#   keeper.sh load [--replace] <FILE        what is said of narrators.yaml comes out
set -eu
umask 077
find /backups -maxdepth 1 -name '.keeper-*' -mmin +1440 -exec rm -rf {} + # of one that was killed
folder=$(mktemp -d /backups/.keeper-XXXXXX)
trap 'rm -rf "$folder"' EXIT
trap 'exit 143' HUP INT TERM
cd "$folder"
file=backup.tar
export DATA_DIR="$folder" # where a restore puts narrators that differ

case $1 in
save)
    python3 -m dungeon.backup save "$file" >/dev/null
    cat "$file"
    ;;
check)
    cat >"$file"
    python3 -m dungeon.backup check "$file" >/dev/null
    # With --empty: whether a restore without --replace has a chance, before anything is stopped for it.
    [ "${2:-}" != --empty ] || python3 /grue/manage.py shell --no-imports -c '
import sys
from django.db import connection
if connection.introspection.table_names():
    sys.exit("grue: the database holds something: --replace puts the backup in its place")'
    ;;
load)
    shift
    cat >"$file"
    python3 -m dungeon.backup load "$file" "$@" >said
    # The last line is that the file is back; of narrators, scripts/restore says where they are.
    sed '$d' said | grep -v narrators.restored.yaml >&2 || true
    [ ! -e narrators.restored.yaml ] || cat narrators.restored.yaml
    ;;
esac
