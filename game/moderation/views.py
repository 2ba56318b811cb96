"""Players' pages of moderation: policy, notices, appeals, audience limits and reports."""

from collections.abc import Mapping
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from game.accounts.limits import address_of, limited
from game.models import Audience, Notice, Report, Scenario, Share, Turn
from game.moderation import appeals, limits, reports
from game.moderation.forms import AppealForm, LimitForm, ReportForm
from game.moderation.notices import mark_seen, notices_of
from game.moderation.reports import Complaint, ReportRefused
from game.moderation.rulebook import rulebook
from game.play import adventures
from game.play.protocol import Refused
from game.play.requests import own_adventure, require_player


@require_safe
def policy(request: HttpRequest) -> HttpResponse:
    """The host's rules, who can read what, and what moderators can do."""
    book = rulebook()
    rules = {rule.title: rule for rule in book.rules if not rule.shadow}
    return render(
        request,
        "moderation/policy.html",
        {
            "rules": list(rules.values()),
            "shadow": book.shadow,
            "queues": any(rule.severity == "queue" for rule in book.rules),
            "audiences": Audience,
        },
    )


@never_cache
@require_safe
def notices(request: HttpRequest) -> HttpResponse:
    """The player's notices, newest first; they count as seen from now on."""
    player = require_player(request)
    found = list(notices_of(player))
    mark_seen(player)
    return render(
        request,
        "moderation/notices.html",
        {
            "notices": [(each, form_for(each)) for each in found],
            "limit_form": LimitForm(initial={"audience": player.audience_limit}),
        },
    )


def form_for(notice: Notice) -> AppealForm | None:
    """The form for appealing a notice; None if that is not possible."""
    if notice.deed not in appeals.APPEALABLE or hasattr(notice, "appeal"):
        return None
    return AppealForm(label_suffix="", prefix=str(notice.pk))


@require_POST
def appeal(request: HttpRequest, notice_id: UUID) -> HttpResponse:
    """File the player's appeal of a notice."""
    notice = get_object_or_404(Notice, pk=notice_id, player=require_player(request))
    form = AppealForm(request.POST, prefix=str(notice.pk))
    try:
        appeals.file_appeal(notice, form.cleaned_data["text"] if form.is_valid() else "")
    except appeals.AppealRefused as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, _("Appeal sent. The answer will appear here."))
    return redirect("notices")


@require_POST
def limit(request: HttpRequest) -> HttpResponse:
    """Set the player's own limit."""
    form = LimitForm(request.POST)
    if form.is_valid():
        limits.set_limit(require_player(request), form.cleaned_data["audience"])
        messages.success(
            request, _("Saved. It applies from the next turn on, in all your adventures.")
        )
    else:
        messages.error(request, _("Choose one of the three options."))
    return redirect("notices")


@require_POST
def audience(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Set an adventure's audience, from the next turn on."""
    found = own_adventure(request, adventure_id)
    form = LimitForm(request.POST)
    try:
        if not form.is_valid():
            raise Refused("bad_message", _("Choose one of the three options."))
        adventures.set_audience(found.pk, require_player(request), form.cleaned_data["audience"])
    except Refused as refused:
        messages.error(request, refused.message)
    return redirect("adventure", found.pk)


# Reports


@never_cache
@limited("report")
def report_scenario(request: HttpRequest, slug: str) -> HttpResponse:
    """Report a scenario to the moderators."""
    found = get_object_or_404(Scenario.objects.readable_by(request.user), slug=slug)
    form = ReportForm(None, request.POST if request.method == "POST" else None)
    about = {"title": found.title, "scenario": found}
    if request.method != "POST" or not form.is_valid():
        return report_page(request, form, about)
    try:
        reports.report_scenario(reader_of(request), found, complaint_of(form))
    except ReportRefused as problem:
        return report_refused(request, form, about, str(problem))
    return report_accepted(request)


@never_cache
@limited("report")
def report_turn(request: HttpRequest, token: str, turn_id: UUID) -> HttpResponse:
    """Report a turn of a shared story to the moderators."""
    share = get_object_or_404(
        Share.objects.readable_by(request.user).select_related("player", "texts"), token=token
    )
    turn = reports.turn_in_share(share, turn_id)
    if turn is None:
        raise Http404("That turn is not in this adventure.")
    form = ReportForm(turn, request.POST if request.method == "POST" else None)
    about = {"title": share.texts.title, "turn": turn_texts(turn)}
    if request.method != "POST" or not form.is_valid():
        return report_page(request, form, about)
    try:
        reports.report_turn(reader_of(request), share, turn, complaint_of(form))
    except ReportRefused as problem:
        return report_refused(request, form, about, str(problem))
    return report_accepted(request)


def turn_texts(turn: Turn) -> dict[str, str]:
    """A turn's texts, for the page of a report."""
    return {"action": turn.action, "reply": turn.reply}


def reader_of(request: HttpRequest) -> reports.Reader:
    """The reader of a request, by account or address."""
    return reports.reader_of(request.user, address_of(request) or "")


def complaint_of(form: ReportForm) -> Complaint:
    """The complaint in a valid form."""
    data = form.cleaned_data
    return Complaint(Report.Kind(data["kind"]), data["reason"], form.chosen_words)


def report_page(
    request: HttpRequest, form: ReportForm, about: Mapping[str, object]
) -> HttpResponse:
    """The page of a report, with what is reported."""
    status = 422 if form.errors else 200
    return render(request, "moderation/report.html", {"form": form, **about}, status=status)


def report_refused(
    request: HttpRequest, form: ReportForm, about: Mapping[str, object], why: str
) -> HttpResponse:
    """The page again, with why the report was not accepted."""
    form.add_error(None, why)
    return report_page(request, form, about)


def report_accepted(request: HttpRequest) -> HttpResponse:
    """The answer to a report that was accepted."""
    messages.success(request, _("Report sent. A moderator will look at it."))
    return redirect("home")
