"""The engine for a server that the host runs already: vLLM, llama-server, Ollama, KoboldCpp, …

Completions for the `transcript` format, chats for `chat`, streamed. One thread: requests are tasks
of an event loop that runs while `step` waits for words.
"""

import asyncio
import contextlib
import functools
import json
import logging
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from inference.config import InferenceConfig
from inference.contract.output_format import OutputFormat
from inference.contract.sampling import SamplingParams, Setting
from inference.engines.base import Finish, Message, NewText, RequestId
from inference.engines.dialects import (
    FRAME_TOKENS,
    Models,
    estimate,
    ignored_settings,
    output_fields,
    read_models,
    refused_fields,
    sampling_fields,
    without,
)
from inference.engines.sse import EventStream
from inference.engines.thinking import Unthinking
from inference.narrators import Narrator

NAP = 0.02  # seconds; the longest a step waits for words, so that others can join or be stopped
CONNECT_SECONDS = 10.0
MEET_SECONDS = 10.0  # for its list of models, whole
COUNT_SECONDS = 5.0  # for the server to count a text, during which the worker hears no command
UNCOUNTED_SECONDS = 30.0  # how long tokens are estimated after the server did not count them
AFTERWORD_SECONDS = 5.0  # for the server to say what it counted, once a reply is complete
LOAD_SECONDS = 20.0  # for a server that is being started to answer
CLOSE_SECONDS = 1.0
SLOWEST_TOKEN = 2.0  # seconds; by it a whole reply's time is reckoned where the host names none

# Bytes that are taken of an answer before anything in it is read.
MOST_OF_AN_ANSWER = 4 << 20  # a list of hundreds of models has one million
MOST_OF_A_COMPLAINT = 64 << 10
MOST_OF_A_REPLY = 1 << 20  # beside what its tokens may need
MOST_OF_A_TOKEN = 16 << 10  # one event for each, with all that servers put into them

# Tried again before the first word only: what was told cannot be taken back.
RETRIES_AFTER = (0.5, 2.0)  # seconds
GIVE_UP = float("inf")
LONGEST_WAIT = 15.0  # seconds; a server that asks for more patience than this is not waited for
PASSING = {408, 425, 429, 500, 502, 503, 504, 529}

MOST_TOKENS = 1 << 24  # that a server may say it told, or has room for
COUNTED_LINES = 8192  # lines whose length in tokens is remembered
LINES_AT_ONCE = 16  # more lines than this are counted together: one question instead of many
COMPLAINT_CHARS = 200

# Between the messages of a chat that travels as one text. No story holds it.
MARK = "\x1e"
MESSAGE = re.compile(r"(system|user|assistant)\n")


# It says each request, and counting is many.
logging.getLogger("httpx").setLevel(logging.WARNING)
logger = logging.getLogger(__name__)


class TooLarge(Exception):
    """An answer has more bytes than any that is of use."""


@dataclass(frozen=True)
class Answer:
    """A whole answer that is no stream."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """Raises ValueError, and RecursionError."""
        return json.loads(self.body)


class ServerTrouble(Exception):
    """Why a reply cannot be had, in words for players and host. `passing` is worth another try."""

    def __init__(self, reason: str, passing: bool = False, after: float | None = None) -> None:
        super().__init__(reason)
        self.passing = passing
        self.after = after  # seconds that the server asks to wait


@dataclass
class Telling:
    """A request and what was heard of it."""

    request: RequestId
    body: dict[str, Any]
    max_tokens: int
    unthinking: Unthinking = field(default_factory=Unthinking)
    task: "asyncio.Task[None] | None" = None
    told: bool = False  # any word: from here on it cannot be tried again
    thought: bool = False
    tokens: int = 0  # reported so far
    unreported: int = 0  # tokens whose text is held, as it may be the beginning of a tag
    finish: Finish | None = None
    until: float = 0.0  # the loop's time up to which the next word, or the end, is waited for
    over: float = 0.0  # and the whole reply, whatever comes
    counted: int | None = None  # by the server, at the end
    read: int | None = None  # tokens of the prompt, by the server

    def begin_anew(self) -> None:
        """Forget an answer that broke off before its first word."""
        self.unthinking = Unthinking()
        self.thought = False
        self.unreported = 0
        self.finish = self.counted = None


class OpenAIEngine:
    """Keeps the promise of `Engine` with a server that speaks OpenAI's protocol, streamed.

    Its prompt is the text itself, or a chat as `render_chat` writes it. Tokens are counted by the
    server where it does that, line by line, which never comes out lower than the whole by more than
    the rare token that spans lines; elsewhere they are estimated, on the safe side.
    """

    reads_ahead = False  # a server's time costs its host money, and others may be waiting for it
    can_avoid = False

    def __init__(self, narrator: Narrator, patience: float = LOAD_SECONDS) -> None:
        """Meet the server. Raises ValueError with one line where it cannot be used.

        `patience`: seconds for one that is being started to answer.
        """
        self._narrator = narrator
        self._patience = patience
        self._server = narrator.server
        self._base = narrator.model.rstrip("/")
        parts = urlsplit(self._base)
        self._where = parts.netloc
        self.chats = narrator.format == "chat"
        self._key = self._read_key()
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        # A proxy of the environment stands before other machines; what stays here needs none.
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(
            # Nothing is unpacked: what is small as it comes may be endless then.
            headers={"Accept-Encoding": "identity", **headers},
            trust_env=bool(narrator.words_go_to),
            timeout=httpx.Timeout(CONNECT_SECONDS, read=None),  # each request has a whole time
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=narrator.slots),
        )
        try:
            self._settle(self._meet())
        except ValueError:
            self._let_go()
            raise
        self._refused: set[str] = set()
        self._uncounted_until = 0.0  # time.monotonic()
        self._count_line = functools.lru_cache(maxsize=COUNTED_LINES)(self._count_anew)
        self._slots = asyncio.Semaphore(narrator.slots)
        self._tellings: dict[RequestId, Telling] = {}
        self._heard: list[NewText] = []
        self._news = asyncio.Event()
        self._last_request = 0

    # ---- the promise

    @property
    def busy(self) -> bool:
        return bool(self._tellings or self._heard)

    @property
    def continues(self) -> bool:
        """Whether the server goes on with a text that is begun."""
        return not self.chats or self._continues

    def ignores(self, sampling: SamplingParams) -> tuple[Setting, ...]:
        """What the server has no words for, and what it refused until now."""
        return ignored_settings(sampling, self.dialect, self._refused)

    def count(self, text: str) -> int:
        """The tokens of a text, or of a chat as `render_chat` writes it."""
        if MARK not in text:
            return self._count_text(text)
        return sum(
            FRAME_TOKENS + self._count_text(message.content) for message in messages_of(text)
        )

    def render_chat(self, messages: list[Message], begun: str) -> str:
        """The messages one after the other: the server knows the model's template."""
        said = [*messages, Message("assistant", begun)]
        return "\n".join(f"{MARK}{each.role}\n{each.content.replace(MARK, '')}" for each in said)

    def submit(
        self, prompt: str, sampling: SamplingParams, output: OutputFormat | None = None
    ) -> RequestId:
        tokens = self.count(prompt)
        if not tokens:
            raise ValueError("the prompt is empty")
        if tokens + sampling.max_tokens > self.context_tokens:
            raise ValueError(
                f"{tokens} tokens of prompt and {sampling.max_tokens} new ones "
                f"exceed {self.context_tokens}"
            )
        self._last_request += 1
        telling = Telling(
            self._last_request, self._body(prompt, sampling, output), sampling.max_tokens
        )
        self._tellings[telling.request] = telling
        if self.chats and begun_of(prompt) and not self._continues:
            # What an earlier attempt told cannot be gone on with: the reply ends as told so far.
            self._end(telling, "length")
        else:
            telling.task = self._loop.create_task(self._tell(telling))
        return telling.request

    def prefill(self, prompt: str) -> None:
        """Nothing: see `reads_ahead`."""

    def step(self) -> list[NewText]:
        self._loop.run_until_complete(self._listen())
        heard, self._heard = self._heard, []
        return list(merged(heard))

    def cancel(self, request: RequestId) -> None:
        """Close the stream at once. The next step says "cancelled", unless the end was heard."""
        telling = self._tellings.pop(request, None)
        if telling is None:
            return
        self._heard = [text for text in self._heard if text.request != request]
        self._heard.append(NewText(request, "", 0, "cancelled"))
        if telling.task is not None:
            telling.task.cancel()
            self._loop.run_until_complete(asyncio.wait([telling.task], timeout=CLOSE_SECONDS))

    def tokens_read(self, prompt: str) -> int | None:
        """How many tokens of `prompt` the server has read; None where it does not say.

        For checks, with nothing else under way. Raises ValueError where it does not answer.
        """
        request = self.submit(
            prompt, SamplingParams(max_tokens=1, temperature=0, repetition_penalty=1)
        )
        telling = self._tellings[request]
        while self.busy:
            for text in self.step():
                if text.finish == "error" and not telling.thought:
                    raise ValueError(text.error)
        return telling.read

    def close(self) -> None:
        """Let go of every connection. For tests and trials: a process' end does the same."""
        for request in list(self._tellings):
            self.cancel(request)
        self._let_go()

    def _let_go(self) -> None:
        self._loop.run_until_complete(self._client.aclose())
        self._loop.close()

    # ---- meeting the server

    def _read_key(self) -> str:
        name = self._server.key
        if not name:
            return ""
        key = os.environ.get(name, "").strip()
        if not key:
            raise ValueError(f"the key of {self._where} is missing: set {name} in the environment")
        if not key.isascii() or not key.isprintable():
            raise ValueError(f"{name} in the environment is no key: it holds strange characters")
        return key

    def _settle(self, models: Models) -> None:
        """What follows from what the server says of its models. Raises ValueError."""
        self.dialect = models.dialect
        self.model = self._server.model or self._only_model(models)
        told = models.context.get(self.model)
        self.context_tokens = min(self._narrator.context, told) if told else self._narrator.context
        continues = self._server.continues
        self._continues = self.dialect.continues if continues is None else continues
        if self.chats and self._narrator.begun and not self._continues:
            raise ValueError(
                f"{self._where} is not known to continue what it has begun to say: leave out "
                "`begun`, or write `continues: true` under `server` if it can"
            )

    def _meet(self) -> Models:
        """Ask what the server serves, and wait a little for one that is being started."""
        give_up = time.monotonic() + self._patience
        while True:
            try:
                answer = self._fetch("GET", f"{self._base}/models", MEET_SECONDS)
                if answer.status in (404, 405, 501) and self._server.model:
                    return Models()  # it has no list
                if answer.status == 200:
                    return read_models(answer.json())
                trouble = self._complaint(answer.status, answer.text, answer.headers)
            except TimeoutError:
                trouble = ServerTrouble(
                    f"its server ({self._where}) did not list its models within "
                    f"{MEET_SECONDS:.0f} s",
                    passing=True,
                )
            except TooLarge:
                trouble = ServerTrouble(
                    f"its server ({self._where}) lists its models in over "
                    f"{MOST_OF_AN_ANSWER >> 20} MiB: does the address end as its manual says "
                    "(often /v1)?"
                )
            except (httpx.TransportError, httpx.InvalidURL) as error:
                trouble = self._unreachable(error)
            except (ValueError, RecursionError):
                trouble = self._nonsense()
            if not trouble.passing or time.monotonic() > give_up:
                raise ValueError(str(trouble)) from None
            time.sleep(1)

    def _only_model(self, models: Models) -> str:
        if len(models.names) == 1:
            return models.names[0]
        names = map(self._in_one_line, models.names[:8])
        there = ", ".join(names) + (", …" if len(models.names) > 8 else "")
        raise ValueError(
            f"{self._where} serves {len(models.names)} models: name one under `server`, `model`"
            + (f" ({there})" if there else "")
        )

    def _fetch(self, method: str, url: str, seconds: float, body: Any = None) -> Answer:
        """One whole answer, while the streams run on.

        Raises httpx.HTTPError, TimeoutError once `seconds` have passed, and TooLarge.
        """

        async def fetch() -> Answer:
            async with (
                asyncio.timeout(seconds),
                self._client.stream(method, url, json=body) as response,
            ):
                if response.status_code == 200:
                    raw = await taken(response, MOST_OF_AN_ANSWER)
                else:
                    raw = await taken(response, MOST_OF_A_COMPLAINT, cut=True)
                return Answer(response.status_code, response.headers, raw)

        return self._loop.run_until_complete(fetch())

    # ---- counting

    def _count_text(self, text: str) -> int:
        lines = text.split("\n")
        if len(lines) > LINES_AT_ONCE:
            # Most lines of a story are known from its last turn; else one question must do.
            before = self._count_line.cache_info().misses
            new = 0
            counts = []
            for line in lines:
                counts.append(self._count_line(line))
                new = self._count_line.cache_info().misses - before
                if new > LINES_AT_ONCE:
                    return self._count_line(text)
            return sum(counts) + len(lines) - 1
        return sum(map(self._count_line, lines)) + len(lines) - 1

    def _count_anew(self, text: str) -> int:
        if not text:
            return 0
        counting = self.dialect.counting
        if counting is None or time.monotonic() < self._uncounted_until:
            return estimate(text)
        root = self._base.removesuffix("/v1")
        try:
            asked = counting.body(self.model, whole(text))
            answer = self._fetch("POST", f"{root}{counting.path}", COUNT_SECONDS, asked)
            if answer.status != 200:
                raise ValueError(f"it answered {answer.status}")
            tokens = whole_number(counting.tokens(answer.json()))
            if tokens is None:
                raise ValueError("it said no number of tokens")
            return tokens
        except TooLarge:
            why = f"it answered with over {MOST_OF_AN_ANSWER >> 20} MiB"
        except TimeoutError:
            why = f"it took over {COUNT_SECONDS:.0f} s"
        except (httpx.HTTPError, ArithmeticError, LookupError, RecursionError) as error:
            why = type(error).__name__
        except (TypeError, ValueError) as error:
            why = self._in_one_line(str(error))
        # The request that follows says what is wrong with the server.
        self._uncounted_until = time.monotonic() + UNCOUNTED_SECONDS
        logger.warning("the server at %s counts no tokens now: %s", self._where, why)
        return estimate(text)

    @property
    def counts_exactly(self) -> bool:
        """Whether the server counts, rather than we estimate."""
        return self.dialect.counting is not None and time.monotonic() >= self._uncounted_until

    # ---- asking

    def _body(
        self, prompt: str, sampling: SamplingParams, output: OutputFormat | None
    ) -> dict[str, Any]:
        """The request, with every field that the server may know."""
        body: dict[str, Any] = {
            "model": self.model,
            "stream": True,
            "stream_options": {"include_usage": True},
            **sampling_fields(sampling, self.dialect),
        }
        if self.chats:
            messages = messages_of(prompt)
            begun = begun_of(prompt)
            if not begun and messages[-1].role == "assistant":
                messages.pop()
            body["messages"] = [
                {"role": each.role, "content": whole(each.content)} for each in messages
            ]
            body.update(self.dialect.no_thinking)
            if begun:
                body.update(self.dialect.to_continue)
        else:
            body["prompt"] = whole(prompt)
        if output is not None:
            body.update(output_fields(output, self.dialect, self.chats))
        return {**body, **self._server.extra}

    async def _tell(self, telling: Telling) -> None:
        """Have one request told in a slot, with what may go wrong as its end."""
        async with self._slots:
            now = self._loop.time()
            telling.over = now + self._seconds_for(telling)
            telling.until = min(now + self._server.timeout, telling.over)
            for wait in (*RETRIES_AFTER, GIVE_UP):
                telling.begin_anew()
                try:
                    await self._ask(telling)
                    self._end_told(telling)
                    return
                except ServerTrouble as trouble:
                    patience = max(wait, trouble.after or 0)
                    if patience > LONGEST_WAIT or telling.told or not trouble.passing:
                        self._end(telling, "error", str(trouble))
                        return
                    await asyncio.sleep(patience)
                except Exception as error:  # a mistake of ours must not leave the turn untold
                    self._end(telling, "error", f"{type(error).__name__}: {error}")
                    raise

    def _seconds_for(self, telling: Telling) -> float:
        """How long the whole reply may take."""
        reckoned = self._server.timeout + SLOWEST_TOKEN * telling.max_tokens
        return self._server.reply_timeout or reckoned

    async def _ask(self, telling: Telling) -> None:
        """Send the request, once more for each field that the server turns out to refuse."""
        url = f"{self._base}/chat/completions" if self.chats else f"{self._base}/completions"
        while True:
            body = without(telling.body, self._refused)
            try:
                async with asyncio.timeout_at(telling.until) as limit:
                    async with self._client.stream("POST", url, json=body) as response:
                        if response.status_code == 200:
                            await self._read(telling, response, limit)
                            return
                        raw = await taken(response, MOST_OF_A_COMPLAINT, cut=True)
                        said = raw.decode(errors="replace")
            except TimeoutError:
                if telling.finish:
                    return
                raise self._too_late(telling) from None
            except TooLarge:
                if telling.finish:
                    return
                raise ServerTrouble(
                    f"its server ({self._where}) sends more than was asked for"
                ) from None
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                raise self._unreachable(error) from None
            except httpx.HTTPError:
                if telling.finish:
                    return
                raise ServerTrouble(f"its server ({self._where}) broke off", passing=True) from None
            refused = set()
            if response.status_code in (400, 422):
                refused = refused_fields(body, said) - self._server.extra.keys()
            if not refused:
                raise self._complaint(response.status_code, said, response.headers)
            self._refused |= refused

    async def _read(
        self, telling: Telling, response: httpx.Response, limit: asyncio.Timeout
    ) -> None:
        """Take the words as they come, until the server says that it is done."""
        headers = response.headers
        if "text/event-stream" not in headers.get("content-type", "").lower():
            raise self._nonsense()
        if headers.get("content-encoding", "identity").lower() != "identity":
            raise self._nonsense()
        events = EventStream()
        size, most = 0, MOST_OF_A_REPLY + MOST_OF_A_TOKEN * telling.max_tokens
        async for raw in response.aiter_raw():
            size += len(raw)
            if size > most:
                raise TooLarge
            try:
                complete = events.feed(raw)
            except ValueError:
                raise self._nonsense() from None
            for data in complete:
                if data.strip() == "[DONE]":
                    return
                self._take(telling, data)
            limit.reschedule(telling.until)
        if telling.finish is None:
            raise ServerTrouble(f"its server ({self._where}) broke off", passing=True)

    def _take(self, telling: Telling, data: str) -> None:
        """One event: a few words, thoughts, the reason of an end, or how many tokens there were."""
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            raise self._nonsense() from None
        if not isinstance(event, dict):
            raise self._nonsense()
        if event.get("error"):
            raise ServerTrouble(f"its server says: {self._in_one_line(data)}")
        usage = event.get("usage")
        if isinstance(usage, dict):
            telling.counted = whole_number(usage.get("completion_tokens"))
            telling.read = whole_number(usage.get("prompt_tokens"))
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else {}
        if not isinstance(choice, dict):
            raise self._nonsense()
        said = choice.get("delta") if self.chats else choice
        if isinstance(said, dict):
            if said.get("reasoning_content") or said.get("reasoning"):
                telling.thought = True
            words = said.get("content" if self.chats else "text")
            if isinstance(words, str) and words:
                self._say(telling, words)
                if telling.told:
                    self._wait_for_more(telling, self._server.timeout)
        if telling.finish is None and isinstance(choice.get("finish_reason"), str):
            self._wait_for_more(telling, AFTERWORD_SECONDS)
            telling.finish = "length" if choice["finish_reason"] == "length" else "stop"
            if choice["finish_reason"] == "content_filter":
                raise ServerTrouble("its server's filter ended the reply")

    def _wait_for_more(self, telling: Telling, seconds: float) -> None:
        """Words came, or the end: events that bring neither are no sign of life."""
        if telling.finish is None:
            telling.until = min(self._loop.time() + seconds, telling.over)

    def _say(self, telling: Telling, words: str) -> None:
        """Report what of `words` is story. An event is a token, or near enough until the end."""
        visible = whole(telling.unthinking.feed(words))
        if visible:
            self._report(telling, visible, 1 + telling.unreported)
            telling.unreported = 0
        elif telling.unthinking.inside:
            telling.unreported = 0
        else:
            telling.unreported += 1

    def _report(self, telling: Telling, text: str, tokens: int) -> None:
        telling.told = telling.told or bool(text)
        telling.tokens += tokens
        self._hear(NewText(telling.request, text, tokens))

    def _end_told(self, telling: Telling) -> None:
        """A reply's regular end, with the tokens that the server has counted and we have not."""
        rest = telling.unthinking.finish()
        thought = telling.thought or telling.unthinking.thought
        if rest:
            self._report(telling, rest, telling.unreported)
        if thought and not telling.told:
            self._end(
                telling,
                "error",
                "it spent all its words on thinking: the host should switch the model's thinking "
                "off, or take a model that does not think",
            )
            return
        more = 0
        if telling.counted is not None and not thought:
            more = max(0, telling.counted - telling.tokens)
        self._end(telling, telling.finish or "stop", tokens=more)

    def _end(self, telling: Telling, finish: Finish, error: str = "", tokens: int = 0) -> None:
        if self._tellings.pop(telling.request, None):
            self._hear(NewText(telling.request, "", tokens, finish, error))

    def _hear(self, text: NewText) -> None:
        self._heard.append(text)
        self._news.set()

    async def _listen(self) -> None:
        """Let the streams run until there is news, or for a moment."""
        if self._heard:
            await asyncio.sleep(0)
            return
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), NAP)

    # ---- what goes wrong, in words for players and host

    def _unreachable(self, error: Exception) -> ServerTrouble:
        why = self._in_one_line(str(error))
        return ServerTrouble(
            f"its server ({self._where}) cannot be reached{': ' + why if why else ''}",
            passing=isinstance(error, httpx.TransportError),
        )

    def _too_late(self, telling: Telling) -> ServerTrouble:
        """Which of the times has passed."""
        where = f"its server ({self._where})"
        if self._loop.time() >= telling.over:
            return ServerTrouble(
                f"{where} was not done with the reply after {self._seconds_for(telling):.0f} s"
            )
        if not telling.told and (telling.thought or telling.unthinking.thought):
            return ServerTrouble(
                f"{where} was thinking for {self._server.timeout:.0f} s: the host should switch "
                "the model's thinking off, or take a model that does not think"
            )
        return ServerTrouble(f"{where} said nothing for {self._server.timeout:.0f} s")

    def _nonsense(self) -> ServerTrouble:
        return ServerTrouble(
            f"its server ({self._where}) answers in a way that is not understood: is it "
            "OpenAI-compatible, and does the address end as its manual says (often /v1)?"
        )

    def _complaint(self, status: int, said: str, headers: httpx.Headers) -> ServerTrouble:
        """What an answer other than 200 means."""
        where = f"its server ({self._where})"
        if status in (401, 403):
            named = self._server.key or "server.key is not set"
            return ServerTrouble(f"{where} does not accept the host's key ({named})")
        why = self._in_one_line(said)
        why = f": {why}" if why else ""
        if status == 404:
            return ServerTrouble(f"{where} does not know the model or the address{why}")
        after = seconds(headers.get("retry-after"))
        if status == 429:
            again = f"; try again in {after:.0f} s" if after else "; try again in a while"
            return ServerTrouble(f"{where} has too much to do{again}", True, after)
        if 300 <= status < 400:
            return ServerTrouble(f"{where} has moved: correct its address")
        return ServerTrouble(f"{where} answered {status}{why}", status in PASSING, after)

    def _in_one_line(self, said: str) -> str:
        """The message in a server's complaint: short, without tags, and never with the key."""
        with contextlib.suppress(ValueError, RecursionError):
            said = message_in(json.loads(said)) or said
        if "<html" in said[:1000].lower():
            return ""
        said = " ".join(said.split())
        if self._key:
            said = said.replace(self._key, "…")
        return said if len(said) <= COMPLAINT_CHARS else f"{said[:COMPLAINT_CHARS]}…"


def messages_of(text: str) -> list[Message]:
    """A chat as `render_chat` wrote it; any other text is what the user says."""
    if MARK not in text:
        return [Message("user", text)]
    messages = []
    for part in text.split(MARK)[1:]:
        found = MESSAGE.match(part)
        if found is None:
            raise ValueError("the prompt is no chat")
        role: Any = found[1]
        messages.append(Message(role, part[found.end() :].removesuffix("\n")))
    return messages


def begun_of(text: str) -> str:
    """What a chat has begun of its answer."""
    last = messages_of(text)[-1]
    return last.content if last.role == "assistant" else ""


def merged(texts: list[NewText]) -> Iterator[NewText]:
    """One text for each request, in the order in which they were first heard of."""
    together: dict[RequestId, NewText] = {}
    for new in texts:
        old = together.get(new.request)
        if old is not None:
            new = NewText(
                new.request, old.text + new.text, old.tokens + new.tokens, new.finish, new.error
            )
        together[new.request] = new
    yield from together.values()


async def taken(response: httpx.Response, most: int, cut: bool = False) -> bytes:
    """The body of an answer as it is sent; TooLarge beyond `most` bytes, or the part before."""
    raw = bytearray()
    async for piece in response.aiter_raw():
        raw += piece
        if len(raw) > most:
            if not cut:
                raise TooLarge
            break
    return bytes(raw[:most])


def whole(text: str) -> str:
    """`text` without halves of surrogate pairs, which JSON may carry and UTF-8 may not."""
    return text.encode("utf-8", "ignore").decode("utf-8")


def whole_number(said: Any) -> int | None:
    return said if isinstance(said, int) and 0 <= said <= MOST_TOKENS else None


def seconds(header: str | None) -> float | None:
    """The seconds of a Retry-After header; None for a date, which nobody needs to understand."""
    try:
        wait = float(header or "")
    except ValueError:
        return None
    return wait if 0 <= wait < float("inf") else None


def message_in(answer: Any) -> str:
    """The message of an error, wherever the server has put it."""
    for name in ("error", "message", "detail"):
        if isinstance(answer, dict) and answer.get(name):
            answer = answer[name]
    return answer if isinstance(answer, str) else ""


def load(narrator: Narrator, config: InferenceConfig) -> OpenAIEngine:
    """The engine of a narrator whose `model` is a server's address. Raises ValueError."""
    return OpenAIEngine(narrator)
