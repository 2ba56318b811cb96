"""Any engine, telling no banned phrase: text that may become one waits, and one is told otherwise.

Where a phrase is complete, its reply goes back to before the phrase and goes on from there without
the token that began it. What has left here is never taken back.
"""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from inference.contract.output_format import OutputFormat
from inference.contract.sampling import SamplingParams, Setting
from inference.engines.base import Engine, EngineBroken, Finish, Message, NewText, RequestId
from inference.reply.phrases import Found, Phrases, Watch
from inference.reply.worn import phrases_for

# How often one reply goes back. After that it ends before the phrase.
MOST_BACKTRACKS = 16
# Where the engine can only try with other luck: each time is a request, which a server may charge.
MOST_RETRIES = 3
# At the same place: what is tried beyond that reads no better.
MOST_THERE = 6
# Characters of the prompt's end in which a phrase may begin: a reply goes on from there.
BEFORE = 200
SEED_STEP = 104_729  # any number: another seed
# Where a greedy reply goes on when the engine cannot do without a token.
WARM = 0.7


class Piece(NamedTuple):
    """Where one token's text begins: its place, the tokens before, and where a phrase had begun."""

    place: int = 0
    tokens: int = 0
    begun: int | None = None


@dataclass
class Reply:
    """One reply: what was heard of it, and what of that was passed on."""

    prompt: str
    sampling: SamplingParams
    output: OutputFormat | None
    phrases: Phrases
    watch: Watch
    inner: RequestId | None = None
    text: str = ""
    passed: int = 0  # characters
    pieces: list[Piece] = field(default_factory=list)
    tokens: int = 0  # that `text` is
    back: list[int] = field(default_factory=list)  # the places that it went back to
    avoided: dict[int, list[str]] = field(default_factory=dict)  # by place
    waiting: bool = False  # for the engine to let go of what it told last
    cancelled: bool = False


class BanningEngine:
    """Keeps the promise of `Engine` with another engine, and tells no banned phrase."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        # By the number that the engine gave them first; it has another for each time they go on.
        self._replies: dict[RequestId, Reply] = {}
        self._by_inner: dict[RequestId, RequestId] = {}

        self.can_avoid = engine.can_avoid
        self.continues = engine.continues
        self.reads_ahead = engine.reads_ahead
        self.context_tokens = engine.context_tokens

    @property
    def busy(self) -> bool:
        return bool(self._replies) or self.engine.busy

    def __getattr__(self, name: str) -> Any:
        """What this has no part in: what an engine can do besides, for checks too."""
        return getattr(self.engine, name)

    def ignores(self, sampling: SamplingParams) -> tuple[Setting, ...]:
        return self.engine.ignores(sampling)

    def count(self, text: str) -> int:
        return self.engine.count(text)

    def render_chat(self, messages: list[Message], begun: str) -> str:
        return self.engine.render_chat(messages, begun)

    def submit(
        self, prompt: str, sampling: SamplingParams, output: OutputFormat | None = None
    ) -> RequestId:
        # A text that a program reads keeps to its own rules.
        phrases = phrases_for(() if output else sampling.banned, sampling.worn and not output)
        bare = sampling.model_copy(update={"banned": (), "worn": False})
        request = self.engine.submit(prompt, bare, output)
        if phrases:
            watch = Watch(phrases, prompt[-BEFORE:])
            self._replies[request] = Reply(prompt, bare, output, phrases, watch, request)
        return request

    def prefill(self, prompt: str) -> RequestId | None:
        return self.engine.prefill(prompt)

    def cancel(self, request: RequestId) -> None:
        reply = self._replies.get(request)
        if reply is None:
            self.engine.cancel(request)
            return
        reply.cancelled = True
        if reply.inner is not None and not reply.waiting:
            self.engine.cancel(reply.inner)

    def step(self) -> list[NewText]:
        news: list[NewText] = []
        for text in self.engine.step():
            request = self._by_inner.get(text.request, text.request)
            reply = self._replies.get(request)
            if reply is None:
                news.append(text)
            elif not reply.waiting:
                self._take(request, reply, text, news)
            elif text.finish:
                self._go_on(request, reply, news)
        return news

    def _take(self, request: RequestId, reply: Reply, new: NewText, news: list[NewText]) -> None:
        """What one step brought for one reply."""
        if reply.back:
            new = replace(new, cached=None)  # it was said of its first prompt
        begun = len(reply.text)
        if new.text or new.tokens:
            # Half a character has no text yet: it is one piece with what makes it whole.
            if not reply.pieces or reply.pieces[-1].place < begun:
                reply.pieces.append(Piece(begun, reply.tokens, reply.watch.begun))
            reply.text += new.text
            reply.tokens += new.tokens
        found = reply.watch.hear(new.text)
        if found is None and new.finish in ("stop", "length"):
            found = reply.watch.end()
        if found is not None and new.finish in (None, "stop", "length"):
            self._go_back(request, reply, found, new, news)
            return
        if new.finish:
            # Words that were held go with a regular end alone.
            regular = new.finish in ("stop", "length")
            text = reply.text[reply.passed :] if regular else ""
            news.append(replace(new, request=request, text=text))
            self._forget(request)
            return
        text = self._free(reply)
        if text or new.tokens or new.cached is not None:
            news.append(replace(new, request=request, text=text))

    def _free(self, reply: Reply) -> str:
        """What may be passed on now: all before a phrase that may have begun.

        A phrase may have begun before the piece where that one stands, and been none since: it is
        one again where the reply goes back to between them.
        """
        held, until = reply.watch.begun, len(reply.text)
        while held is not None:
            piece = piece_of(reply, held)
            if piece.place == until:
                break
            held, until = piece.begun, piece.place
        text = reply.text[reply.passed : until]
        reply.passed = max(reply.passed, until)
        return text

    def _go_back(
        self, request: RequestId, reply: Reply, found: Found, new: NewText, news: list[NewText]
    ) -> None:
        """A phrase is complete: forget it, and have the reply told on from before it."""
        place, tokens = self._place_before(reply, found)
        following = [piece.place for piece in reply.pieces if piece.place > place]
        first = reply.text[place : following[0] if following else len(reply.text)]
        kept = reply.text[:place]
        reply.text, reply.tokens = kept, tokens
        reply.pieces = [piece for piece in reply.pieces if piece.place < place]
        reply.back.append(place)
        reply.avoided.setdefault(place, []).append(first)
        reply.watch = watch_after(reply, kept)
        text = self._free(reply)
        news.append(NewText(request, text, new.tokens, banned=(found.phrase,)))
        if new.finish:
            self._go_on(request, reply, news)
        else:
            assert reply.inner is not None
            reply.waiting = True
            self.engine.cancel(reply.inner)

    def _place_before(self, reply: Reply, found: Found) -> tuple[int, int]:
        """Where a reply goes back to before a phrase, and the tokens up to there.

        That is where the token begins that is to be left out. Where the engine leaves none out, it
        is the end of the word before: what a server sends at once may be half of a reply.
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

    def _go_on(self, request: RequestId, reply: Reply, news: list[NewText]) -> None:
        """The engine has let go of the reply: have it told on, or end it."""
        if reply.inner is not None:
            self._by_inner.pop(reply.inner, None)
            reply.inner = None
        reply.waiting = False
        if reply.cancelled:
            self._end(request, news, "cancelled")
            return
        place = reply.back[-1]
        left = reply.sampling.max_tokens - reply.tokens
        tries = len(reply.back)
        most = MOST_BACKTRACKS if self.engine.can_avoid else MOST_RETRIES
        if left < 1 or tries > most or reply.back.count(place) > MOST_THERE:
            self._end(request, news, "length")
            return
        seed = reply.sampling.seed
        sampling = reply.sampling.model_copy(
            update={
                "max_tokens": left,
                "seed": None if seed is None else seed + SEED_STEP * tries,
                "not_first": tuple(dict.fromkeys(reply.avoided[place])),
                **({} if self.engine.can_avoid else warmer(reply.sampling)),
            }
        )
        try:
            inner = self.engine.submit(reply.prompt + reply.text, sampling, reply.output)
        except ValueError:  # read again, a text may be some tokens longer than it was told
            self._end(request, news, "length")
            return
        except EngineBroken:
            raise
        except Exception as error:  # one reply's trouble is not that of the others
            self._end(request, news, "error", f"{type(error).__name__}: {error}")
            return
        reply.inner = inner
        self._by_inner[inner] = request

    def _end(
        self, request: RequestId, news: list[NewText], finish: Finish, error: str = ""
    ) -> None:
        """End a reply before a phrase, with words that were held for another one."""
        reply = self._replies[request]
        text = self._without_last_phrase(reply)[reply.passed :] if finish == "length" else ""
        news.append(NewText(request, text, 0, finish, error, shortened=finish == "length"))
        self._forget(request)

    def _without_last_phrase(self, reply: Reply) -> str:
        """The text of a reply without a phrase at its end, which is one as nothing follows."""
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
    """The piece that a place is in; the first for a place in the prompt."""
    before = (piece for piece in reversed(reply.pieces) if piece.place <= max(place, 0))
    return next(before, Piece())


def watch_after(reply: Reply, text: str) -> Watch:
    """A watch that has heard so much of a reply."""
    return Watch(reply.phrases, reply.prompt[-BEFORE:] + text, begins=len(text))


def warmer(sampling: SamplingParams) -> dict[str, float]:
    """What keeps a greedy reply from telling the same once more."""
    return {"temperature": WARM} if sampling.temperature == 0 else {}
