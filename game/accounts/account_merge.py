"""Account merge: when a guest logs in, what was begun in this browser becomes the account's."""

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, transaction
from django.db.models import DO_NOTHING, ForeignObjectRel

from game.models import Player

# In the session of a guest who does not want to bring anything along.
LEAVE_BEHIND = "leave_behind"


def merge_guest(guest: Player, player: Player) -> None:
    """Make everything of a guest a player's, and let the guest go.

    Every relation of the game is moved, those of models that are not written yet as well. Rights
    are not: a guest has none (a constraint of the database says so).
    """
    if not guest.is_guest:
        raise ValueError("only guests are merged")
    with transaction.atomic():
        for relation in relations():
            move(relation, guest, player)
        guest.delete()


def relations() -> list[ForeignObjectRel]:
    """What in the game points at players and may change: a log that is only added to does not."""
    ours = {*apps.get_app_config("game").get_models(), LogEntry}
    return [
        each
        for each in Player._meta.related_objects
        if each.related_model in ours and not each.many_to_many and each.on_delete is not DO_NOTHING
    ]


def move(relation: ForeignObjectRel, guest: Player, player: Player) -> None:
    """Row by row where both have one of a kind that may stand once: the player's own stays."""
    field = relation.field.name
    rows = relation.related_model._base_manager.filter(**{field: guest})
    try:
        with transaction.atomic():
            rows.update(**{field: player})
    except IntegrityError:
        for row in rows:
            try:
                with transaction.atomic():
                    type(row)._base_manager.filter(pk=row.pk).update(**{field: player})
            except IntegrityError:
                row.delete()
