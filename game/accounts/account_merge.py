"""Account merge: when a guest logs in, their adventures and other rows move to the account."""

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, transaction
from django.db.models import DO_NOTHING, ForeignObjectRel

from game.models import Membership, Player, TableBlock

# Session key of a guest who chose not to move anything to the account.
LEAVE_BEHIND = "leave_behind"


def merge_guest(guest: Player, player: Player) -> None:
    """Move everything of a guest to a player, and delete the guest.

    Every relation of the game's models is moved, those of future models included. Rights are not: a
    guest has none (a database constraint). Raises ValueError for a player who is no guest.
    """
    if not guest.is_guest:
        raise ValueError("only guests are merged")
    with transaction.atomic():
        keep_better_roles(guest, player)
        for relation in relations():
            move(relation, guest, player)
        drop_blocked_memberships(player)
        guest.delete()


def keep_better_roles(guest: Player, player: Player) -> None:
    """Where both are in an adventure, one membership is left: that with more rights."""
    ranks = list(Membership.Role)
    theirs = {each.adventure_id: each for each in Membership.objects.filter(player=player)}
    for membership in Membership.objects.filter(player=guest, adventure__in=theirs):
        other = theirs[membership.adventure_id]
        if ranks.index(Membership.Role(membership.role)) < ranks.index(Membership.Role(other.role)):
            other.delete()
        else:
            membership.delete()


def drop_blocked_memberships(player: Player) -> None:
    """Whom an owner blocked is no member there as the guest that they were meanwhile either."""
    blocked = TableBlock.objects.filter(player=player).values("adventure")
    Membership.objects.filter(player=player, adventure__in=blocked).exclude(
        role=Membership.Role.OWNER
    ).delete()


def relations() -> list[ForeignObjectRel]:
    """The relations to players whose rows may change; the audit log's may not."""
    ours = {*apps.get_app_config("game").get_models(), LogEntry}
    return [
        each
        for each in Player._meta.related_objects
        if each.related_model in ours and not each.many_to_many and each.on_delete is not DO_NOTHING
    ]


def move(relation: ForeignObjectRel, guest: Player, player: Player) -> None:
    """Point a relation's rows from the guest to the player.

    Where a unique constraint allows one row only, the player's own stays and the guest's is
    deleted.
    """
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
