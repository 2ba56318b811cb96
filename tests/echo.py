"""A small application for the tests of the server itself, served as `tests.echo:application`.

/echo    sends every message back
/flood   sends for ever
/large   sends one message of ?bytes, then sends back what comes
/deaf    accepts and never looks at what comes
/mute    never answers the handshake
/slow    over HTTP: takes its time
/seen    over HTTP: what became of the sockets, and what this process holds in memory
"""

import asyncio
import gc
import json
import os

import psutil
from daphne.ws_protocol import WebSocketProtocol

seen = {"opened": 0, "sent": 0, "closed": []}
CHUNK = "x" * 16_384


async def application(scope, receive, send):
    if scope["type"] == "http":
        if scope["path"] == "/slow":
            await asyncio.sleep(1)
        now = {
            "memory": psutil.Process(os.getpid()).memory_info().rss,
            "tasks": len(asyncio.all_tasks()),
            "sockets": sum(isinstance(each, WebSocketProtocol) for each in gc.get_objects()),
        }
        body = json.dumps({**seen, **now})
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body.encode()})
        return
    await receive()
    if scope["path"] == "/mute":
        await asyncio.sleep(3600)
    await send({"type": "websocket.accept"})
    seen["opened"] += 1
    match scope["path"]:
        case "/flood":
            sending = asyncio.create_task(flood(send))
            await until_closed(receive)
            sending.cancel()
        case "/large":
            text = "x" * int(scope["query_string"])
            await send({"type": "websocket.send", "text": text})
            await until_closed(receive, send)
        case "/deaf":
            await asyncio.sleep(5)
            await until_closed(receive)
        case _:
            await until_closed(receive, send)


async def flood(send):
    while True:
        await send({"type": "websocket.send", "text": CHUNK})
        seen["sent"] += 1
        await asyncio.sleep(0)  # what is sent after the end takes no time


async def until_closed(receive, send=None):
    while (message := await receive())["type"] != "websocket.disconnect":
        if send is not None:
            text, data = message.get("text"), message.get("bytes")
            await send({"type": "websocket.send", "text": text, "bytes": data})
    seen["closed"].append(message["code"])
