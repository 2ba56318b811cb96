"""The prompt of a question about the story, which continues the prompt of the next turn. Pure.

Its beginning is what a read-ahead has put into the engine's cache, byte for byte. So a question
costs its own tokens and those of the answer, and takes the place of no story in the cache: the next
turn's prompt finds the same beginning there.
"""

from inference.contract.questions import Question
from inference.engines.base import Message
from inference.narrators import Narrator
from inference.prompts.building import stable_front
from inference.prompts.cutting import Count
from inference.prompts.formats import RenderChat, frame
from inference.prompts.parts import BuiltPrompt, Report

MARK = "\ue000\ue001"


def build_question(
    question: Question,
    narrator: Narrator,
    count: Count,
    render_chat: RenderChat,
    window: int,
) -> BuiltPrompt:
    """The prompt of a question.

    Raises ValueError as `build` does, and for a chat template that alters messages.
    """
    front = stable_front(question.request, narrator, count, render_chat, window)
    text = front + ending(question.text, narrator, render_chat)
    report = Report(
        tokens=count(text),
        window=window,
        max_tokens=question.sampling.max_tokens,
        pieces=(frame(text),),
        sampling=question.sampling,
    )
    return BuiltPrompt(text, question.sampling, report, question.output)


def ending(text: str, narrator: Narrator, render_chat: RenderChat) -> str:
    """The question as the end of the player's message, up to where the answer begins."""
    if narrator.format == "transcript":
        return f"\n[{text}]\n"
    before = render_chat([Message("user", MARK)], "").partition(MARK)[0]
    # Rendered by the engine, which removes special tokens from messages.
    rendered = render_chat([Message("user", text)], "")
    if not rendered.startswith(before):
        raise ValueError("the chat template alters what it is given")
    return rendered.removeprefix(before)
