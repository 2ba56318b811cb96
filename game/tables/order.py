"""Who may act now at a table, what was proposed, and what is to be told of it.

Called with the adventure locked. `game.play.turns` tells what is decided here; the sweep goes on
where time is up (`game.tables.deadlines`).
"""

from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from game.models import (
    LONGEST_TEXT,
    Adventure,
    Kind,
    Membership,
    Proposal,
    Status,
    Table,
    Turn,
)
from game.play.protocol import Refused
from game.play.wording import shown
from game.tables.roster import acting_members, name_of

Order = Table.Order
# In these orders members propose; who decides differs.
COLLECTING = (Order.TOGETHER, Order.VOTE, Order.MASTER)


@dataclass(frozen=True)
class Decision:
    """What is told next: an action, and whose it is; `parts` where several wrote it.

    `writer`: who wrote its words, if that is not `member`.
    """

    member: Membership
    kind: str
    text: str
    parts: tuple[Proposal, ...] = field(default=())
    writer: Membership | None = None


def table_of(adventure: Adventure) -> Table:
    """The table of an adventure; an unsaved one with the defaults if it has none."""
    found = Table.objects.filter(adventure=adventure.pk).first()
    return found or Table(adventure=adventure)


def order_of(table: Table, members: list[Membership]) -> str:
    """The order that holds: who plays alone acts at any time."""
    return table.order if len(members) > 1 else Order.FREE


# Whose turn it is


def whose_turn(table: Table, members: list[Membership], adventure: Adventure) -> Membership:
    """The member whose turn it is in a round: after who acted last, unless somebody was skipped.

    It follows from the head, so that undo gives a turn back.
    """
    if adventure.head_id is None:
        return members[0]
    if table.turn_at == adventure.head_id and table.turn_of_id:
        for each in members:
            if each.pk == table.turn_of_id:
                return each
    head = Turn.objects.filter(pk=adventure.head_id).first()
    actor = next((each for each in members if head and each.player_id == head.player_id), None)
    if actor is None or head is None:
        return members[0]
    if head.status == Status.FAILED and not head.reply:
        return actor  # nothing came of it
    return after(actor, members)


def after(member: Membership, members: list[Membership]) -> Membership:
    """The member who acts after another one."""
    return members[(members.index(member) + 1) % len(members)]


def refuse_out_of_turn(adventure: Adventure, table: Table, member: Membership) -> None:
    """Raise Refused("not_your_turn") if somebody else acts now."""
    members = acting_members(adventure)
    if order_of(table, members) != Order.ROUND:
        return
    now = whose_turn(table, members, adventure)
    if now.pk != member.pk:
        raise Refused(
            "not_your_turn",
            _("It is the turn of %(name)s. What you typed is kept.") % {"name": name_of(now)},
        )


def skip(adventure: Adventure, table: Table) -> None:
    """Pass the turn to the next member, whose time begins."""
    members = acting_members(adventure)
    table.turn_of = after(whose_turn(table, members, adventure), members)
    table.turn_at = adventure.head_id
    start_clock(table)
    table.save()


def start_clock(table: Table) -> None:
    """Begin the time to act, where the table has one."""
    table.until = Now() + timedelta(seconds=table.seconds) if table.seconds else None


def turn_ended(adventure: Adventure) -> bool:
    """A turn was told: the next player's time begins. Whether the table has a clock in a round."""
    table = Table.objects.filter(adventure=adventure.pk, order=Order.ROUND).first()
    if table is None:
        return False
    table.skipped = 0
    start_clock(table)
    table.save()
    return True


# Proposals


def master_of(table: Table, members: list[Membership]) -> Membership:
    """The game master: who is named, or the owner."""
    for each in members:
        if each.pk == table.master_id:
            return each
    owners = (each for each in members if each.role == Membership.Role.OWNER)
    return next(owners, members[0])


def proposes(table: Table, members: list[Membership], member: Membership) -> bool:
    """Whether what a member sends is a proposal, and not told at once."""
    order = order_of(table, members)
    if order == Order.MASTER:
        return master_of(table, members).pk != member.pk
    return order in COLLECTING


def propose(
    adventure: Adventure, table: Table, member: Membership, kind: str, text: str
) -> Decision | None:
    """Store a member's proposal in place of an older one. What is told now, if that decides it."""
    members = acting_members(adventure)
    share = LONGEST_TEXT // len(members) - len("  ") - len(member.character)
    if table.order == Order.TOGETHER and len(text) > share:
        raise Refused(
            "bad_message",
            _("With %(count)d players each can write %(most)d characters. Shorten it.")
            % {"count": len(members), "most": share},
        )
    first = not proposals(adventure)
    Proposal.objects.filter(member=member).delete()
    Proposal.objects.create(adventure=adventure, member=member, kind=kind, text=text)
    if first and table.order != Order.MASTER:
        start_clock(table)
        table.save()
    return decided(adventure, table)


def withdraw(adventure: Adventure, member: Membership) -> None:
    """Take a member's proposal back."""
    Proposal.objects.filter(adventure=adventure, member=member).delete()


def proposals(adventure: Adventure) -> list[Proposal]:
    """The proposals of those who act, the oldest first."""
    found = Proposal.objects.filter(adventure=adventure, member__role__in=Membership.ACTING)
    return list(found.select_related("member__player"))


def proposal_of(adventure: Adventure, member_id: object) -> Proposal:
    """The proposal of a member. Raises Refused if there is none."""
    found = next((each for each in proposals(adventure) if each.member_id == member_id), None)
    if found is None:
        raise Refused("not_allowed", _("That proposal is gone."))
    return found


def vote(
    adventure: Adventure, table: Table, voter: Membership, member_id: object
) -> Decision | None:
    """Vote for a member's proposal, and for no other. What is told now, if that decides it."""
    if order_of(table, acting_members(adventure)) != Order.VOTE:
        raise Refused("not_allowed", _("There is no vote here."))
    chosen = proposal_of(adventure, member_id)
    for each in proposals(adventure):
        voters = [voting for voting in each.voters if voting != str(voter.pk)]
        if each.pk == chosen.pk:
            voters.append(str(voter.pk))
        Proposal.objects.filter(pk=each.pk).update(voters=voters)
    return decided(adventure, table)


def approve(
    adventure: Adventure, table: Table, master: Membership, member_id: object, text: str | None
) -> Decision:
    """What the game master takes of the proposals, as it stands or in other words."""
    members = acting_members(adventure)
    is_master = master_of(table, members).pk == master.pk
    if order_of(table, members) != Order.MASTER or not is_master:
        raise Refused("not_allowed", _("Only the game master can do this."))
    chosen = proposal_of(adventure, member_id)
    if text is None:
        return Decision(chosen.member, chosen.kind, chosen.text)
    return Decision(chosen.member, chosen.kind, text, writer=master)


def decided(adventure: Adventure, table: Table, *, time_is_up: bool = False) -> Decision | None:
    """What is told next, once all have written or voted, or their time is up; None before."""
    members = acting_members(adventure)
    every = proposals(adventure)
    order = order_of(table, members)
    if not every:
        return None
    if order == Order.TOGETHER and (time_is_up or len(every) == len(members)):
        return told_together(every)
    if order == Order.VOTE:
        acting = {str(each.pk) for each in members}
        votes = {each.pk: len(acting.intersection(each.voters)) for each in every}
        if time_is_up or sum(votes.values()) == len(members):
            best = max(every, key=lambda each: votes[each.pk])  # the oldest of several
            return Decision(best.member, best.kind, best.text)
    return None


def wait_no_longer(adventure: Adventure) -> None:
    """Have the sweep tell what is decided now that somebody is gone for whom the others waited."""
    table = Table.objects.filter(adventure=adventure.pk).first()
    if table is not None and decided(adventure, table) is not None:
        table.until = Now()
        table.save(update_fields=["until"])


def told_together(every: list[Proposal]) -> Decision:
    """What all wrote as one action; who wrote nothing waits. Who acts stands first."""
    written = [each for each in every if each.text]
    acting = [each for each in written if each.kind in (Kind.DO, Kind.SAY)]
    if not written:
        return Decision(every[0].member, Kind.CONTINUE, "")
    first = (acting or written)[0]
    others = [each for each in [*acting, *written] if each.pk != first.pk]
    ordered = list(dict.fromkeys([first, *others]))
    text = " ".join(shown(each.kind, each.text, each.member.character) for each in ordered)
    kind = Kind.DO if acting else Kind.STORY
    return Decision(first.member, kind, text[:LONGEST_TEXT], tuple(written))


def clear(adventure: Adventure, table: Table) -> None:
    """Forget all proposals and the clock: they were told, or the order is another one."""
    Proposal.objects.filter(adventure=adventure).delete()
    table.until = None
    if not table._state.adding:
        table.save(update_fields=["until"])
