"""Turns refusals that a view did not catch into a page with the reason, not an error 500."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from game.library.limits import LimitMet
from game.play.protocol import Refused


class RefusalMiddleware:
    """Answers 422 with the reason to a Refused or LimitMet that a view did not catch."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, problem: Exception) -> HttpResponse | None:
        """The reason as JSON or as a page; None for any other exception."""
        if not isinstance(problem, Refused | LimitMet):
            return None
        message = problem.message if isinstance(problem, Refused) else str(problem)
        if request.headers.get("Accept") == "application/json":
            return JsonResponse({"message": message}, status=422)
        return render(request, "refused.html", {"message": message}, status=422)
