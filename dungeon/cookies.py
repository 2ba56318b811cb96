"""Cookies that are Secure where the page came over https, and work over plain http elsewhere.

Django's SESSION_COOKIE_SECURE is one answer for all requests, but a house may be reached both
ways: over https from outside, and over plain http from the host's own network.
"""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin


class SecureCookiesMiddleware(MiddlewareMixin):
    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if request.is_secure():
            for cookie in response.cookies.values():
                cookie["secure"] = True
        return response
