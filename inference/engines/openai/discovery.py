"""Which server it is, and which models it serves, asked once when the engine loads."""

import time
from collections.abc import Callable

import httpx

from inference.engines.openai.connection import MAX_RESPONSE_BYTES, Connection
from inference.engines.openai.dialects import Models, read_models
from inference.engines.openai.errors import ResponseTooLarge, ServerError

LIST_SECONDS = 10.0  # for the whole list of models
RETRY_SECONDS = 1.0  # between two requests to a server that is starting
LISTED_NAMES = 8  # models that are named in an error
NO_SUCH_PATH = (404, 405, 501)


def list_models(connection: Connection, wait_seconds: float, name_is_set: bool) -> Models:
    """The server's models; an empty list where it offers none and the host has named a model.

    A server that is starting is asked again for `wait_seconds`. Raises ValueError with one line.
    """
    give_up = time.monotonic() + wait_seconds
    while True:
        try:
            return request_models(connection, name_is_set)
        except ServerError as error:
            if not error.transient or time.monotonic() > give_up:
                raise ValueError(str(error)) from None
        time.sleep(RETRY_SECONDS)


def request_models(connection: Connection, name_is_set: bool) -> Models:
    """Ask for the list of models once. Raises ServerError."""
    errors = connection.errors
    try:
        response = connection.fetch("GET", f"{connection.base}/models", LIST_SECONDS)
        if response.status == 200:
            return read_models(response.json())
    except TimeoutError:
        raise ServerError(
            f"{errors.server} did not list its models within {LIST_SECONDS:.0f} s", transient=True
        ) from None
    except ResponseTooLarge:
        raise ServerError(
            f"{errors.server} lists its models in over {MAX_RESPONSE_BYTES >> 20} MiB: does the "
            "address end as its manual says (often /v1)?"
        ) from None
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise errors.unreachable(error) from None
    except (ValueError, RecursionError):
        raise errors.unexpected_response() from None
    if response.status in NO_SUCH_PATH and name_is_set:
        return Models()
    raise errors.for_status(response.status, response.text, response.headers)


def only_model(models: Models, host: str, one_line: Callable[[str], str]) -> str:
    """The name of the one model that a server has. Raises ValueError unless there is one."""
    if len(models.names) == 1:
        return models.names[0]
    names = ", ".join(map(one_line, models.names[:LISTED_NAMES]))
    names += ", …" if len(models.names) > LISTED_NAMES else ""
    raise ValueError(
        f"{host} serves {len(models.names)} models: name one under `server`, `model`"
        + (f" ({names})" if names else "")
    )
