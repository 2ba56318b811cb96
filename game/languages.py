"""The language of a socket, and messages of workers to translate."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import get_language_from_request, gettext, gettext_noop

# Workers do not use Django, so their messages are translated where they are shown.
SAID_BY_WORKERS = (
    gettext_noop("The narrator gave no answer. Try again, or rephrase your action."),
)


def language_of(scope: dict[str, Any]) -> str:
    """The language code of the page that opened this socket, from its cookies and headers."""
    request = HttpRequest()
    request.COOKIES = scope.get("cookies", {})
    headers = dict(scope.get("headers", []))
    request.META["HTTP_ACCEPT_LANGUAGE"] = headers.get(b"accept-language", b"").decode("latin-1")
    return get_language_from_request(request)


def translated(event: dict[str, Any]) -> dict[str, Any]:
    """An event or a turn, its `reason` translated to the active language."""
    if reason := event.get("reason"):
        event = {**event, "reason": gettext(reason)}
    turn = event.get("turn")
    if isinstance(turn, dict) and turn.get("reason"):
        event = {**event, "turn": translated(turn)}
    if "turns" in event:
        event = {**event, "turns": [translated(each) for each in event["turns"]]}
    return event
