"""The table as plain data for pages, and the event that it has changed."""

from typing import Any

from game.models import Adventure, Membership, Table
from game.play.events import publish_on_commit
from game.play.protocol import AskedChange, ProposalData, TableChanged, TableData
from game.tables import order
from game.tables.roster import acting_members, members_data


def table_data(adventure: Adventure) -> TableData | None:
    """The table with all that was proposed; None while its owner plays alone.

    What of it a member may see is `seen_table`'s to say.
    """
    members = acting_members(adventure)
    if len(members) < 2:
        return None
    table = order.table_of(adventure)
    rounds = table.order == Table.Order.ROUND
    mastered = table.order == Table.Order.MASTER
    return TableData(
        members=members_data(members),
        order=table.order,  # type: ignore[arg-type]
        changes=table.changes,  # type: ignore[arg-type]
        seconds=table.seconds,
        turn_of=str(order.whose_turn(table, members, adventure).pk) if rounds else None,
        master=str(order.master_of(table, members).pk) if mastered else None,
        until=table.until.isoformat() if table.until else None,
        proposals=[
            ProposalData(
                member=str(each.member_id), kind=each.kind, text=each.text, votes=each.voters
            )
            for each in order.proposals(adventure)
        ],
        asked=asked_data(table, members),
    )


def asked_data(table: Table, members: list[Membership]) -> AskedChange | None:
    """The change that waits for more players."""
    asked = table.asked
    if not asked or table.changes != Table.Changes.VOTE:
        return None
    return AskedChange(
        type=asked["command"]["type"],
        turn=asked["command"].get("turn"),
        member=asked["member"],
        agreed=asked["agreed"],
        needed=len(members) // 2 + 1,
        action=asked["command"].get("action"),
        reply=asked["command"].get("reply"),
    )


def seen_table(table: dict[str, Any] | None, member: str) -> dict[str, Any] | None:
    """A table as a member may see it: of proposals their own, and those that are voted on.

    The game master sees all. Spectators see what is voted on.
    """
    if table is None or table["order"] == "vote" or table["master"] == member:
        return table
    hidden = {"kind": None, "text": None}
    seen = [each if each["member"] == member else {**each, **hidden} for each in table["proposals"]]
    return {**table, "proposals": seen}


def publish_table(adventure: Adventure) -> None:
    """Publish the table as it is now, on commit. The adventure is locked."""
    publish_on_commit(adventure, TableChanged(table=table_data(adventure)))
