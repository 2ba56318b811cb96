"""The pages with which one joins an adventure: a code to type, and an invite's link."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from game.accounts.limits import limited
from game.guests import ensure_player
from game.library.previews import paragraphs
from game.models import Adventure, Audience, Player, Status, TableBlock, TableInvite
from game.models.audience import within
from game.moderation import limits
from game.play import snapshots, tree
from game.play.changes import NoSuchAdventure
from game.play.protocol import Refused, TurnData
from game.tables import invites, members
from game.tables.forms import CharacterForm, CodeForm
from game.tables.roster import acting_members, member_of, name_of

TURNS_SHOWN = 5  # of the story so far

View = Callable[..., HttpResponseBase]


def unlisted(view: View) -> View:
    """Nobody may index or keep these pages, and their addresses, which are keys, must not leak."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    return never_cache(answer)


@unlisted
@require_http_methods(["GET", "HEAD", "POST"])
@limited("join")
def join_by_code(request: HttpRequest) -> HttpResponse:
    """Where one types the code of an invite. The right one leads to the invite's page."""
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        invite = invites.find_by_code(form.cleaned_data["code"])
        if invite is not None:
            return redirect("join", invite.token)
        form.add_error(
            "code", _("There is no open invite with this code. Check it, or ask for a new one.")
        )
    return render(request, "tables/code.html", {"form": form}, status=422 if form.errors else 200)


@unlisted
@require_http_methods(["GET", "HEAD", "POST"])
@limited("begin")  # a link cannot be guessed, and a whole room may join at once
def join(request: HttpRequest, token: str) -> HttpResponse:
    """An invite: the story so far, who plays, and the form to join; a visitor becomes a guest."""
    invite = invites.find_by_token(token)
    if invite is None:
        return render(request, "tables/invite_over.html", status=404)
    form = form_for(invite, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            member = members.join(ensure_player(request), invite, **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, refused.message)
        except NoSuchAdventure:
            return render(request, "tables/invite_over.html", status=404)
        else:
            messages.success(request, welcome(member.character))
            return redirect("adventure", member.adventure_id)
    return join_page(request, invite, form)


def form_for(invite: TableInvite, data: Any) -> CharacterForm:
    """The form to join: spectators have no character."""
    form = CharacterForm(data, label_suffix="")
    if invite.role == TableInvite.Role.SPECTATOR:
        form.fields["name"].required = False
    return form


def welcome(character: str) -> str:
    """What a new member reads first."""
    if not character:
        return _("You are watching. What happens is shown here as it is told.")
    return _("You are %(name)s now. Have fun.") % {"name": character}


def join_page(request: HttpRequest, invite: TableInvite, form: CharacterForm) -> HttpResponse:
    """The page of an open invite."""
    adventure, player = invite.adventure, request.user
    known = player if isinstance(player, Player) else None
    member = member_of(adventure, known) if known else None
    told_for = limits.table_audience(adventure)
    beyond = known is not None and told_for not in within(known.audience_limit)
    blocked = TableBlock.objects.filter(adventure=adventure, player=known).exists()
    return render(
        request,
        "tables/join.html",
        {
            "adventure": adventure,
            "invite": invite,
            "form": form,
            "viewer": member,
            "blocked": known is not None and blocked,
            "watches": invite.role == TableInvite.Role.SPECTATOR,
            "names": [name_of(each) for each in acting_members(adventure)],
            "audience": Audience(told_for).label,
            "beyond": beyond,
            "limit": Audience(known.audience_limit).label if known and beyond else "",
            "turns": [] if beyond or (known and blocked) else story_so_far(adventure),
            "words_go_to": snapshots.narrator_data(adventure)["words_go_to"],
        },
        status=422 if form.errors else 200,
    )


def story_so_far(adventure: Adventure) -> list[dict[str, Any]]:
    """The last turns that are told, oldest first, for templates."""
    assert adventure.head_id is not None, "an adventure begins with its opening"
    path = tree.turns_in_order(tree.path_ids(adventure.head_id, TURNS_SHOWN + 1))
    told = [each for each in path if each.status != Status.QUEUED][-TURNS_SHOWN:]
    return [turn_context(each) for each in snapshots.turns_data(told)]


def turn_context(turn: TurnData) -> dict[str, Any]:
    """What the template shows of a turn."""
    return {"kind": turn.kind, "shown": turn.shown, "paragraphs": paragraphs(turn.reply)}
