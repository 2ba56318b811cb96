"""Samples for training, as text: what a narrator reads when it is asked, and what it should tell.

The prompts are made by `inference.prompts`, the same code that serves: what a narrator learns to
read is what it will be given. No tokens here: the text is the same for every tokenizer that has the
same chat template, and where a reply stands is told in characters.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.engines.base import Message
from inference.finetune.corpus import Adventure, CorpusError, Turn
from inference.finetune.split import HELD_OUT, Side, side_of
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


def samples(adventure: Adventure, form: Form, held_out: float = HELD_OUT) -> Iterator[Sample]:
    """The samples of an adventure: each reply of its tree is learnt in exactly one of them, after
    exactly the prompt that serving would build.

    A path is one sample where the window has room for it; a longer one is several, of which each
    begins where the serving prompt does. What a branch shares with an earlier path is there to be
    read, and not learnt again. Raises CorpusError where a turn alone is longer than the window.
    """
    side = side_of(adventure.title, held_out)
    end = form.end
    asked = {turn.number: prompt_of(adventure, turn, form, end) for turn in adventure.turns}
    learnt: set[int] = set()
    for path in adventure.paths:
        found = []
        for length in range(len(path), 0, -1):
            if path[length - 1].number not in learnt:
                spans = learnt_from(path[:length], asked, end, learnt)
                learnt.update(spans)
                found.append(
                    Sample(
                        adventure=adventure.title,
                        side=side,
                        format=form.narrator.format,
                        turns=tuple(spans),
                        spans=tuple(spans.values()),
                        text=asked[path[length - 1].number].text + told_by(path[length - 1], end),
                    )
                )
        yield from reversed(found)


def learnt_from(
    path: list[Turn], asked: dict[int, BuiltPrompt], end: str, learnt: set[int]
) -> dict[int, tuple[int, int]]:
    """Which replies the prompt for the last turn teaches, and where they stand: that turn's own,
    and those before it that are not in `learnt` and whose own prompts it begins with."""
    last = path[-1]
    prompt = asked[last.number]
    spans = {}
    for passage, (begin, stop) in told_in(prompt.report.pieces, end):
        number = path[passage - 1].number
        if number not in learnt and asked[number].text == prompt.text[:begin]:
            spans[number] = (begin, stop)
    spans[last.number] = (len(prompt.text), len(prompt.text + told_by(last, end)))
    return spans


def told_by(turn: Turn, end: str) -> str:
    """A reply as the narrator should tell it."""
    return neutralise(turn.reply).strip() + end


def prompt_of(adventure: Adventure, turn: Turn, form: Form, end: str) -> BuiltPrompt:
    """What the narrator is given for `turn` in play. Raises CorpusError where it has no room."""
    # A small model is helped by a reply that is begun for it; one that learns begins its own.
    narrator = form.narrator.model_copy(update={"begun": {}})
    told = form.count(told_by(turn, end))
    request = request_of(adventure, turn)
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


def request_of(adventure: Adventure, turn: Turn) -> GenerationRequest:
    """`turn`, asked for as in play."""
    opening = Passage(kind="opening", reply=adventure.opening)
    before = (each.passage for each in adventure.path_to(turn)[:-1])
    action = turn.passage.model_copy(update={"reply": ""})
    return GenerationRequest(
        adventure="",
        turn=str(turn.number),
        attempt=1,
        narrator="",
        context=StoryContext(story=(opening, *before), action=action),
    )


def told_in(pieces: tuple[Piece, ...], end: str) -> Iterator[tuple[int, tuple[int, int]]]:
    """The replies that stand whole in a prompt: number of the passage, and where they stand.

    What ends a reply belongs to it. The opening, passage 0, was not told by the narrator.
    """
    place = 0
    for index, piece in enumerate(pieces):
        begin, place = place, place + len(piece.text)
        if piece.side != "reply" or not piece.passage or piece.skip:
            continue
        after = pieces[index + 1].text if index + 1 < len(pieces) else ""
        ended = len(after) - len(after.lstrip()) if not after.startswith(end) else 0
        ends = after[ended:].startswith(end)
        yield piece.passage, (begin, place + ended + len(end) if ends else place)
