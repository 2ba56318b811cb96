"""Wraps an engine so that no reply has a banned phrase, by holding text back and backtracking.

Text that may become a banned phrase is held back. When a phrase is complete, the reply goes back to
before it and continues without the token that began it. Text that was returned is never taken back.
"""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from inference.contract.output_format import OutputFormat
from inference.contract.sampling import SamplingParams, Setting
from inference.engines.base import Engine, EngineBroken, Finish, Message, NewText, RequestId
from inference.reply.phrases import Found, Phrases, Watch
from inference.reply.worn import phrases_for

# How often one reply backtracks. After that it ends before the phrase.
MOST_BACKTRACKS = 16
# For engines that can only sample again: each time is a request, for which a server may charge.
MOST_RETRIES = 3
# At the same place: further attempts read no better.
MOST_AT_ONE_PLACE = 6
# Characters at the end of the prompt in which a phrase may begin.
PROMPT_CHARS = 200
SEED_STEP = 104_729  # arbitrary: gives another seed
# The temperature of a greedy reply that is sampled again by an engine without `not_first`.
RETRY_TEMPERATURE = 0.7


class Piece(NamedTuple):
    """The start of a token's text: its place, the tokens before, and where a phrase had begun."""

    place: int = 0
    tokens: int = 0
    begun: int | None = None


@dataclass
class Reply:
    """One reply: its text so far, and how much of it was returned."""

    prompt: str
    sampling: SamplingParams
    output: OutputFormat | None
    phrases: Phrases
    watch: Watch
    inner: RequestId | None = None
    text: str = ""
    returned: int = 0  # characters
    pieces: list[Piece] = field(default_factory=list)
    tokens: int = 0  # of `text`
    backtracks: list[int] = field(default_factory=list)  # the places it went back to
    avoided: dict[int, list[str]] = field(default_factory=dict)  # first texts, by place
    waiting: bool = False  # for the engine to end the cancelled request
    cancelled: bool = False


class BanningEngine:
    """An `Engine` around another engine, whose replies have no banned phrase."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        # By the number of their first request; each continuation is a new request of the engine.
        self._replies: dict[RequestId, Reply] = {}
        self._by_inner: dict[RequestId, RequestId] = {}

        self.can_avoid = engine.can_avoid
        self.continues = engine.continues
        self.reads_ahead = engine.reads_ahead
        self.context_tokens = engine.context_tokens

    @property
    def busy(self) -> bool:
        """Whether any reply is waiting or running."""
        return bool(self._replies) or self.engine.busy

    def __getattr__(self, name: str) -> Any:
        """Whatever the inner engine has beside the interface, for checks."""
        return getattr(self.engine, name)

    def ignores(self, sampling: SamplingParams) -> tuple[Setting, ...]:
        """The settings that the inner engine does not support."""
        return self.engine.ignores(sampling)

    def count(self, text: str) -> int:
        """The number of tokens of `text`."""
        return self.engine.count(text)

    def render_chat(self, messages: list[Message], begun: str) -> str:
        """The prompt in the chat template of the inner engine."""
        return self.engine.render_chat(messages, begun)

    def submit(
        self, prompt: str, sampling: SamplingParams, output: OutputFormat | None = None
    ) -> RequestId:
        """Queue a prompt. Raises ValueError as the inner engine does."""
        # A text that a program reads is constrained by its format alone.
        phrases = phrases_for(() if output else sampling.banned, sampling.worn and not output)
        if sampling.echoes and self.engine.can_avoid and not output:
            phrases = phrases.with_more(Phrases(sampling.echoes))
        bare = sampling.model_copy(update={"banned": (), "worn": False, "echoes": ()})
        request = self.engine.submit(prompt, bare, output)
        if phrases:
            watch = Watch(phrases, prompt[-PROMPT_CHARS:])
            self._replies[request] = Reply(prompt, bare, output, phrases, watch, request)
        return request

    def prefill(self, prompt: str) -> RequestId | None:
        """Prefill in the inner engine, as `Engine.prefill` says."""
        return self.engine.prefill(prompt)

    def cancel(self, request: RequestId) -> None:
        """End a request, also between two requests of the inner engine."""
        reply = self._replies.get(request)
        if reply is None:
            self.engine.cancel(request)
            return
        reply.cancelled = True
        if reply.inner is not None and not reply.waiting:
            self.engine.cancel(reply.inner)

    def step(self) -> list[NewText]:
        """Advance the inner engine. Raises EngineBroken."""
        news: list[NewText] = []
        for text in self.engine.step():
            request = self._by_inner.get(text.request, text.request)
            reply = self._replies.get(request)
            if reply is None:
                news.append(text)
            elif not reply.waiting:
                self._handle(request, reply, text, news)
            elif text.finish:
                self._resume(request, reply, news)
        return news

    def _handle(self, request: RequestId, reply: Reply, new: NewText, news: list[NewText]) -> None:
        """Handle the new text of one reply."""
        if reply.backtracks:
            new = replace(new, cached=None)  # it was reported for the first prompt
        begun = len(reply.text)
        if new.text or new.tokens:
            # Half a character has no text yet: it is one piece with the token that completes it.
            if not reply.pieces or reply.pieces[-1].place < begun:
                reply.pieces.append(Piece(begun, reply.tokens, reply.watch.begun))
            reply.text += new.text
            reply.tokens += new.tokens
        found = reply.watch.hear(new.text)
        if found is None and new.finish in ("stop", "length"):
            found = reply.watch.end()
        if found is not None and new.finish in (None, "stop", "length"):
            self._backtrack(request, reply, found, new, news)
            return
        if new.finish:
            # Text that was held back is returned with a regular end only.
            regular = new.finish in ("stop", "length")
            text = reply.text[reply.returned :] if regular else ""
            news.append(replace(new, request=request, text=text))
            self._forget(request)
            return
        text = self._release(reply)
        if text or new.tokens or new.cached is not None:
            news.append(replace(new, request=request, text=text))

    def _release(self, reply: Reply) -> str:
        """The text that can be returned now: all before a phrase that may have begun.

        Another phrase may have begun before the piece of that one, and not been completed: it may
        be completed after all where the reply goes back to between the two.
        """
        held, until = reply.watch.begun, len(reply.text)
        while held is not None:
            piece = piece_of(reply, held)
            if piece.place == until:
                break
            held, until = piece.begun, piece.place
        text = reply.text[reply.returned : until]
        reply.returned = max(reply.returned, until)
        return text

    def _backtrack(
        self, request: RequestId, reply: Reply, found: Found, new: NewText, news: list[NewText]
    ) -> None:
        """Remove a complete phrase, and continue the reply from before it."""
        place, tokens = self._place_before(reply, found)
        following = [piece.place for piece in reply.pieces if piece.place > place]
        first = reply.text[place : following[0] if following else len(reply.text)]
        kept = reply.text[:place]
        reply.text, reply.tokens = kept, tokens
        reply.pieces = [piece for piece in reply.pieces if piece.place < place]
        reply.backtracks.append(place)
        reply.avoided.setdefault(place, []).append(first)
        reply.watch = watch_after(reply, kept)
        text = self._release(reply)
        news.append(NewText(request, text, new.tokens, banned=(found.phrase,)))
        if new.finish:
            self._resume(request, reply, news)
        else:
            assert reply.inner is not None
            reply.waiting = True
            self.engine.cancel(reply.inner)

    def _place_before(self, reply: Reply, found: Found) -> tuple[int, int]:
        """The place before a phrase that a reply goes back to, and the number of tokens up to it.

        It is where the token begins that must not come again. For an engine without `not_first` it
        is the end of the word before: a server may send half a reply as one text.
        """
        piece = piece_of(reply, found.start)
        if self.engine.can_avoid:
            return piece.place, piece.tokens
        place = max(piece.place, len(reply.text[: max(found.start, 0)].rstrip()))
        after = [each for each in reply.pieces if each.place > piece.place]
        end, tokens = (
            (after[0].place, after[0].tokens) if after else (len(reply.text), reply.tokens)
        )
        share = (place - piece.place) / max(1, end - piece.place)
        return place, piece.tokens + round(share * (tokens - piece.tokens))

    def _resume(self, request: RequestId, reply: Reply, news: list[NewText]) -> None:
        """Continue a reply whose request has ended, or end it."""
        if reply.inner is not None:
            self._by_inner.pop(reply.inner, None)
            reply.inner = None
        reply.waiting = False
        if reply.cancelled:
            self._end(request, news, "cancelled")
            return
        place = reply.backtracks[-1]
        left = reply.sampling.max_tokens - reply.tokens
        tries = len(reply.backtracks)
        most = MOST_BACKTRACKS if self.engine.can_avoid else MOST_RETRIES
        if left < 1 or tries > most or reply.backtracks.count(place) > MOST_AT_ONE_PLACE:
            self._end(request, news, "length")
            return
        seed = reply.sampling.seed
        sampling = reply.sampling.model_copy(
            update={
                "max_tokens": left,
                "seed": None if seed is None else seed + SEED_STEP * tries,
                "not_first": tuple(dict.fromkeys(reply.avoided[place])),
                **({} if self.engine.can_avoid else retry_sampling(reply.sampling)),
            }
        )
        try:
            inner = self.engine.submit(reply.prompt + reply.text, sampling, reply.output)
        except ValueError:  # encoded again, a text may have some more tokens
            self._end(request, news, "length")
            return
        except EngineBroken:
            raise
        except Exception as error:  # an error of one reply does not fail the others
            self._end(request, news, "error", f"{type(error).__name__}: {error}")
            return
        reply.inner = inner
        self._by_inner[inner] = request

    def _end(
        self, request: RequestId, news: list[NewText], finish: Finish, error: str = ""
    ) -> None:
        """End a reply before a phrase, with text that was held back for another one."""
        reply = self._replies[request]
        text = self._without_last_phrase(reply)[reply.returned :] if finish == "length" else ""
        news.append(NewText(request, text, 0, finish, error, shortened=finish == "length"))
        self._forget(request)

    def _without_last_phrase(self, reply: Reply) -> str:
        """The text of a reply without phrases that are complete only because the reply ends."""
        while reply.text and (found := watch_after(reply, reply.text).end()):
            place, reply.tokens = self._place_before(reply, found)
            reply.text = reply.text[:place]
            reply.pieces = [piece for piece in reply.pieces if piece.place < place]
        return reply.text

    def _forget(self, request: RequestId) -> None:
        reply = self._replies.pop(request)
        if reply.inner is not None:
            self._by_inner.pop(reply.inner, None)


def piece_of(reply: Reply, place: int) -> Piece:
    """The piece that holds a place; the first one for a place in the prompt."""
    before = (piece for piece in reversed(reply.pieces) if piece.place <= max(place, 0))
    return next(before, Piece())


def watch_after(reply: Reply, text: str) -> Watch:
    """A phrase matcher that has read the end of the prompt and `text`."""
    return Watch(reply.phrases, reply.prompt[-PROMPT_CHARS:] + text, begins=len(text))


def retry_sampling(sampling: SamplingParams) -> dict[str, float]:
    """Changes that keep a greedy reply from generating the same text again."""
    return {"temperature": RETRY_TEMPERATURE} if sampling.temperature == 0 else {}
