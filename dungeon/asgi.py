"""HTTP goes to Django, sockets to the game."""

import os
from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import WebsocketDenier

from dungeon import hosts, tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dungeon.settings")
http = hosts.get_application()
tracing.start("web")

# Models may be imported only once Django is set up, which get_application did.
from django.conf import settings  # noqa: E402
from django.urls import Resolver404, resolve  # noqa: E402

from dungeon import origins  # noqa: E402
from game import ip  # noqa: E402
from game.play.routing import websocket_urlpatterns  # noqa: E402


class TrustedOrigins:
    """Accepts sockets of trusted pages only: the whole origin counts, scheme and port included."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        headers = scope.get("headers", [])
        origin = dict(headers).get(b"origin", b"").decode("latin1")
        if origins.is_trusted(origin, headers):
            return await self.application(scope, receive, send)
        origins.note_untrusted(origin)
        return await WebsocketDenier()(scope, receive, send)


class DirectSend:
    """Passes the server's own `send` in the scope, for frames that no middleware needs to see.

    The session middleware would check for each frame whether there is something to save, which
    only happens over HTTP.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        await self.app({**scope, "straight": send}, receive, send)


def full_path(path: str) -> str:
    """The path as browsers know it, below BASE_PATH. A proxy may have taken that off, or not."""
    base = settings.BASE_PATH
    return path if not base or path == base or path.startswith(f"{base}/") else base + path


class Application(ProtocolTypeRouter):
    """Routes HTTP and WebSocket, with the path and client address corrected for proxies."""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        # Daphne would believe any client's Daphne-Root-Path.
        where: dict[str, Any] = {"path": full_path(scope["path"]), "root_path": settings.BASE_PATH}
        if scope.get("client"):
            where["client"] = [ip.plain(scope["client"][0]), scope["client"][1]]
        await super().__call__({**scope, **where}, receive, send)

    def body_limit(self, path: str) -> int:
        """How many bytes a request to this path may bring. dungeon.web asks before reading one."""
        try:
            name = resolve(full_path(path).removeprefix(settings.BASE_PATH)).view_name
        except Resolver404:
            name = ""
        return settings.BODY_LIMITS.get(name, settings.BODY_LIMIT)


application = Application(
    {
        "http": http,
        "websocket": DirectSend(
            TrustedOrigins(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))
        ),
    }
)
