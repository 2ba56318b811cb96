# shellcheck shell=sh
# Read by scripts that work on the containers of docker-compose.yml. They need Docker and nothing else.
# COMPOSE names the command where it is neither `docker compose` nor `docker-compose`.

say() { echo "grue: $*" >&2; }
stop() {
    say "$*"
    exit 1
}

in_containers() { # whether the Grue of this folder runs in containers: asked for, or all there is
    [ -n "${COMPOSE:-}" ] || ! [ -x "${PYTHON:-$root/.venv/bin/python}" ]
}

find_compose() {
    case ${COMPOSE:-1} in
    1) ;;
    *) return ;;
    esac
    if docker compose version >/dev/null 2>&1; then
        COMPOSE="docker compose"
    elif command -v docker-compose >/dev/null 2>&1; then
        COMPOSE=docker-compose
    else
        stop "neither make play's .venv nor Docker Compose is here: run 'make play' once, or install" \
            "Docker with its Compose plugin"
    fi
    docker info >/dev/null 2>&1 || stop "Docker does not answer: is it running, and may you use it?"
}

compose() ( # in the folder of docker-compose.yml
    cd "$root"
    # shellcheck disable=SC2086
    exec $COMPOSE "$@"
)

keeper() { # what it says, without Compose's own lines; all of them where it came to nothing else
    noise=$(mktemp)
    failed=0
    compose run --rm -T keeper sh scripts/keeper.sh "$@" 2>"$noise" || failed=$?
    grep '^grue: ' "$noise" >&2 || [ "$failed" = 0 ] || cat "$noise" >&2
    rm -f "$noise"
    return "$failed"
}
