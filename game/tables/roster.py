"""Who is a member of an adventure, and by which name.

It names characters, never accounts: who plays with others stays as unknown as they wish.
"""

from django.utils.translation import gettext as _

from game.models import Adventure, Membership, Player
from game.play.protocol import MemberData, Viewer


def acting_members(adventure: Adventure) -> list[Membership]:
    """The owner and the players of an adventure, in the order in which they joined."""
    return list(
        Membership.objects.filter(
            adventure=adventure.pk, role__in=Membership.ACTING
        ).select_related("player")
    )


def member_of(adventure: Adventure, player: Player) -> Membership | None:
    """The player's membership of an adventure; None for who has none."""
    return Membership.objects.filter(adventure=adventure.pk, player=player.pk).first()


def character_of(adventure: Adventure, player: Player) -> str:
    """How the story calls who acts now: "" while one plays alone, who is "you"."""
    members = acting_members(adventure)
    if len(members) < 2:
        return ""
    return next((each.character for each in members if each.player_id == player.pk), "")


def name_of(member: Membership) -> str:
    """The name by which others know a member: their character's, or their role's."""
    return member.character or str(Membership.Role(member.role).label)


def members_data(members: list[Membership]) -> list[MemberData]:
    """Members for pages."""
    return [
        MemberData(
            id=str(each.pk),
            name=name_of(each),
            role=each.role,  # type: ignore[arg-type]
            description=each.description,
        )
        for each in members
    ]


def viewer_data(member: Membership) -> Viewer:
    """Who a page's own player is at the table."""
    return Viewer(
        member=str(member.pk),
        role=member.role,  # type: ignore[arg-type]
        name=member.character,
    )


def somebody() -> str:
    """What stands in place of a name that is gone."""
    return _("Somebody")
