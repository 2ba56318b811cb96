"""Changes how those who play together take turns."""

from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from game.models import Membership, Player, Table
from game.play.changes import change_adventure
from game.play.protocol import Refused
from game.tables import order
from game.tables.state import publish_table

# How long members may have to act, in seconds.
TIMES = (0, 60, 180, 600, 3_600, 86_400, 259_200)


@dataclass(frozen=True)
class TableRules:
    """Who acts when, in what time, who may change what was told, and who is the game master."""

    order: str
    seconds: int
    changes: str
    master: UUID | None = None


def set_rules(adventure_id: UUID, owner: Player, rules: TableRules) -> None:
    """Change the rules, also while it is played: what was proposed is dropped with another order.

    Raises Refused.
    """
    with change_adventure(adventure_id, owner) as adventure:
        members = Membership.objects.filter(adventure=adventure, role__in=Membership.ACTING)
        if rules.master is not None and not members.filter(pk=rules.master).exists():
            raise Refused("bad_message", _("There is no such member. They may have left already."))
        table = order.table_of(adventure)
        if table.order != rules.order:
            order.clear(adventure, table)
        if table.changes != rules.changes:
            table.asked = None
        table.order, table.changes = rules.order, rules.changes
        table.seconds, table.master_id = rules.seconds, rules.master
        table.skipped, table.until = 0, None
        if table.order == Table.Order.ROUND or order.proposals(adventure):
            order.start_clock(table)
        table.save()
        publish_table(adventure)
