#!/bin/sh
# Lint, format, types, and models without a migration. All of them, whichever fails first.
set -u
cd "$(dirname "$0")/.."
failed=0
for step in "ruff check ." "ruff format --check ." "mypy ."; do
    # shellcheck disable=SC2086
    .venv/bin/python -m $step || failed=1
done
if [ -x .venv/bin/hadolint ]; then
    .venv/bin/hadolint Dockerfile || failed=1
else
    echo "grue: hadolint is not there for this kind of machine: the Dockerfile is not looked at" >&2
fi
# Needs no database: the state of the models is read from the migrations.
DATABASE_URL=postgres://nobody@127.0.0.1:1/none .venv/bin/python -W ignore manage.py \
    makemigrations --check --dry-run || failed=1
# Every overlay of deploy/kubernetes, built by kustomize.
.venv/bin/python -m pytest -q tests/test_kubernetes.py || failed=1
exit $failed
