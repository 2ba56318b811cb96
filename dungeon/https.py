"""What every answer promises, and what it promises only where the page came over https.

A host may be reached both ways: over https from outside, and over plain http from the host's own
network. Django's SESSION_COOKIE_SECURE and SECURE_CROSS_ORIGIN_OPENER_POLICY are one answer for
all requests; over plain http the first loses the session and the second is an error in the
browser's console on every page.
"""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

# Browser features that no page here uses, so that nothing injected into a page can use them.
PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope"),
        *("hid", "magnetometer", "microphone", "midi", "payment", "serial", "usb"),
    )
)
# A year, in seconds. Without includeSubDomains: other services may run on subdomains.
STRICT_TRANSPORT = "max-age=31536000"


class HttpsMiddleware(MiddlewareMixin):
    """Adds security headers to every response, and those for https to responses over https."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Set headers that the response does not have yet; over https cookies become secure."""
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        if request.is_secure():
            response.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
            for cookie in response.cookies.values():
                cookie["secure"] = True
            response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        return response
