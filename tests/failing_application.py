"""For tests of the web server's loops, served as `tests.failing_application:application`.

/echo    sends every message back
/raise   raises after the handshake
/fail    the same, and its connection cannot be told so
/break   over HTTP: every connection that is open now raises when it is looked at
"""

import gc

from daphne.ws_protocol import WebSocketProtocol

from dungeon.http_limits import LimitedChannel


def fails(*_):
    raise RuntimeError("injected")


async def application(scope, receive, send):
    if scope["type"] == "http":
        if scope["path"] == "/break":
            for each in gc.get_objects():
                if isinstance(each, WebSocketProtocol | LimitedChannel):
                    each.check_timeouts = fails
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
        return
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"] == "/fail":
        for each in gc.get_objects():
            if isinstance(each, WebSocketProtocol):
                each.handle_exception = fails
    if scope["path"] in ("/raise", "/fail"):
        fails()
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})
