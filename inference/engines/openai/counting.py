"""How many tokens a text has: counted by the server, or estimated where it cannot count."""

import functools
import logging
import time

import httpx

from inference.engines.openai.chat import is_chat, split_messages
from inference.engines.openai.connection import MAX_RESPONSE_BYTES, Connection
from inference.engines.openai.dialects import (
    FRAME_TOKENS,
    Counting,
    Dialect,
    estimate_tokens,
    token_number,
)
from inference.engines.openai.errors import ResponseTooLarge
from inference.engines.openai.requests import without_surrogates

COUNT_SECONDS = 5.0  # for one count, during which the worker cannot handle a command
ESTIMATE_SECONDS = 30.0  # how long tokens are estimated after a count has failed
CACHED_LINES = 8192  # lines whose number of tokens is kept
SEPARATE_LINES = 16  # with more new lines than this, the text is counted whole: one request

logger = logging.getLogger(__name__)


class TokenCounter:
    """Counts tokens with a cache of lines, since most lines of a prompt were in the last one.

    The sum over the lines is never below the count of the whole text by more than the rare token
    that spans two lines.
    """

    def __init__(self, connection: Connection, dialect: Dialect, model: str) -> None:
        """`model` is the server's name for it."""
        self._connection = connection
        self._dialect = dialect
        self._model = model
        self._estimate_until = 0.0  # time.monotonic()
        self._count_line = functools.lru_cache(maxsize=CACHED_LINES)(self._count_uncached)

    @property
    def exact(self) -> bool:
        """Whether the server counts at present, instead of an estimate."""
        return self._dialect.counting is not None and time.monotonic() >= self._estimate_until

    def count(self, prompt: str) -> int:
        """The tokens of a text, or of a chat with what its template adds to each message."""
        if not is_chat(prompt):
            return self._count_text(prompt)
        return sum(
            FRAME_TOKENS + self._count_text(message.content) for message in split_messages(prompt)
        )

    def _count_text(self, text: str) -> int:
        lines = text.split("\n")
        line_ends = len(lines) - 1
        if len(lines) <= SEPARATE_LINES:
            return sum(map(self._count_line, lines)) + line_ends
        misses = self._count_line.cache_info().misses
        counts = []
        for line in lines:
            counts.append(self._count_line(line))
            if self._count_line.cache_info().misses - misses > SEPARATE_LINES:
                return self._count_line(text)
        return sum(counts) + line_ends

    def _count_uncached(self, text: str) -> int:
        if not text:
            return 0
        counting = self._dialect.counting
        if counting is None or not self.exact:
            return estimate_tokens(text)
        try:
            return self._request_count(counting, text)
        except ResponseTooLarge:
            reason = f"it answered with over {MAX_RESPONSE_BYTES >> 20} MiB"
        except TimeoutError:
            reason = f"it took over {COUNT_SECONDS:.0f} s"
        except (httpx.HTTPError, ArithmeticError, LookupError, RecursionError) as error:
            reason = type(error).__name__
        except (TypeError, ValueError) as error:
            reason = self._connection.errors.one_line(str(error))
        # No error here: if the server is gone, the request that follows reports it.
        self._estimate_until = time.monotonic() + ESTIMATE_SECONDS
        logger.warning("the server at %s counts no tokens now: %s", self._connection.host, reason)
        return estimate_tokens(text)

    def _request_count(self, counting: Counting, text: str) -> int:
        """Ask the server. Raises ValueError for an answer without a count, and as `fetch` does."""
        url = f"{self._connection.base.removesuffix('/v1')}{counting.path}"
        body = counting.body(self._model, without_surrogates(text))
        response = self._connection.fetch("POST", url, COUNT_SECONDS, body)
        if response.status != 200:
            raise ValueError(f"it answered {response.status}")
        tokens = token_number(counting.tokens(response.json()))
        if tokens is None:
            raise ValueError("it said no number of tokens")
        return tokens
