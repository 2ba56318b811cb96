#!/bin/sh
# In Alertmanager's container (docker compose --profile observe): writes the configuration with
# ALERTS_URL in it, which Alertmanager cannot read from the environment, and starts.
set -eu
config=${ALERTMANAGER_CONFIG:-/tmp/alertmanager.yml}
case ${ALERTS_URL:-} in
"") echo "grue: ALERTS_URL is empty: alerts are sent to nobody, and shown on port 9093 alone" >&2 ;;
http://?* | https://?*) ;;
*)
    echo "grue: ALERTS_URL wants an address like https://ntfy.example/grue?template=alertmanager" >&2
    exit 1
    ;;
esac
# It stands between single quotes in YAML.
case ${ALERTS_URL:-} in
*[\'[:space:]]*)
    echo "grue: ALERTS_URL wants an address without quotes and spaces: write them as %27 and %20" >&2
    exit 1
    ;;
esac
umask 077 # the address may hold a token
{
    cat <<'END'
route:
  receiver: host
  group_by: [alertname]
  group_wait: 15s
  group_interval: 5m
  repeat_interval: 4h
inhibit_rules:
  # While a database or Redis is away, what follows from that is not told as well.
  - source_matchers: [alertname = PartAway]
    target_matchers: [alertname =~ "NobodyTells|PlayersWaitLong|ActionsRefused|WindowsDropped|SweepBusy"]
receivers:
  - name: host
END
    [ -z "${ALERTS_URL:-}" ] || printf "    webhook_configs:\n      - url: '%s'\n" "$ALERTS_URL"
} >"$config"
exec "${ALERTMANAGER:-alertmanager}" --config.file="$config" --storage.path="${ALERTMANAGER_DATA:-/alertmanager}" "$@"
