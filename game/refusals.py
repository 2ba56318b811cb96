"""Refusals that a view forgot to catch become a page with the reason, and no error."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from game.library.limits import LimitMet
from game.play.protocol import Refused


class RefusalMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, problem: Exception) -> HttpResponse | None:
        if not isinstance(problem, Refused | LimitMet):
            return None
        message = problem.message if isinstance(problem, Refused) else str(problem)
        if request.headers.get("Accept") == "application/json":
            return JsonResponse({"message": message}, status=422)
        return render(request, "refused.html", {"message": message}, status=422)
