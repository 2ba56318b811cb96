"""The page data of the state of the world: what is known at a turn, and the player's changes."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from game.models import Adventure, Player, Turn
from game.play.edits import refuse_too_many
from game.play.protocol import Refused
from game.play.requests import (
    own_adventure,
    playable_adventure,
    refusal_response,
    require_player,
)
from game.state import edits
from game.state.worlds import current_turn, entries_at, state_at
from inference.world.folding import TRUST, Entries, Entry, people_fields, person_of


@never_cache
@require_http_methods(["GET", "POST"])
def world(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """The state at a turn (`?turn=`, or the current one) as JSON; on POST the player's changes."""
    ask = own_adventure if request.method == "POST" else playable_adventure
    found = ask(request, adventure_id)
    turn_id = asked_turn(request, found)
    if request.method != "POST":
        return JsonResponse(world_data(found, turn_id))

    def change(player: Player) -> None:
        edits.change_world(found.pk, player, edits.parse_changes(request.body), turn_id)

    return changed(request, found, turn_id, change)


@require_POST
def unlock(request: HttpRequest, adventure_id: UUID) -> HttpResponse:
    """Forget what the player set of the entries that the JSON names; the new state as JSON."""
    found = own_adventure(request, adventure_id)
    turn_id = asked_turn(request, found)

    def change(player: Player) -> None:
        edits.unlock(found.pk, player, edits.parse_keys(request.body), turn_id)

    return changed(request, found, turn_id, change)


def changed(
    request: HttpRequest,
    adventure: Adventure,
    turn_id: UUID | None,
    change: Callable[[Player], None],
) -> HttpResponse:
    """Change the state, and answer with the new one, or with what is wrong."""
    player = require_player(request)
    try:
        refuse_too_many(player)  # before anything is parsed
        change(player)
    except edits.WorldError as problem:
        return JsonResponse({"message": str(problem)}, status=422)
    except Refused as refused:
        return refusal_response(refused)
    adventure.refresh_from_db()
    return JsonResponse(world_data(adventure, turn_id))


def asked_turn(request: HttpRequest, adventure: Adventure) -> UUID | None:
    """The turn in `?turn=`; None without it. Raises Http404 if it is not in the adventure."""
    asked = request.GET.get("turn", "")
    if not asked:
        return None
    try:
        turn_id = UUID(asked)
    except ValueError:
        raise Http404("That is no turn.") from None
    if not adventure.turns.filter(pk=turn_id).exists():
        raise Http404("That turn is not in this adventure.")
    return turn_id


def world_data(adventure: Adventure, turn_id: UUID | None = None) -> dict[str, Any]:
    """The state after a turn (None: the current one) for pages, without hidden entries."""
    turn = current_turn(adventure) if turn_id is None else Turn.objects.get(pk=turn_id)
    state = state_at(turn.pk)
    before = visible(entries_at(turn.parent_id)) if turn.parent_id else {}
    now = visible(state.entries)
    parts: dict[str, list[dict[str, Any]]] = {
        part: [
            {**values_of(entry), **origin_of([entry], before)}
            for entry in now.values()
            if entry.part == part
        ]
        for part in ("place", "time", "thing", "aim", "fact")
    }
    return {
        "version": adventure.version,
        "turn": str(turn.pk),
        "number": state.number,
        "place": next(iter(parts["place"]), None),
        "time": next(iter(parts["time"]), None),
        "people": [
            {**person_of(fields).model_dump(), **origin_of(list(fields.values()), before)}
            for fields in people_fields(now.values()).values()
        ],
        "things": parts["thing"],
        "aims": parts["aim"],
        "facts": parts["fact"],
    }


def visible(entries: Entries) -> Entries:
    """The entries that players see."""
    return {key: entry for key, entry in entries.items() if entry.value and not entry.hidden}


def values_of(entry: Entry) -> dict[str, str]:
    """What an entry of one value says."""
    if entry.part == "thing":
        return {"name": entry.name, "held": entry.value}
    if entry.part in ("aim", "fact"):
        return {"text": entry.name}
    return {"value": entry.value}


def origin_of(entries: list[Entry], before: Entries) -> dict[str, Any]:
    """Where the values of one place, person or thing are from: the newest of them.

    `fields` has that of each value where there are several.
    """
    newest = max(entries, key=lambda entry: (entry.number, TRUST[entry.source]))
    origin = {
        "turn": newest.turn,
        "number": newest.number,
        "source": newest.source,
        "sentence": newest.sentence,
        "locked": any(entry.locked for entry in entries),
        "changed": any(is_changed(entry, before) for entry in entries),
    }
    if newest.part == "person":
        origin["fields"] = {
            entry.field: {
                "turn": entry.turn,
                "number": entry.number,
                "source": entry.source,
                "sentence": entry.sentence,
                "locked": entry.locked,
                "changed": is_changed(entry, before),
            }
            for entry in entries
        }
    return origin


def is_changed(entry: Entry, before: Entries) -> bool:
    """Whether the state before the turn did not say this yet."""
    known = before.get(entry.key)
    return known is None or known.value != entry.value
