"""Summaries of the part of a story that no longer fits into its narrator's prompt. Pure.

There are two ways. `extract` picks sentences of the story itself: it needs no model and invents
nothing. `build` makes the prompt that asks the narrator, and `cleaned` keeps of its answer what the
story confirms.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from inference.contract.request import Passage, SummaryRequest
from inference.engines.base import Message
from inference.languages import CLOSED_ENGLISH as CLOSED
from inference.narrators import Narrator
from inference.prompts.budget import SUMMARY_SHARE
from inference.prompts.cutting import CHARS_PER_TOKEN, Count, trimmed
from inference.prompts.formats import RenderChat
from inference.prompts.lines import lines_of
from inference.prompts.parts import BuiltPrompt, Piece, Report
from inference.reply import neutralise
from inference.reply.sentences import ABBREVIATION

LONGEST = 4_000  # characters
SHORTEST_ADDITION = 160  # characters; with less room beside a player's own words none is made
OLD_SHARE = 0.5  # of the limit, for an earlier summary
TOKENS = 160  # of a summary, at most

SENTENCE = re.compile(r"[^.!?…。！？\n]+(?:[.!?…。！？]+[\"'”’»)\]」』]*|(?=\n)|$)")
WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
NAME_WEIGHT = 4.0
LEAST_WORDS = 4  # outside CLOSED, of a sentence without a name
QUOTE_WEIGHT = 0.5  # speech matters less than events
INSTRUCTION = (
    "You keep the notes of a story. Tell in a few short sentences what has happened: who is there, "
    "where they are, what was found, lost, promised or changed. Add nothing."
)


def length_for(narrator: Narrator) -> int:
    """The limit of a summary in characters, so that it fits into this narrator's prompt."""
    return min(LONGEST, int(narrator.context * SUMMARY_SHARE * CHARS_PER_TOKEN * 0.8))


# ---- from the story itself


def extract(before: str, passages: Sequence[Passage], limit: int) -> str:
    """The sentences that weigh most, in at most `limit` characters, in the order of the story.

    `before` is an earlier summary: it is shortened to OLD_SHARE of the limit.
    """
    texts = [line.text for line in lines_of(tuple(passages)) if line.by != "dice"]
    old = sentences(before)
    new = [sentence for text in texts for sentence in sentences(text)]
    names = {name for sentence in new for name in names_in(sentence)}
    new = [sentence for sentence in new if stands_alone(sentence, names)]
    weights = word_weights([*old, *new])
    old_room = limit if not new else int(limit * OLD_SHARE)
    kept = chosen(old, weights, old_room)
    room = limit - sum(len(sentence) + 1 for sentence in kept)
    covered = {word for sentence in kept for word in words(sentence)}
    return " ".join([*kept, *chosen(new, weights, room, covered)])


def sentences(text: str) -> list[str]:
    """The sentences of a text, with single spaces."""
    found: list[str] = []
    for match in SENTENCE.finditer(text):
        sentence = " ".join(match[0].split())
        if found and ABBREVIATION.search(found[-1]):
            found[-1] = f"{found[-1]} {sentence}".strip()
        elif WORD.search(sentence):
            found.append(sentence)
    return found


def stands_alone(sentence: str, names: set[str]) -> bool:
    """Whether a sentence makes sense alone: not half of a quotation, not "You hide."."""
    if sentence.count('"') % 2 or sentence.count("“") != sentence.count("”"):
        return False
    found = words(sentence)
    return " " not in sentence or len(found) >= LEAST_WORDS or bool(found & names)


def words(sentence: str) -> set[str]:
    """The words of a sentence outside CLOSED, casefolded."""
    return {word.casefold() for word in WORD.findall(sentence)} - CLOSED


def names_in(text: str) -> set[str]:
    """Words with a capital where no sentence begins, casefolded."""
    names = set()
    for sentence in sentences(text):
        found = WORD.findall(sentence)
        names |= {word.casefold() for word in found[1:] if word[0].isupper() and len(word) > 1}
    return names - CLOSED


def word_weights(all_sentences: Sequence[str]) -> dict[str, float]:
    """The weight of each word: it grows with its frequency, and names weigh most."""
    counts = Counter(word for sentence in all_sentences for word in words(sentence))
    names = {name for sentence in all_sentences for name in names_in(sentence)}
    return {
        word: min(times, 5) ** 0.5 * (NAME_WEIGHT if word in names else 1.0)
        for word, times in counts.items()
    }


def chosen(
    candidates: Sequence[str],
    weights: dict[str, float],
    room: int,
    covered: Iterable[str] = (),
) -> list[str]:
    """The sentences that together weigh most in `room` characters, each word counted once.

    Words in `covered` weigh nothing.
    """
    counted = set(covered)
    left = dict(enumerate(candidates))
    taken: list[int] = []

    def worth(index: int) -> float:
        sentence = left[index]
        weight = sum(weights.get(word, 0.0) for word in words(sentence) - counted)
        quoted = QUOTE_WEIGHT if sentence[0] in "\"“«„「'‘" else 1.0
        return float(quoted * weight / (len(sentence) + 30) ** 0.7)

    while True:
        fitting = [index for index, sentence in left.items() if len(sentence) < room]
        best = max(fitting, key=worth, default=None)
        if best is None or worth(best) == 0:
            return [candidates[index] for index in sorted(taken)]
        sentence = left.pop(best)
        room -= len(sentence) + 1
        counted |= words(sentence)
        taken.append(best)


# ---- from the narrator


def build(
    request: SummaryRequest,
    narrator: Narrator,
    count: Count,
    render_chat: RenderChat,
    window: int,
) -> BuiltPrompt:
    """The prompt that asks for a summary; with its answer it fits into `window` tokens.

    Raises ValueError where the window has no room for it.
    """
    tokens = min(TOKENS, window // 3)
    story = "\n".join(line.text for line in lines_of(request.story))
    before = neutralise(request.before).strip()
    if before:
        story = f"{before}\n{story}"

    def render(text: str) -> str:
        prefix = answer_prefix(narrator)
        if narrator.format == "transcript":
            return f"{text}\n\nWhat has happened so far, in short: {prefix}"
        return render_chat([Message("system", INSTRUCTION), Message("user", text)], prefix)

    frame = count(render(""))
    room = window - tokens - frame
    while True:
        if room <= 0:
            raise ValueError("the narrator's context has no room for a summary")
        text = render(trimmed(story, room, count, "end"))
        size = count(text)
        if size + tokens <= window:
            break
        room -= size + tokens - window
    sampling = narrator.sampling.model_copy(
        update={
            "max_tokens": tokens,
            "temperature": min(narrator.sampling.temperature, 0.3),
            "banned": (),  # nobody reads it but the narrator
            "echoes": (),
            "worn": False,
            "xtc_probability": 0.0,
        }
    )
    report = Report(
        tokens=size,
        window=window,
        max_tokens=tokens,
        pieces=(Piece(origin="frame", text=text),),
        sampling=sampling,
    )
    return BuiltPrompt(text, sampling, report)


def answer_prefix(narrator: Narrator) -> str:
    """The first word of the answer, for models that are given the beginning of their replies.

    It is "" for the others, such as a server without prefill.
    """
    return "You" if narrator.begun or narrator.format == "transcript" else ""


def cleaned(raw: str, request: SummaryRequest) -> str:
    """Whole sentences of the narrator's answer, without names that the story does not have."""
    source = " ".join([request.before, *(line.text for line in lines_of(request.story))])
    source_words = {word.casefold() for word in WORD.findall(source)}
    kept: list[str] = []
    length = 0
    for sentence in sentences(neutralise(raw)):
        if not re.search(r"[.!?…。！？][\"'”’»)\]」』]*$", sentence) or sentence in kept:
            continue
        if names_in(sentence) - source_words:
            continue
        if length + len(sentence) > request.limit:
            break
        kept.append(sentence)
        length += len(sentence) + 1
    return " ".join(kept)
