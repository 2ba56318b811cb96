#!/bin/sh
# Lint, format, types, and models without a migration. All of them, whichever fails first. What they
# need is installed by `sh scripts/environment.sh light test frontend`.
set -u
cd "$(dirname "$0")/.."
failed=0
for step in "ruff check ." "ruff format --check ." "mypy ."; do
    # shellcheck disable=SC2086
    .venv/bin/python -m $step || failed=1
done
# The pages: scripts/frontend has the configurations, and says which rules are off and why.
frontend=scripts/frontend
page_tool() { # page_tool NAME arguments...
    name=$1
    shift
    .venv/bin/node $frontend/node_modules/.bin/"$name" "$@" || failed=1
}
page_tool prettier --config $frontend/prettier.json --log-level warn --check \
    "static/**/*.{js,css}" "tests/js/*.mjs" "$frontend/*.{mjs,json}" $frontend/kept.d.ts
page_tool eslint --config $frontend/eslint.config.mjs static tests/js $frontend
page_tool stylelint --config $frontend/stylelint.config.mjs "static/css/*.css"
page_tool tsc --project $frontend/tsconfig.json
page_tool tsc --project $frontend/tsconfig.worker.json
.venv/bin/python -m djlint --lint --quiet templates || failed=1
if [ -x .venv/bin/hadolint ]; then
    .venv/bin/hadolint Dockerfile || failed=1
else
    echo "grue: hadolint is not there for this kind of machine: the Dockerfile is not looked at" >&2
fi
# Neither needs a database: the state of the models is read from the migrations, and the socket's
# messages, as the pages' scripts know them, from their types.
nowhere=postgres://nobody@127.0.0.1:1/none
DATABASE_URL=$nowhere .venv/bin/python -W ignore manage.py makemigrations --check --dry-run ||
    failed=1
DATABASE_URL=$nowhere .venv/bin/python scripts/socket_types.py --check || failed=1
# Every overlay of deploy/kubernetes, built by kustomize.
.venv/bin/python -m pytest -q tests/project/test_kubernetes.py || failed=1
exit $failed
