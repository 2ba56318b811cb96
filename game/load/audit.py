"""Compares what Postgres stores of each turn with what its player received."""

from collections import Counter

from game.load.players import ENDS, RequestedTurn
from game.load.setup import BATCH_SIZE
from game.models import Command, Status, Turn


def audit_turns(requested: list[RequestedTurn]) -> Counter[str]:
    """Count the turns that were lost, doubled, failed or changed; all are 0 if the test went well.

    lost: accepted, but not stored, or never ended, or its player received no end. doubled: stored
    twice for one key, or ended twice. changed: the received reply is not the stored one.
    """
    found: Counter[str] = Counter(lost=0, doubled=0, failed=0, changed=0)
    accepted = [each for each in requested if each.accepted]
    for start in range(0, len(accepted), BATCH_SIZE):
        some = accepted[start : start + BATCH_SIZE]
        stored = {
            str(turn.pk): turn for turn in Turn.objects.filter(pk__in=[each.turn for each in some])
        }
        keys = Counter(
            str(key)
            for key in Command.objects.filter(key__in=[each.key for each in some]).values_list(
                "key", flat=True
            )
        )
        for each in some:
            turn = stored.get(each.turn)
            if turn is None or turn.status == Status.QUEUED or each.ended not in ENDS:
                found["lost"] += 1
                continue
            found["doubled"] += keys[each.key] != 1 or each.ends > 1
            found["failed"] += turn.status == Status.FAILED
            found["changed"] += turn.status != Status.FAILED and not (
                each.heard == each.reply == turn.reply
            )
    turns = Turn.objects.filter(
        adventure__in={each.adventure for each in requested}, parent__isnull=False
    )
    found["doubled"] += max(0, turns.count() - len({each.turn for each in requested if each.turn}))
    return found
