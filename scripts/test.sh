#!/bin/sh
# Runs every test, after bringing what they need: Debian's packages where they may be installed, and
# the built-in narrator. PostgreSQL and Redis come by themselves (tests/services.py). Arguments go
# to pytest.
set -u
cd "$(dirname "$0")/.."
python=.venv/bin/python

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
    command -v apt-get >/dev/null 2>&1 && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

skipped=""
skip() {
    skipped="$skipped
!!! SKIPPED: $*"
}

# Debian's packages: a browser, a font for it, node for the tests of the pages' own code, what collects
# the texts to translate, and two proxies to stand before Grue.
PATH="$PATH:/usr/sbin"
wanted=""
command -v chromium >/dev/null 2>&1 || wanted="$wanted chromium"
command -v node >/dev/null 2>&1 || wanted="$wanted nodejs"
command -v xgettext >/dev/null 2>&1 || wanted="$wanted gettext"
command -v nginx >/dev/null 2>&1 || wanted="$wanted nginx-light"
command -v caddy >/dev/null 2>&1 || wanted="$wanted caddy"
[ -d /usr/share/fonts/truetype/dejavu ] || wanted="$wanted fonts-dejavu-core"
if [ -n "$wanted" ] && may_install; then
    echo "grue: installing$wanted"
    as_root apt-get update -qq >/dev/null 2>&1
    # Debian starts what it installs, and a proxy would take port 80 of this machine.
    quiet=""
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        quiet=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$quiet" >/dev/null && as_root chmod +x "$quiet"
    fi
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        $wanted >/dev/null 2>&1 || echo "grue: not all of$wanted could be installed" >&2
    [ -z "$quiet" ] || as_root rm -f "$quiet"
fi
for proxy in nginx caddy; do
    command -v $proxy >/dev/null 2>&1 ||
        skip "the tests behind a real $proxy: install it (apt-get install $proxy)"
done
if ! command -v chromium >/dev/null 2>&1 && [ -z "${CHROMIUM:-}" ]; then
    skip "the tests in a browser: install Debian's chromium (apt-get install chromium)"
    set -- --ignore tests/browser "$@"
fi

# The narrator with a model, for the tests marked `model`.
if ! "$python" scripts/fetch_narrator.py; then
    skip "the tests with a real narrator: its model could not be fetched (see above)"
fi

failed=0
if ! command -v node >/dev/null 2>&1; then
    skip "the tests of static/ (tests/js): install node"
elif [ -n "$(find tests/js -name '*.test.*' 2>/dev/null)" ]; then
    # Each file by name: older versions of node take no folder here.
    find tests/js -name '*.test.*' -exec node --test {} + || failed=1
fi

# The cluster's overlays are built and looked at by `make check`.
case ${1:-} in
"" | --*) set -- --ignore tests/project/test_kubernetes.py "$@" ;;
esac

# In three processes: most of their time is waiting. A Redis that you name serves one only. A
# process that dies ends the run: pytest-xdist would wait for its tests for ever.
processes=3
[ -z "${REDIS_URL:-}" ] || processes=0
"$python" -m pytest -n $processes --dist loadgroup --no-loadscope-reorder --max-worker-restart=0 "$@" ||
    failed=$?
[ -z "$skipped" ] || echo "$skipped" >&2
exit "$failed"
