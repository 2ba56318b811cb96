"""Changes who is a member of an adventure, in which role and as which character.

Each change locks the adventure's row. Sockets of those who lose their membership are closed by
`game.play.session_checks` within seconds, and their pages are not found from then on.
"""

from uuid import UUID

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from game.models import (
    Adventure,
    Membership,
    Player,
    StoryCard,
    TableBlock,
    TableInvite,
    TrainingConsent,
)
from game.moderation import limits, screening
from game.play.changes import change_adventure
from game.play.protocol import Refused
from game.tables import invites, order
from game.tables.characters import clean_description, clean_name, refuse_taken
from game.tables.roster import member_of, name_of
from game.tables.state import publish_table

MOST_PLAYERS = 12  # who act in one adventure, its owner among them
MOST_SPECTATORS = 5_000

Role = Membership.Role


# Joining and leaving


@screening.record_rejections()
def join(player: Player, invite: TableInvite, name: str, description: str = "") -> Membership:
    """Make the player a member as the invite says; who is one already keeps the better role.

    Raises Refused, in which case the invite is not used, and NoSuchAdventure.
    """
    with change_adventure(invite.adventure_id) as adventure:
        if TableBlock.objects.filter(adventure=adventure, player=player).exists():
            raise Refused("not_allowed", _("You cannot join this adventure."))
        member = member_of(adventure, player)
        if member is not None and (member.role in Membership.ACTING or member.role == invite.role):
            return member
        invites.use(invite)
        if invite.role == Role.SPECTATOR:
            return watch(adventure, player)
        return play(adventure, player, member, name, description)


def watch(adventure: Adventure, player: Player) -> Membership:
    """Make the player a spectator. Raises Refused beyond their own content limit."""
    limits.refuse_beyond(player, limits.table_audience(adventure))
    watching = Membership.objects.filter(adventure=adventure, role=Role.SPECTATOR).count()
    if watching >= MOST_SPECTATORS:
        raise Refused("full", _("This adventure has as many spectators as it can have."))
    return Membership.objects.create(adventure=adventure, player=player, role=Role.SPECTATOR)


def play(
    adventure: Adventure, player: Player, member: Membership | None, name: str, description: str
) -> Membership:
    """Make the player, who may be a spectator already, a player. Raises Refused."""
    refuse_when_full(adventure)
    member = member or Membership(adventure=adventure, player=player)
    member.role = Role.PLAYER
    give_character(adventure, member, name, description)
    publish_table(adventure)
    return member


def refuse_when_full(adventure: Adventure) -> None:
    """Raise Refused if the adventure has as many players as it can have."""
    acting = Membership.objects.filter(adventure=adventure, role__in=Membership.ACTING)
    if acting.count() >= MOST_PLAYERS:
        raise Refused(
            "full",
            _("This adventure has %(most)d players, the maximum.") % {"most": MOST_PLAYERS},
        )


def give_character(adventure: Adventure, member: Membership, name: str, description: str) -> None:
    """Store the name and description of a member's character. Raises Refused."""
    name, description = clean_name(name), clean_description(description)
    refuse_taken(adventure, name, member)
    screening.screen([name, description], "character", member.player, adventure)
    member.character, member.description = name, description
    member.save()


@screening.record_rejections()
def set_character(adventure_id: UUID, player: Player, name: str, description: str) -> None:
    """Change the player's own character. Raises Refused."""
    with change_adventure(adventure_id, player, member=True) as adventure:
        give_character(adventure, acting_member(adventure, player), name, description)
        publish_table(adventure)


def leave(adventure_id: UUID, player: Player) -> None:
    """End the player's own membership. Raises Refused for the owner."""
    with change_adventure(adventure_id, player, member=True) as adventure:
        member = member_of(adventure, player)
        if member is None:
            return
        if member.role == Role.OWNER:
            raise Refused(
                "not_allowed",
                _("You own this adventure. Hand it over to a player before you leave it."),
            )
        end_membership(adventure, member)


def end_membership(adventure: Adventure, member: Membership) -> None:
    """Delete a membership; the story keeps what its player wrote."""
    acted = member.role in Membership.ACTING
    member.delete()
    if acted:  # a spectator who goes changes nothing for a thousand others
        order.wait_no_longer(adventure)
        publish_table(adventure)


def acting_member(adventure: Adventure, player: Player) -> Membership:
    """The player's membership, if they act in the adventure. Raises Refused for spectators."""
    member = member_of(adventure, player)
    if member is None or member.role not in Membership.ACTING:
        raise only_watching()
    return member


def only_watching() -> Refused:
    """What a spectator is told who tries to act."""
    return Refused("not_allowed", _("You are watching this adventure. Only players can do this."))


# What its owner does


def remove(adventure_id: UUID, owner: Player, member_id: UUID, *, block: bool = False) -> str:
    """Remove a member; with `block` they cannot come back. Returns their name. Raises Refused.

    Blocking revokes all invites too: a guest could come back as another guest.
    """
    with change_adventure(adventure_id, owner) as adventure:
        member = other_member(adventure, member_id)
        name = name_of(member)
        if block:
            TableBlock.objects.get_or_create(
                adventure=adventure, player=member.player, defaults={"character": member.character}
            )
            invites.revoke(adventure)
        end_membership(adventure, member)
        return name


def unblock(adventure_id: UUID, owner: Player, block_id: UUID) -> None:
    """Let a blocked player come back, if somebody invites them."""
    with change_adventure(adventure_id, owner) as adventure:
        TableBlock.objects.filter(adventure=adventure, pk=block_id).delete()


@screening.record_rejections()
def set_role(adventure_id: UUID, owner: Player, member_id: UUID, role: str) -> None:
    """Make a player a spectator, or a spectator a player. Raises Refused.

    A spectator without a name is a player once they chose one, so they get a number until then.
    """
    with change_adventure(adventure_id, owner) as adventure:
        member = other_member(adventure, member_id)
        if role not in TableInvite.Role.values:
            raise Refused("bad_message", _("Choose one of the roles."))
        if role == member.role:
            return
        if role == Role.PLAYER:
            refuse_when_full(adventure)
            member.character = member.character or unused_name(adventure)
            refuse_taken(adventure, member.character, member)
        member.role = role
        member.save()
        order.wait_no_longer(adventure)
        publish_table(adventure)


def unused_name(adventure: Adventure) -> str:
    """A name for a player who has chosen none."""
    acting = Membership.objects.filter(adventure=adventure, role__in=Membership.ACTING)
    names = set(acting.values_list("character", flat=True))
    numbered = (_("Player %(number)d") % {"number": each} for each in range(2, MOST_PLAYERS + 2))
    return next(each for each in numbered if each not in names)


def set_card(adventure_id: UUID, owner: Player, member_id: UUID, card_id: UUID | None) -> None:
    """Give a member the card of their character, which they can read, or none. Raises Refused."""
    with change_adventure(adventure_id, owner) as adventure:
        member = Membership.objects.filter(adventure=adventure, pk=member_id).first()
        cards = StoryCard.objects.filter(adventure=adventure).seen()
        if member is None or (card_id is not None and not cards.filter(pk=card_id).exists()):
            raise Refused("bad_message", _("There is no such card or member."))
        member.card_id = card_id
        member.save(update_fields=["card"])


def hand_over(adventure_id: UUID, owner: Player, member_id: UUID) -> None:
    """Make a player the owner, and the owner a player. Raises Refused."""
    with change_adventure(adventure_id, owner) as adventure:
        member = other_member(adventure, member_id)
        if member.role != Role.PLAYER:
            raise Refused("not_allowed", _("Only a player can become the owner."))
        make_owner(adventure, member)
        publish_table(adventure)


def make_owner(adventure: Adventure, member: Membership) -> None:
    """Make a member the owner. A consent to training was the former owner's, and ends."""
    Membership.objects.filter(adventure=adventure, role=Role.OWNER).update(role=Role.PLAYER)
    Membership.objects.filter(pk=member.pk).update(role=Role.OWNER)
    TrainingConsent.objects.filter(adventure=adventure).delete()


def close(adventure_id: UUID, owner: Player) -> int:
    """Remove all other members and revoke all invites. Returns how many members there were."""
    with change_adventure(adventure_id, owner) as adventure:
        invites.revoke(adventure)
        others = Membership.objects.filter(adventure=adventure).exclude(player=owner)
        count, _by_model = others.delete()
        publish_table(adventure)
        return count


def other_member(adventure: Adventure, member_id: UUID) -> Membership:
    """A member who is not the owner. Raises Refused if there is none with this id."""
    found = Membership.objects.filter(adventure=adventure, pk=member_id).select_related("player")
    member = found.exclude(role=Role.OWNER).first()
    if member is None:
        raise Refused("bad_message", _("There is no such member. They may have left already."))
    return member


# When an account is deleted or merged


def leave_for_good(adventure: Adventure, player: Player) -> None:
    """End the membership of a player whose account is deleted; somebody else owns it then.

    The adventure is locked, and another player was in it just before.
    """
    member = member_of(adventure, player)
    if member is None:
        return
    was_owner = member.role == Role.OWNER
    member.delete()
    if was_owner and not Membership.objects.filter(adventure=adventure, role=Role.OWNER).exists():
        heir = Membership.objects.filter(adventure=adventure, role=Role.PLAYER).first()
        if heir is not None:
            make_owner(adventure, heir)
        else:  # they have just left, too: it is purged as if its owner had deleted it
            Adventure.objects.filter(pk=adventure.pk).update(deleted=Now())
    order.wait_no_longer(adventure)
    publish_table(adventure)
