"""Samples for training, as text: what a narrator reads when it is asked, and what it should tell.

The prompts are made by `inference.prompts`, the same code that serves: what a narrator learns to
read is what it will be given. No tokens here: the text is the same for every tokenizer that has the
same chat template, and where a reply stands is told in characters.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from inference.contract.request import GenerationRequest
from inference.engines.base import Message
from inference.finetune.corpus import Adventure, Turn
from inference.finetune.playing import Played
from inference.finetune.split import HELD_OUT, Side, side_of
from inference.finetune.trouble import CorpusError
from inference.narrators import Narrator
from inference.prompts import MARGIN, build
from inference.prompts.cutting import Count
from inference.prompts.formats import RenderChat
from inference.prompts.parts import BuiltPrompt, Piece
from inference.reply import neutralise
from inference.reply.structure import TEMPLATE_TOKEN

# After a reply the transcript goes on with the player: what a narrator tells then ends its reply.
TRANSCRIPT_END = "\n>"


@dataclass(frozen=True)
class Form:
    """How a narrator reads: its format and style, its template, and how its tokens are counted."""

    narrator: Narrator
    count: Count
    render_chat: RenderChat
    window: int  # tokens of prompt and reply together

    @property
    def end(self) -> str:
        """What the narrator tells to end its reply. Raises ValueError where the template has none.

        In a chat it is the token that the template puts behind what the assistant said.
        """
        if self.narrator.format == "transcript":
            return TRANSCRIPT_END
        mark = "\ue000"
        rendered = self.render_chat([Message("user", "x"), Message("assistant", mark)], "")
        found = TEMPLATE_TOKEN.match(rendered.partition(mark)[2].lstrip())
        if found is None:
            raise ValueError("the chat template does not show where an answer ends")
        return found[0]


@dataclass(frozen=True)
class Sample:
    """A stretch of story, and which of it is to be learnt.

    `spans` are begin and end of each reply in `text`, with what ends it, in code points; `turns`
    are the numbers of those turns in the adventure's file.
    """

    adventure: str
    side: Side
    format: str
    turns: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    text: str

    @property
    def json(self) -> str:
        """The sample as one line of JSON."""
        return json.dumps(vars(self), ensure_ascii=False)


def chatml(messages: list[Message], begun: str) -> str:
    """A chat in the template of SmolLM2, Qwen and others, for samples without a model at hand."""
    said = "".join(f"<|im_start|>{each.role}\n{each.content}<|im_end|>\n" for each in messages)
    return f"{said}<|im_start|>assistant\n{begun}"


def samples(
    adventure: Adventure, form: Form, held_out: float = HELD_OUT, every: int = 1
) -> Iterator[Sample]:
    """The samples of an adventure: each reply of its tree is learnt in exactly one of them, after
    exactly the prompt that serving would build.

    A path is one sample where the window has room for it and its prompts only grow at their end;
    else it is several. What a branch shares with an earlier path is there to be read, and not
    learnt again. Raises CorpusError where a turn alone is longer than the window.

    The state of the world, the note and recalled sentences stand in front of the newest action
    alone, so with them each turn is a sample of its own. With `every` above 1 only every so many
    turns are, counted from the end, and those that recall something: the others are learnt within
    these, after the prompt that serving would build if it knew nothing of the three.
    """
    side = side_of(adventure.title, held_out)
    prompts = Prompts(adventure, form)
    learnt: set[int] = set()
    for path in adventure.paths:
        alone = {turn.number for place, turn in enumerate(path) if is_alone(path, place, every)}
        found = []
        # From the end: a long prompt teaches the replies before it, too.
        for turn in sorted(path[::-1], key=lambda turn: turn.number not in alone):
            if turn.number in learnt:
                continue
            upto = path[: path.index(turn) + 1]
            spans = learnt_from(upto, prompts, learnt, alone)
            learnt.update(spans)
            found.append(
                Sample(
                    adventure=adventure.title,
                    side=side,
                    format=form.narrator.format,
                    turns=tuple(spans),
                    spans=tuple(spans.values()),
                    text=prompts.asked(turn).text + told_by(turn, prompts.end),
                )
            )
        yield from sorted(found, key=lambda sample: sample.turns[-1])


def is_alone(path: list[Turn], place: int, every: int) -> bool:
    """Whether a turn of a path is learnt after its own prompt, state and note included."""
    return (len(path) - 1 - place) % every == 0 or bool(path[place].earlier)


class Prompts:
    """The prompts of an adventure's turns, each built once."""

    def __init__(self, adventure: Adventure, form: Form) -> None:
        self.end = form.end
        self._adventure = adventure
        self._form = form
        self._played = Played(adventure)
        self._asked: dict[int, BuiltPrompt] = {}
        self._plain: dict[int, BuiltPrompt] = {}

    def asked(self, turn: Turn) -> BuiltPrompt:
        """What the narrator is given for a turn. Raises CorpusError where it has no room."""
        if turn.number not in self._asked:
            self._asked[turn.number] = self._prompt(turn, self._played.request(turn))
        return self._asked[turn.number]

    def plain(self, turn: Turn) -> BuiltPrompt:
        """The same where nothing is known of the world, and nothing is noted or recalled."""
        if turn.number not in self._plain:
            request = self._played.request(turn)
            known = {"world": None, "authors_note": "", "earlier": ()}
            context = request.context.model_copy(update=known)
            plain = request.model_copy(update={"context": context})
            self._plain[turn.number] = self._prompt(turn, plain)
        return self._plain[turn.number]

    def _prompt(self, turn: Turn, request: GenerationRequest) -> BuiltPrompt:
        return prompt_of(self._adventure, turn, request, self._form, self.end)


def learnt_from(
    path: list[Turn], prompts: Prompts, learnt: set[int], alone: set[int]
) -> dict[int, tuple[int, int]]:
    """Which replies the prompt for the last turn teaches, and where they stand.

    That turn's own, and those before it that are not in `learnt` and whose own prompts it begins
    with; or, for turns that are not in `alone`, whose plain prompts.
    """
    last = path[-1]
    prompt = prompts.asked(last)
    left_out = len(path) - prompt.report.passages  # turns that were not sent
    spans = {}
    for passage, (begin, stop) in told_in(prompt.report.pieces, prompts.end):
        place = passage + left_out
        if not place or path[place - 1].number in learnt:
            continue  # the opening was not told by the narrator
        turn = path[place - 1]
        before = prompt.text[:begin]
        as_asked = prompts.asked(turn).text == before
        if as_asked or (turn.number not in alone and prompts.plain(turn).text == before):
            spans[turn.number] = (begin, stop)
    spans[last.number] = (len(prompt.text), len(prompt.text + told_by(last, prompts.end)))
    return spans


def told_by(turn: Turn, end: str) -> str:
    """A reply as the narrator should tell it."""
    return neutralise(turn.reply).strip() + end


def prompt_of(
    adventure: Adventure, turn: Turn, request: GenerationRequest, form: Form, end: str
) -> BuiltPrompt:
    """The prompt for `turn` by a request of play. Raises CorpusError where it has no room."""
    # A small model is helped by a reply that is begun for it; one that learns begins its own.
    narrator = form.narrator.model_copy(update={"begun": {}})
    told = form.count(told_by(turn, end))
    if told > int(narrator.sampling.max_tokens * (1 + MARGIN)):
        sampling = narrator.sampling.model_copy(
            update={"max_tokens": min(4096, int(told / (1 + MARGIN)) + 1)}
        )
        request = request.model_copy(update={"sampling": sampling})
    what = f"turn {turn.number} is longer than the window of {form.window} tokens"
    try:
        built = build(request, narrator, form.count, form.render_chat, form.window)
    except ValueError as error:
        raise CorpusError(adventure.file, turn.line, what) from error
    whole = form.count(built.text) + told <= form.window
    if not whole or built.report.cut.keys() - {"story"}:
        raise CorpusError(adventure.file, turn.line, what)
    return built


def told_in(pieces: tuple[Piece, ...], end: str) -> Iterator[tuple[int, tuple[int, int]]]:
    """The replies that stand whole in a prompt: number of the passage, and where they stand.

    What ends a reply belongs to it.
    """
    place = 0
    for index, piece in enumerate(pieces):
        begin, place = place, place + len(piece.text)
        if piece.side != "reply" or piece.passage is None or piece.skip:
            continue
        after = pieces[index + 1].text if index + 1 < len(pieces) else ""
        ended = len(after) - len(after.lstrip()) if not after.startswith(end) else 0
        ends = after[ended:].startswith(end)
        yield piece.passage, (begin, place + ended + len(end) if ends else place)
