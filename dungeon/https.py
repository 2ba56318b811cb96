"""What an answer promises only where the page came over https.

A house may be reached both ways: over https from outside, and over plain http from the host's own
network. Django's SESSION_COOKIE_SECURE and SECURE_CROSS_ORIGIN_OPENER_POLICY are one answer for
all requests; over plain http the first loses the session and the second is an error in the
browser's console on every page.
"""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin


class HttpsMiddleware(MiddlewareMixin):
    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if request.is_secure():
            for cookie in response.cookies.values():
                cookie["secure"] = True
            response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        return response
