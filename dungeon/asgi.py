"""HTTP goes to Django, sockets to the game."""

import os
from typing import Any
from urllib.parse import urlsplit

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import OriginValidator, WebsocketDenier

from dungeon import hosts, tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dungeon.settings")
http = hosts.get_application()
tracing.begin("web")

# Models may be imported only once Django is set up, which get_application did.
from django.conf import settings  # noqa: E402
from django.urls import Resolver404, resolve  # noqa: E402

from game.routing import websocket_urlpatterns  # noqa: E402


class OurOrigins(OriginValidator):
    """Full origins: patterns of hosts alone ignore scheme and port."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        headers = scope.get("headers", [])
        try:
            origin = urlsplit(dict(headers).get(b"origin", b"").decode("latin1"))
            same = hosts.is_same_private_origin(origin, headers)
        except ValueError:  # brackets that do not close, which channels would let through to here
            return await WebsocketDenier()(scope, receive, send)
        if same:
            return await self.application(scope, receive, send)
        return await super().__call__(scope, receive, send)

    def valid_origin(self, parsed_origin: Any) -> bool:
        try:
            return bool(super().valid_origin(parsed_origin))
        except ValueError:  # a port that is no number: channels lets it through to here
            return False


class Straight:
    """Hands on the server's own `send`, for frames that no middleware has to see.

    The session's would look at each whether there is something to save, which only HTTP can do.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await self.app({**scope, "straight": send}, receive, send)


class Application(ProtocolTypeRouter):
    def body_limit(self, path: str) -> int:
        """How many bytes a request to this path may bring. dungeon.web asks before reading one."""
        try:
            name = resolve(path).view_name
        except Resolver404:
            name = ""
        return settings.BODY_LIMITS.get(name, settings.BODY_LIMIT)


application = Application(
    {
        "http": http,
        "websocket": Straight(
            OurOrigins(
                AuthMiddlewareStack(URLRouter(websocket_urlpatterns)), settings.ALLOWED_ORIGINS
            )
        ),
    }
)
