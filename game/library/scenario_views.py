"""The home page, and pages for finding, reading, beginning and rating scenarios."""

from collections import Counter

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F, FloatField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from game.accounts.limits import limited
from game.addresses import in_full
from game.guests import ensure_player
from game.library import ratings
from game.library.placeholders import FilledPlaceholders, fill_placeholders
from game.library.previews import display_name, paragraphs, preview_of
from game.models import Adventure, ImportedStory, Player, Scenario
from game.play import adventures, narration, search
from game.play.forms import BeginForm
from game.play.protocol import Refused

FEATURED = 8
OTHERS = 4
SCENARIOS_PER_PAGE = 24
TAGS_SHOWN = 24
OWN_BEGINNING = "your-own-beginning"

SORTS = {
    "featured": gettext_lazy("Featured"),
    "newest": gettext_lazy("Newest"),
    "played": gettext_lazy("Most played"),
    "rated": gettext_lazy("Best rated"),
}
# Bayesian average: scenarios are sorted as if this many more players had given three stars.
PRIOR_RATINGS = 3.0


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The home page: the latest adventure first, then others, then scenarios to begin."""
    theirs = Adventure.objects.readable_by(request.user).filter(archived=False)
    mine = [preview_of(each) for each in with_preview_fields(theirs)[: OTHERS + 1]]
    public = Scenario.objects.public()
    count = public.count()
    return render(
        request,
        "home.html",
        {
            "latest": mine[0] if mine else None,
            "others": mine[1:],
            "scenarios": public.select_related("author")[:FEATURED],
            "count": count,
            "more": count > FEATURED,
            "own": public.filter(slug=OWN_BEGINNING).first(),
        },
    )


def with_preview_fields(found: QuerySet[Adventure]) -> QuerySet[Adventure]:
    """Load with each adventure what its preview shows, and defer long texts that it does not."""
    long = ("memory", "authors_note", "first_actions")
    own = ImportedStory.objects.filter(adventure=OuterRef("pk"), added=False)
    found = found.annotate(imported_from=Subquery(own.values("source")[:1]))
    return found.select_related("head__parent", "scenario").defer(
        *long,
        *(
            f"scenario__{name}"
            for name in (*long, "opening", "more_openings", "placeholders", "previous")
        ),
    )


@never_cache
@require_safe
def scenarios(request: HttpRequest) -> HttpResponse:
    """The public scenarios, searched with `?q=` and `?tag=`, sorted by `?sort=`."""
    q = " ".join(request.GET.get("q", "").replace("\0", "").split())[:100]
    tag = request.GET.get("tag", "").replace("\0", "").strip()[:60]
    sort = request.GET.get("sort", "")
    sort = sort if sort in SORTS else "featured"
    public = Scenario.objects.public()
    found = searched(public, q)
    if tag:
        found = found.filter(tags__contains=[tag])
    found = sorted_by(found.select_related("author"), sort)
    page = Paginator(found, SCENARIOS_PER_PAGE).get_page(request.GET.get("page"))
    for each in page.object_list if q else []:
        vars(each)["passage"] = passage_of(each, q)  # for the template
    return render(
        request,
        "scenarios/list.html",
        {
            "here": "scenarios",
            "scenarios": page.object_list,
            "page": page,
            "q": q,
            "tag": tag,
            "sort": sort,
            "sorts": SORTS,
            "tags": tags_worth_a_link(public, tag),
            "own": public.filter(slug=OWN_BEGINNING).first(),
        },
    )


def searched(among: QuerySet[Scenario], q: str) -> QuerySet[Scenario]:
    """Scenarios with every word of `q` in title, tagline, opening or tags."""
    for word in q.split():
        among = among.filter(
            Q(title__icontains=word)
            | Q(tempt__icontains=word)
            | Q(opening__icontains=word)
            | Q(tags__contains=[word.lower()])
        )
    return among


def passage_of(scenario: Scenario, q: str) -> search.Passage | None:
    """The part of the opening that matches `q`; None if title, tagline and tags have all words."""
    seen = " ".join([scenario.title, scenario.tempt, *scenario.tags]).casefold()
    if all(word.casefold() in seen for word in q.split()):
        return None
    answers = {each["name"]: each["default"] for each in scenario.placeholders}
    missing = [word for word in q.split() if word.casefold() not in seen]
    return search.passage(fill_placeholders(scenario.opening, answers), [q, *missing])


def sorted_by(found: QuerySet[Scenario], sort: str) -> QuerySet[Scenario]:
    """The scenarios in one of the orders of SORTS; "rated" uses a Bayesian average."""
    match sort:
        case "newest":
            return found.order_by("-created", "slug")
        case "played":
            return found.order_by("-begun_by", "rank", "title", "slug")
        case "rated":
            mean = (Cast("stars", FloatField()) + PRIOR_RATINGS * 3) / (
                F("rated_by") + PRIOR_RATINGS
            )
            return found.order_by(mean.desc(), "-rated_by", "rank", "title", "slug")
    return found.order_by("rank", "title", "slug")


def tags_worth_a_link(public: QuerySet[Scenario], chosen: str) -> list[str]:
    """Tags of more than one scenario, most frequent first, and the chosen one in any case."""
    counted = Counter(tag for tags in public.values_list("tags", flat=True) for tag in tags)
    shared = [tag for tag, times in counted.most_common(TAGS_SHOWN) if times > 1]
    return shared if not chosen or chosen in shared else [chosen, *shared]


@never_cache
@require_safe
def scenario(request: HttpRequest, slug: str) -> HttpResponse:
    """The page of a scenario, with the form that begins an adventure."""
    found = readable(request, slug)
    return scenario_page(request, found, BeginForm(found))


def readable(request: HttpRequest, slug: str) -> Scenario:
    """The scenario, if the player or visitor may read it. Raises Http404."""
    every = Scenario.objects.readable_by(request.user).select_related("author")
    return get_object_or_404(every, slug=slug)


def scenario_page(
    request: HttpRequest, found: Scenario, form: BeginForm, status: int = 200
) -> HttpResponse:
    """Render a scenario's page with the form, bound or not."""
    # An opening that the player writes is asked for in the form, not shown above it.
    by_the_player = found.opening.strip().startswith("${")
    opening = "" if by_the_player else FilledPlaceholders(found, {}).text(found.opening)
    player = request.user if isinstance(request.user, Player) else None
    mine = player is not None and found.author_id == player.pk
    return render(
        request,
        "scenarios/detail.html",
        {
            "scenario": found,
            "form": form,
            "opening": paragraphs(opening),
            "leads_to": linked_scenarios(request, found),
            "words_go_to": narration.hosts_for_new_adventures(),
            "author": display_name(found.author),
            "mine": mine,
            "may_rate": player is not None and ratings.may_rate(player, found),
            "my_rating": player and ratings.rating_of(player, found),
            "stars": [1, 2, 3, 4, 5],
            "address": in_full(request, request.path),
        },
        status=status,
    )


def linked_scenarios(request: HttpRequest, found: Scenario) -> list[Scenario]:
    """The scenarios that this one leads to and that may be read, in its order."""
    if not found.leads_to:
        return []
    every = Scenario.objects.readable_by(request.user).in_bulk(found.leads_to)
    return [every[slug] for slug in found.leads_to if slug in every]


@require_POST
@limited("begin")
def begin(request: HttpRequest, slug: str) -> HttpResponse:
    """Begin an adventure from a scenario (POST); a visitor becomes a guest."""
    found = readable(request, slug)
    form = BeginForm(found, request.POST)
    if not form.is_valid():
        return scenario_page(request, found, form, status=422)
    try:
        adventure = adventures.begin(
            ensure_player(request), found, form.answers, form.opening_number
        )
    except Refused as refused:
        form.add_error(None, refused.message)
        return scenario_page(request, found, form, status=422)
    return redirect("adventure", adventure.pk)


class RatingForm(forms.Form):
    """A rating of 1 to 5; empty deletes it."""

    rating = forms.IntegerField(min_value=1, max_value=5, required=False)


@require_POST
def rate(request: HttpRequest, slug: str) -> HttpResponse:
    """Rate a scenario, or delete the rating if it is empty."""
    found = readable(request, slug)
    form = RatingForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("A rating is 1 to 5 stars. Your rating was not changed."))
        return redirect("scenario", slug)
    if not isinstance(request.user, Player):
        messages.error(request, _("Play it before you rate it."))
        return redirect("scenario", slug)
    rating = form.cleaned_data["rating"]
    try:
        ratings.rate(request.user, found, rating)
    except ratings.MayNotRate:
        messages.error(request, _("Play it before you rate it."))
    else:
        messages.success(request, rating_message(request.user, rating))
    return redirect("scenario", slug)


def rating_message(player: Player, rating: int | None) -> str:
    """What the player reads after rating."""
    if rating is None:
        return _("Rating removed.")
    if player.is_guest:
        return _("Rating saved. It counts once you have signed up.")
    return _("Rating saved. You can change it at any time.")
