"""The language of a socket, and what other rooms say in English, for the translators."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import get_language_from_request, gettext, gettext_noop

# A worker knows no Django. What it says of a turn that failed is translated where it is shown.
SAID_BY_WORKERS = (
    gettext_noop("The narrator gave no answer. Try again, or rephrase your action."),
)


def language_of(scope: dict[str, Any]) -> str:
    """The language that the page of this socket was asked for in."""
    request = HttpRequest()
    request.COOKIES = scope.get("cookies", {})
    headers = dict(scope.get("headers", []))
    request.META["HTTP_ACCEPT_LANGUAGE"] = headers.get(b"accept-language", b"").decode("latin-1")
    return get_language_from_request(request)


def translated(event: dict[str, Any]) -> dict[str, Any]:
    """An event, or a turn, with the reasons that it gives in the language of this socket."""
    if reason := event.get("reason"):
        event = {**event, "reason": gettext(reason)}
    turn = event.get("turn")
    if isinstance(turn, dict) and turn.get("reason"):
        event = {**event, "turn": translated(turn)}
    if "turns" in event:
        event = {**event, "turns": [translated(each) for each in event["turns"]]}
    return event
