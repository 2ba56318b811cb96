"""The page of an adventure's table, for its members, and what its owner changes there."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from game.accounts.limits import limited
from game.addresses import in_full
from game.models import Adventure, Audience, Membership, TableBlock, TableInvite
from game.moderation import limits
from game.play.changes import change_adventure
from game.play.protocol import Refused
from game.play.requests import (
    own_adventure,
    playable_adventure,
    readable_adventure,
    require_player,
)
from game.tables import invites, members, order, rules
from game.tables.forms import CharacterForm, InviteForm, MemberForm, RulesForm
from game.tables.qr import qr_svg
from game.tables.roster import acting_members, member_of, name_of

SPECTATORS_LISTED = 100


@never_cache
@require_safe
def table(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Who plays and watches; for the owner also invites and whom they blocked."""
    return table_page(request, readable_adventure(request, adventure_id))


def table_page(
    request: HttpRequest,
    found: Adventure,
    invite_form: InviteForm | None = None,
    character_form: CharacterForm | None = None,
) -> HttpResponse:
    """The table's page; with forms that have errors its status is 422."""
    member = member_of(found, require_player(request))
    assert member is not None, "the adventure was looked up as a member's"
    owner = member.role == Membership.Role.OWNER
    wrong = any(form is not None and form.errors for form in (invite_form, character_form))
    watching = Membership.objects.filter(adventure=found, role=Membership.Role.SPECTATOR)
    context: dict[str, Any] = {
        "adventure": found,
        "viewer": member,
        "owner": owner,
        "members": [(each, name_of(each)) for each in acting_members(found)],
        "spectators": watching.count(),
        "audience": Audience(limits.table_audience(found)).label,
        "character_form": character_form or CharacterForm(initial=character_of(member)),
    }
    if owner:
        context |= owners_part(request, found, invite_form)
    return render(request, "tables/table.html", context, status=422 if wrong else 200)


def owners_part(
    request: HttpRequest, found: Adventure, invite_form: InviteForm | None
) -> dict[str, Any]:
    """What only the owner sees on the table's page."""
    watching = Membership.objects.filter(adventure=found, role=Membership.Role.SPECTATOR)
    return {
        "rules_form": rules_form(found),
        "invite_form": invite_form or InviteForm(initial={"role": TableInvite.Role.PLAYER}),
        "invites": [invite_context(request, each) for each in invites.open_invites(found)],
        "watching": [(each, name_of(each)) for each in watching[:SPECTATORS_LISTED]],
        "blocks": TableBlock.objects.filter(adventure=found),
        "cards": found.cards.seen(),
        "alone": settings.ACCOUNTS == "single",
    }


def rules_form(found: Adventure, data: Any = None) -> RulesForm:
    """The form of the table's rules, as they are or as they were sent."""
    table = order.table_of(found)
    members = [(str(each.pk), name_of(each)) for each in acting_members(found)]
    initial = {
        "order": table.order,
        "seconds": table.seconds,
        "changes": table.changes,
        "master": table.master_id,
    }
    return RulesForm(data, initial=initial, members=members)


@require_POST
def set_rules(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Change the order of turns, and who may change what was told."""
    found = own_adventure(request, adventure_id)
    form = rules_form(found, request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose one of the options. Nothing was changed."))
        return redirect("table", found.pk)
    try:
        rules.set_rules(found.pk, require_player(request), form.rules)
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, _("Saved. It holds at once."))
    return redirect("table", found.pk)


def character_of(member: Membership) -> dict[str, str]:
    """A member's character, as the form has it."""
    return {"name": member.character, "description": member.description}


def invite_context(request: HttpRequest, invite: TableInvite) -> dict[str, Any]:
    """An invite with its link and the link's picture, for templates."""
    url = in_full(request, reverse("join", args=[invite.token]))
    label = _("QR code of the link with which one joins")
    return {"invite": invite, "url": url, "picture": qr_svg(url, label)}


@require_POST
def set_character(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Change the player's own character."""
    found = playable_adventure(request, adventure_id)
    form = CharacterForm(request.POST)
    if form.is_valid():
        try:
            members.set_character(found.pk, require_player(request), **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, refused.message)
    if form.errors:
        return table_page(request, found, character_form=form)
    messages.success(request, _("Saved. Takes effect with the next turn."))
    return redirect("table", found.pk)


@require_POST
@limited("invite")
def make_invite(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Make an invite. Players can be invited once the owner's character has a name."""
    found = own_adventure(request, adventure_id)
    player = require_player(request)
    form = InviteForm(request.POST)
    if form.is_valid():
        try:
            with change_adventure(found.pk, player) as adventure:
                refuse_without_name(adventure, player_role=form.terms.role)
                invites.make(adventure, form.terms)
        except Refused as refused:
            form.add_error(None, refused.message)
    if form.errors:
        return table_page(request, found, invite_form=form)
    messages.success(request, _("Invite created: the first one below."))
    return redirect("table", found.pk)


def refuse_without_name(adventure: Adventure, player_role: str) -> None:
    """Raise Refused if players are invited to an owner who has no name in the story."""
    owners = Membership.objects.filter(adventure=adventure, role=Membership.Role.OWNER)
    if player_role == TableInvite.Role.PLAYER and owners.filter(character="").exists():
        raise Refused(
            "not_allowed",
            _("First name your own character: with several players the story calls all by name."),
        )


@require_POST
def revoke_invite(request: HttpRequest, adventure_id: UUID, invite_id: UUID) -> HttpResponse:
    """Revoke an invite. Who joined with it stays."""
    found = own_adventure(request, adventure_id)
    get_object_or_404(TableInvite, adventure=found, pk=invite_id)
    with change_adventure(found.pk, require_player(request)) as adventure:
        invites.revoke(adventure, invite_id)
    messages.success(request, _("Invite revoked. Its link and code no longer work."))
    return redirect("table", found.pk)


@require_POST
def change_member(request: HttpRequest, adventure_id: UUID, member_id: UUID) -> HttpResponse:
    """Remove or block a member, change their role, make them the owner, or give them a card."""
    found = own_adventure(request, adventure_id)
    form = MemberForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose what to do with this member."))
        return redirect("table", found.pk)
    try:
        said = change_as_asked(request, found.pk, member_id, form)
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, said)
    return redirect("table", found.pk)


def change_as_asked(
    request: HttpRequest, adventure_id: UUID, member_id: UUID, form: MemberForm
) -> str:
    """Carry out what a valid form asks for. Returns what the owner reads. Raises Refused."""
    owner, does = require_player(request), form.cleaned_data["does"]
    match does:
        case "remove" | "block":
            block = does == "block"
            named = {"name": members.remove(adventure_id, owner, member_id, block=block)}
            if block:
                return _("%(name)s was blocked. All invites were revoked.") % named
            return _("%(name)s was removed. With an invite they can come back.") % named
        case "owner":
            members.hand_over(adventure_id, owner, member_id)
            return _("The adventure was handed over. You are a player now.")
        case "card":
            members.set_card(adventure_id, owner, member_id, form.cleaned_data["card"])
            return _("Saved. Takes effect with the next turn.")
        case _:
            members.set_role(adventure_id, owner, member_id, does)
            return str(_("Role changed."))


@require_POST
def unblock(request: HttpRequest, adventure_id: UUID, block_id: UUID) -> HttpResponse:
    """Let a blocked player join again."""
    found = own_adventure(request, adventure_id)
    get_object_or_404(TableBlock, adventure=found, pk=block_id)
    members.unblock(found.pk, require_player(request), block_id)
    messages.success(request, _("Unblocked. With an invite they can come back."))
    return redirect("table", found.pk)


@require_POST
def close_table(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Remove everybody but the owner, and revoke all invites."""
    found = own_adventure(request, adventure_id)
    members.close(found.pk, require_player(request))
    messages.success(request, _("Closed: you play alone. The story stays as it is."))
    return redirect("table", found.pk)


@require_POST
def leave_table(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Leave an adventure of somebody else."""
    found = readable_adventure(request, adventure_id)
    try:
        members.leave(found.pk, require_player(request))
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect("table", found.pk)
    messages.success(request, _("You left “%(title)s”.") % {"title": found.title})
    return redirect("adventures")
