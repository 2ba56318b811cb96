#!/bin/sh
# In a worker's container: fetches what the named narrators need, then tells for them. `--default` is
# whoever the list has as its default; of several, one tells while a better one is still fetched.
# What follows goes to the worker: `--installs` has it install narrators from the operator's page.
# scripts/narrate.sh smol,bard --installs
set -eu
# SIGHUP is for the worker. One that comes earlier has nothing to say yet, and ends nothing.
trap : HUP
names=${1:?which narrators? names with commas between, as in narrators.yaml, or --default}
shift
if [ "$names" = --default ]; then
    python3 manage.py narrators pull || echo "grue: the default cannot be fetched now" >&2
    exec python3 manage.py worker --default "$@"
fi
echo "$names" | tr ',' '\n' | while read -r name; do
    python3 manage.py narrators pull "$name" || echo "grue: $name cannot be fetched now" >&2
done
exec python3 manage.py worker --narrators "$names" "$@"
