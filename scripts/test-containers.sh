#!/bin/sh
# A stranger's path through docker-compose.yml, from nothing: a clean clone of the last commit, no image,
# no volume, no model. `make test-containers`; it needs Docker and git, and the package index.
#
#   up, the operator's link, a phone, ten turns, commands, walls, a changed narrators.yaml; a backup, damage,
#   a damaged backup, a restore; an upgrade to a newer commit, and back
#
# Everything has names of its own and is taken away at the end, unless KEEP=1. PORT says where it is published.
# BUILD_NETWORK=host helps where Docker's bridge reaches no package index. COMPOSE names another command.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
COMPOSE=${COMPOSE:-1}
. "$root/scripts/compose.sh"
READY_SECONDS=${READY_SECONDS:-1800}

find_compose
export COMPOSE COMPOSE_PROJECT_NAME=grue-test PORT="${PORT:-8765}" HOST=0.0.0.0
export GRUE_WEB_IMAGE=grue-test-web GRUE_CPU_IMAGE=grue-test-worker-cpu BUILD_NETWORK="${BUILD_NETWORK:-default}"
here=http://localhost:$PORT
work=$(mktemp -d)
began=$(date +%s)
step() { say "$(($(date +%s) - began)) s: $*"; }
fail() {
    compose logs --tail 15 >&2 || true
    stop "FAILED: $*"
}
tidy() {
    trap - EXIT
    [ "${KEEP:-}" = 1 ] && say "kept: cd $work/grue, COMPOSE_PROJECT_NAME=$COMPOSE_PROJECT_NAME" && return
    compose down --volumes --remove-orphans >/dev/null 2>&1 || true
    docker image rm "$GRUE_WEB_IMAGE" "$GRUE_CPU_IMAGE" >/dev/null 2>&1 || true
    rm -rf "$work"
}

git -C "$root" diff --quiet HEAD || say "what is not committed is not tested"
git clone -q "$root" "$work/origin"
git clone -q "$work/origin" "$work/grue"
player_file=$work/grue/tests/containers
root=$work/grue # compose() and all scripts are those of the clone from here on
trap tidy EXIT
trap 'exit 143' HUP INT TERM
compose down --volumes --remove-orphans >/dev/null 2>&1 || true
docker image rm "$GRUE_WEB_IMAGE" "$GRUE_CPU_IMAGE" >/dev/null 2>&1 || true

# A browser on this machine, and one on another: from there, this machine has the address of its bridge.
player() { docker run --rm -i --network host -v "$player_file:/player:ro" \
    --entrypoint python3 "$GRUE_WEB_IMAGE" /player/player.py "$@"; }
phone() { docker run --rm -i -v "$player_file:/player:ro" \
    --entrypoint python3 "$GRUE_WEB_IMAGE" /player/player.py "$@"; }
until_ready() {
    waited=0
    until compose exec -T web python3 scripts/alive.py ready >"$work/ready" 2>&1; do
        waited=$((waited + 5))
        [ "$waited" -lt "$READY_SECONDS" ] || fail "not ready after $READY_SECONDS s: $(cat "$work/ready")"
        sleep 5
    done
}
sql() { compose exec -T postgres psql -U grue -d grue -Atc "$1"; }

step "docker compose up, from nothing"
compose up -d >"$work/up" 2>&1 || {
    tail -30 "$work/up" >&2
    fail "it does not come up"
}
until_ready
step "ready: the model was fetched"

link=$(compose logs --no-color migrate | grep -o "$here/operator/[^ ]*" | head -1) ||
    fail "no operator's link at $here: $(compose logs --no-color migrate | tail -3)"
player operator "$link" warden 'a good long password' || fail "the operator's link"
step "the operator's link opened on the published port"

gateway=$(phone gateway) || fail "the address of this machine, as a bridge has it"
phone opens "http://$gateway:$PORT/" || fail "a phone at http://$gateway:$PORT/"
phone begin "http://$gateway:$PORT" >"$work/phone" || fail "a phone's adventure"
phone play 1 <"$work/phone" >/dev/null || fail "a phone's socket at $gateway"
step "a phone played by the machine's private address, with HOST=0.0.0.0 alone"

player begin "$here" >"$work/begun" || fail "begin"
player play 10 <"$work/begun" >"$work/guest" || fail "ten turns"
step "ten turns told"

for command in "grue invite 2" "grue operator_link --new" "grue narrators list" "grue check" \
    "grue capacity --players 20 --speed 1:60,8:300 --slots 8" "python3 manage.py invite"; do
    # shellcheck disable=SC2086
    compose exec -T web $command >"$work/said" 2>&1 || fail "$command: $(tail -3 "$work/said")"
    ! grep -q Traceback "$work/said" || fail "$command ends in a traceback"
done
compose run --rm -T web grue invite >"$work/said" 2>&1 || fail "run: $(tail -3 "$work/said")"
grep -q "$here/accounts/invited/" "$work/said" || fail "an invitation that does not open: $(cat "$work/said")"
compose exec -T narrator grue narrators list >"$work/said" || fail "the narrators of the narrator"
grep -q ready "$work/said" || fail "smol is not ready: $(cat "$work/said")"
# Not by what it tells: smol would tell in quill's place, and nobody would notice.
compose exec -T narrator python3 -c 'import inference.engines.llama' >"$work/said" 2>&1 ||
    fail "the engine of quill does not load: $(tail -1 "$work/said")"
compose exec -T web grue play >"$work/said" 2>&1 && fail "grue play ran in a container"
[ "$(wc -l <"$work/said")" = 1 ] || fail "grue play ends in more than a line: $(cat "$work/said")"
step "commands work with exec and run"

for service in postgres redis web game narrator; do
    container=$(compose ps -q "$service")
    docker inspect -f '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{.HostConfig.SecurityOpt}}' \
        "$container" | grep -q '^true \[ALL\] [1-9][0-9]* [1-9][0-9]* \[no-new-privileges:true\]$' ||
        fail "$service is not shut in"
    ! compose exec -T "$service" touch /etc/written >/dev/null 2>&1 || fail "$service writes to its root"
    # What serves has put its first rights away.
    caps=$(docker top "$container" -o pid | tail -n 1 | tr -d ' ' |
        xargs -I{} sh -c "sed -n 's/^CapEff:[[:space:]]*//p' /proc/{}/status" 2>/dev/null || true)
    case $caps in *[1-9a-f]*) fail "$service serves with rights: $caps" ;; esac
done
step "every container is shut in"

narrator=$(compose ps -q narrator)
started=$(docker inspect -f '{{.State.StartedAt}} {{.RestartCount}}' "$narrator")
sed 's/^    title: Smol$/    title: Smol the Second/' "$root/config/narrators.yaml" >"$root/config/edited"
mv "$root/config/edited" "$root/config/narrators.yaml" # as an editor does it
compose kill -s HUP narrator >/dev/null 2>&1
waited=0
until compose logs --no-color narrator | grep -q 'narrator smol is [0-9a-f]* now'; do
    waited=$((waited + 2))
    [ "$waited" -lt 300 ] || fail "the narrator did not reload"
    sleep 2
done
[ "$started" = "$(docker inspect -f '{{.State.StartedAt}} {{.RestartCount}}' "$narrator")" ] ||
    fail "SIGHUP ended the narrator"
player play 1 <"$work/guest" >"$work/guest.next" || fail "a turn after SIGHUP"
mv "$work/guest.next" "$work/guest"
git -C "$root" checkout -q config/narrators.yaml
step "SIGHUP reloaded a file that an editor had replaced, and ended nothing"

backup=$work/backup.tar
"$root/scripts/backup" "$backup" || fail "backup"
step "backed up"
sql 'DROP TABLE game_turn CASCADE' >/dev/null
! player reads <"$work/guest" >/dev/null 2>&1 || fail "the damage is not seen"
head -c "$(($(wc -c <"$backup") / 2))" "$backup" >"$work/half.tar"
tables=$(sql "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
! "$root/scripts/restore" "$work/half.tar" --replace || fail "half a backup was restored"
[ "$tables" = "$(sql "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")" ] ||
    fail "half a backup changed the database"
web=$(docker inspect -f '{{.State.StartedAt}}' "$(compose ps -q web)")
! "$root/scripts/restore" "$backup" || fail "a restore over what is there, without --replace"
[ "$web" = "$(docker inspect -f '{{.State.StartedAt}}' "$(compose ps -q web)")" ] ||
    fail "a restore that was refused stopped the web"
"$root/scripts/restore" "$backup" --replace || fail "restore"
until_ready
player reads <"$work/guest" || fail "what a restore brought back"
player play 1 <"$work/guest" >"$work/guest.next" || fail "a turn after the restore"
mv "$work/guest.next" "$work/guest"
step "damaged, restored, and played on"

last=$(cd "$work/origin/game/migrations" && ls 0*.py | tail -n 1)
cat >"$work/origin/game/migrations/9999_of_the_upgrade.py" <<EOF
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("game", "${last%.py}")]
    operations = [migrations.RunSQL("CREATE TABLE of_the_upgrade (id int)", "DROP TABLE of_the_upgrade")]
EOF
git -C "$work/origin" add -A
git -C "$work/origin" -c user.name=test -c user.email=test@localhost commit -q -m "A newer version"
"$root/scripts/upgrade" "$work/before.tar" || fail "upgrade"
[ "$(sql 'SELECT count(*) FROM of_the_upgrade')" = 0 ] || fail "the migration of the upgrade"
compose run --rm -T keeper ls /backups 2>/dev/null | grep -q '^before-migration-.*dump$' ||
    fail "no dump was made before the migration"
player reads <"$work/guest" || fail "what the upgrade left"
player play 1 <"$work/guest" >"$work/guest.next" || fail "a turn after the upgrade"
step "upgraded, and played on"

git -C "$root" checkout -q HEAD~1
compose up -d --build >"$work/up" 2>&1 || fail "the version before does not start"
"$root/scripts/restore" "$work/before.tar" --replace || fail "the restore of the way back"
until_ready
player reads <"$work/guest" || fail "what the way back left"
[ "$(sql "SELECT count(*) FROM pg_tables WHERE tablename = 'of_the_upgrade'")" = 0 ] ||
    fail "the newer table is still there"
step "and back"
say "a stranger's path holds: $(($(date +%s) - began)) s"
