#!/bin/sh
# Leaves a note in a folder where the database is about to change its form, and takes it away where
# it is not: scripts/note-migrations.sh FOLDER
set -eu
if python3 manage.py migrate --check >/dev/null 2>&1; then
    rm -f "$1/migration-pending"
else
    touch "$1/migration-pending"
fi
