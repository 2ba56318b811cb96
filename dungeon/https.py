"""What every answer promises, and what it promises only where the page came over https.

A host may be reached both ways: over https from outside, and over plain http from the host's own
network. Django's SESSION_COOKIE_SECURE and SECURE_CROSS_ORIGIN_OPENER_POLICY are one answer for
all requests; over plain http the first loses the session and the second is an error in the
browser's console on every page.
"""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

# What no page here asks a browser for, nor anything that gets into one.
PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope"),
        *("hid", "magnetometer", "microphone", "midi", "payment", "serial", "usb"),
    )
)
# A year. Not for names below ours: what else runs there is not ours to say.
STRICT_TRANSPORT = "max-age=31536000"


class HttpsMiddleware(MiddlewareMixin):
    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", PERMISSIONS)
        if request.is_secure():
            response.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
            for cookie in response.cookies.values():
                cookie["secure"] = True
            response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        return response
