#!/bin/sh
# Makes .venv and installs what is asked for: `environment.sh light` for playing, `environment.sh
# light test` for the tests as well, `environment.sh light torch` for the transformers engine,
# `environment.sh light torch finetune` for narrators of one's own, and `environment.sh light test
# frontend` for the checks of static/ and templates/ (scripts/frontend). What is there already is
# left alone, so a second call costs nothing.
set -eu
cd "$(dirname "$0")/.."

say() { echo "grue: $*"; }
stop() {
    echo "grue: $*" >&2
    exit 1
}

# Each candidate is tried by running it: a shim of pyenv is there and may run nothing.
fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

find_python() {
    for python in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python; do
        if command -v "$python" >/dev/null 2>&1 && fits "$python"; then
            command -v "$python"
            return
        fi
    done
    stop "Python 3.11, 3.12 or 3.13 wanted, and none found: install one (on Debian: apt-get install" \
        "python3 python3-venv), or name it: make play PYTHON=/path/to/python3.12"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() { # whether Debian's packages may be installed without asking anyone
    command -v apt-get >/dev/null 2>&1 && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

make_venv() {
    python=$1
    rm -rf .venv
    if "$python" -c 'import ensurepip' 2>/dev/null && "$python" -m venv .venv >/dev/null 2>&1; then
        return
    fi
    # Debian keeps ensurepip in a package of its own. A pip of the system can fill the folder too.
    rm -rf .venv
    if "$python" -m pip --version >/dev/null 2>&1 &&
        "$python" -m venv --without-pip .venv >/dev/null 2>&1 &&
        "$python" -m pip -q --python .venv/bin/python install pip >/dev/null 2>&1; then
        return
    fi
    rm -rf .venv
    if command -v uv >/dev/null 2>&1 && uv -q venv --seed --python "$python" .venv; then
        return
    fi
    rm -rf .venv
    version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
    if may_install; then
        say "Python's venv is missing: installing Debian's $version-venv"
        as_root apt-get update -qq >/dev/null 2>&1 || true
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$version-venv" \
            >/dev/null 2>&1 || true
        "$python" -m venv .venv >/dev/null 2>&1 && return
        rm -rf .venv
    fi
    stop "$python cannot make an environment: install its venv (on Debian: apt-get install" \
        "$version-venv), or pip, or uv"
}

install() { # install NAME: requirements/NAME.txt, unless just that is installed
    lock=requirements/$1.txt
    cmp -s "$lock" ".venv/$1.txt" && return
    case $1 in
    light) say "installing the libraries: about 175 MB to fetch, once" ;;
    torch) say "installing torch: 190 MB to fetch for a CPU, several GB with CUDA, once" ;;
    finetune) say "installing what fine-tuning needs: about 50 MB to fetch, once" ;;
    *) say "installing what the tests need" ;;
    esac
    .venv/bin/python -m pip --disable-pip-version-check -qq install --no-deps -r "$lock" ||
        stop "the libraries of $lock could not be installed (see above)"
    # A wheel of torch knows which CUDA it wants, if any; the lock is the same for all.
    if [ "$1" = torch ]; then
        .venv/bin/python -m pip --disable-pip-version-check -qq install \
            "$(grep '^torch==' "$lock")" || stop "what torch needs could not be installed (see above)"
    fi
    cp "$lock" ".venv/$1.txt"
}

# The least version that eslint runs on. A Node.js from the system is linked into .venv where it is
# new enough; otherwise one comes as a wheel, from requirements/node.txt.
node_fits() {
    "$1" -e 'const [a, b] = process.versions.node.split(".").map(Number);
        process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

install_frontend() {
    tools=scripts/frontend
    if ! node_fits .venv/bin/node; then
        rm -f .venv/bin/node
        if command -v npm >/dev/null 2>&1 && node_fits node; then
            ln -s "$(command -v node)" .venv/bin/node
        else
            say "installing Node.js: about 60 MB to fetch, once"
            .venv/bin/python -m pip --disable-pip-version-check -qq install --no-deps \
                -r requirements/node.txt || stop "Node.js could not be installed (see above)"
        fi
    fi
    cmp -s $tools/package-lock.json $tools/node_modules/installed-lock.json && return
    say "installing the checks of static/ and templates/"
    # No package runs a script of its own while it is installed.
    (PATH="$PWD/.venv/bin:$PATH" && cd $tools &&
        npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null) ||
        stop "the packages of $tools/package-lock.json could not be installed (see above)"
    cp $tools/package-lock.json $tools/node_modules/installed-lock.json
}

if ! { [ -x .venv/bin/python ] && fits .venv/bin/python &&
    .venv/bin/python -c 'import pip' 2>/dev/null; }; then
    python=$(find_python)
    "$python" dungeon/machine.py
    say "making .venv with $("$python" --version)"
    make_venv "$python"
fi
for lock in "$@"; do
    if [ "$lock" = frontend ]; then install_frontend; else install "$lock"; fi
done
