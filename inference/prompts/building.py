"""Builds the prompt of a turn, and the clean-up of its reply. Pure; docs/context.md describes it.

    memory, pinned cards | story, cut from the oldest | summary, fired cards, note | action | told

or, with `cards_beside_action`,

    memory, pinned cards, summary | story with its cards, note | recalled, world | action | told

Parts that do not change come first, so that the engine finds them in its prompt cache.
"""

from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.contract.sampling import SamplingParams
from inference.narrators import Narrator
from inference.prompts.beginnings import facts_of, first_words, texts_of
from inference.prompts.budget import allocate
from inference.prompts.cutting import CHARS_PER_TOKEN, Count, common_front
from inference.prompts.echoes import echoes_for
from inference.prompts.fitting import fired_cards, fit
from inference.prompts.formats import (
    ChatMessage,
    RenderChat,
    chat,
    chat_pieces,
    chat_text,
    text_of,
    transcript,
)
from inference.prompts.parts import BuiltPrompt, Given, Report
from inference.prompts.stalling import stands_still
from inference.reply import ReplyStream
from inference.reply.worn import phrases_for
from inference.screening import Listener, screen_for

# A reply may exceed the narrator's max_tokens by this share, to complete its last sentence.
MARGIN = 0.5

# Replies that a new one should not resemble; older ones it should not repeat exactly.
RECENT_REPLIES = 6

# Two actions without a common word: their prompts differ from the action on.
GUESSES = (Passage(kind="do", action="…"), Passage(kind="continue"))


def build(
    request: GenerationRequest,
    narrator: Narrator,
    count: Count,
    render_chat: RenderChat,
    window: int,
) -> BuiltPrompt:
    """The prompt for a turn. With its reply it never exceeds `window` tokens of the engine.

    Raises ValueError where the window has no room for any prompt.
    """
    if request.output is not None:  # its format applies from the first token on
        request = request.model_copy(update={"told": ""})
    if narrator.state == "none":
        context = request.context.model_copy(update={"world": None})
        request = request.model_copy(update={"context": context})
    sampling = sampling_for(request, narrator, count, window)
    room = window - sampling.max_tokens

    reminder = narrator.reminder if wants_reminder(request.context, narrator) else ""

    def conversation(given: Given) -> list[ChatMessage]:
        return chat(given, narrator.style, narrator.example, reminder)

    def render(given: Given) -> str:
        if narrator.format == "transcript":
            return text_of(transcript(given))
        return chat_text(conversation(given), given.begun, render_chat)

    def tokens(given: Given) -> int:
        return count(render(given))

    budget = allocate(request, narrator, count, room)
    given = fit(budget, room, tokens)
    if narrator.format == "transcript":
        pieces = transcript(given)
    else:
        pieces = chat_pieces(conversation(given), given.begun, render_chat)
    text = text_of(pieces)
    passages = len(request.context.story)
    report = Report(
        tokens=count(text),
        window=window,
        max_tokens=sampling.max_tokens,
        pieces=tuple(pieces),
        fired=fired_cards(given),
        left_out=given.left_out,
        passed_over=given.passed_over,
        recalled=tuple(each.model_copy(update={"text": ""}) for each in given.earlier),
        cut={origin: lost for origin, lost in given.cut.items() if lost},
        sampling=sampling,
        passages=passages,
        first=next((line.passage for line in given.story if line.passage is not None), passages),
    )
    return BuiltPrompt(text, sampling, report, request.output)


def stable_front(
    request: GenerationRequest,
    narrator: Narrator,
    count: Count,
    render_chat: RenderChat,
    window: int,
) -> str:
    """The first part of a turn's prompt that does not depend on the action, for a prefill.

    The action in `request` does not matter. An action that is a narrator's line, or fires another
    card, changes the prompt from the summary and cards on. Raises ValueError as `build` does.
    """

    known = tuple(each for each in request.context.earlier if not each.by_action)

    def prompt(action: Passage) -> str:
        context = request.context.model_copy(update={"action": action, "earlier": known})
        guess = request.model_copy(update={"context": context, "told": ""})
        return build(guess, narrator, count, render_chat, window).text

    one, other = map(prompt, GUESSES)
    return one[: common_front(one, other)]


def room_for_prompt(window: int, max_tokens: int) -> int:
    """The tokens of a window that a prompt may take, beside a reply of `max_tokens`."""
    return window - max(1, min(int(max_tokens * (1 + MARGIN)), window // 2))


def wants_reminder(context: StoryContext, narrator: Narrator) -> bool:
    """Whether the narrator's reminder stands after this turn's action."""
    if narrator.reminder_when == "always" or context.action.kind == "continue":
        return True
    return stands_still(context.story)


def sampling_for(
    request: GenerationRequest, narrator: Narrator, count: Count, window: int
) -> SamplingParams:
    """The sampling, with the margin for the last sentence and less the tokens of `request.told`."""
    sampling = request.sampling or narrator.sampling
    wanted = int(sampling.max_tokens * (1 + MARGIN))
    if request.told:
        wanted = max(wanted - count(request.told), 16)
    update = {
        "max_tokens": max(1, min(wanted, window // 2)),
        "echoes": () if narrator.repeats_itself else echoes_for(request.context),
    }
    return sampling.model_copy(update=update)


def reply_stream(
    request: GenerationRequest, narrator: Narrator, again: bool = False
) -> ReplyStream:
    """The clean-up of the engine's raw text into the reply that players read.

    `again`: a reply that goes wrong early may be discarded and generated again.
    """
    sampling = request.sampling or narrator.sampling
    action = request.context.action
    story = () if narrator.repeats_itself else request.context.story
    told = [passage.reply for passage in story if passage.reply]
    facts = facts_of(request.context, narrator)
    return ReplyStream(
        action.kind,
        "" if narrator.repeats_itself else action.action,
        request.told,
        enough=sampling.max_tokens * CHARS_PER_TOKEN,
        begun=first_words(request, narrator, facts),
        recent=told[-RECENT_REPLIES:],
        older=told[:-RECENT_REPLIES],
        again=again,
        sentences=narrator.shows == "sentences",
        rules=Listener(screen_for(request.screening)) if request.screening else None,
        bans=phrases_for(sampling.banned, sampling.worn),
        reminder=narrator.reminder,
        texts=() if narrator.repeats_itself else texts_of(request.context),
        facts=facts,
        fact=request.fact,
    )
