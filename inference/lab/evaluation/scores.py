"""One reply's measures, and the figures of many. Pure."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from inference.contract.plain import Plain
from inference.contract.request import Passage
from inference.lab.evaluation.accuracy import Known, shown_share
from inference.lab.evaluation.endings import cut, empty, leaks
from inference.lab.evaluation.facts import contradicts, stated_of
from inference.lab.evaluation.repetition import distinct_3, loops, repeats
from inference.lab.evaluation.situations import Situation
from inference.lab.evaluation.telling import Told
from inference.lab.evaluation.voice import past_tense, says_you, speaks_for_player, wrong_person
from inference.reply import shown_action
from inference.world.absent import absent_answers
from inference.world.dead import dead_acts
from inference.world.lost import lost_used


class Score(Plain):
    """One reply with its measures. `story` is what it belongs to, `seed` which telling of it."""

    story: str
    trap: str = ""
    turn: int = 0
    seed: int = 0
    action: str
    reply: str
    raw: tuple[str, ...] = ()  # each telling as the engine gave it, before anything was mended
    empty: bool
    cut: bool
    loops: bool
    repeats: bool
    speaks: bool
    wrong_person: bool
    past_tense: bool = False
    says_you: bool
    leaks: bool
    facts: int = 0
    facts_kept: int = 0
    card_facts: int = 0
    card_facts_used: int = 0
    dead: bool = False  # someone dead was there to be left in peace
    dead_acts: bool = False
    lost: bool = False  # a lost thing was there to be left alone
    lost_used: bool = False
    absent: bool = False  # someone absent was called or needed
    absent_answers: bool = False
    dice: str = ""  # how they fell
    contradicts: bool = False
    words: int
    tokens: int
    seconds: float
    resampled: tuple[str, ...] = ()
    shortened: str = ""
    error: str = ""
    prompt_tokens: int = 0
    found_again: int = 0  # of the prompt's tokens, where the story outgrew the window
    cut_story: bool = False  # it did


def score(
    story: str,
    action: Passage,
    told: Told,
    before: Sequence[str],
    player: str = "",
    situation: Situation | None = None,
    names: Sequence[str] = (),
    reminder: str = "",
    **more: Any,
) -> Score:
    """The measures of a reply to `action`.

    `before` are all the replies before it in its story, the opening among them; `names` may be said
    as often as anybody likes. `reminder` is the narrator's, which no reply should say.
    """
    reply = told.reply
    shown = shown_action(action.kind, action.action)
    facts = situation.facts if situation else ()
    card_facts = situation.card_facts if situation else ()
    return Score(
        story=story,
        trap=situation.trap if situation else "",
        action=shown,
        reply=reply,
        raw=tuple(told.raw),
        empty=empty(reply),
        cut=cut(reply),
        loops=loops(reply),
        repeats=repeats(reply, before, shown, names),
        speaks=speaks_for_player(reply, shown),
        wrong_person=wrong_person(reply, player),
        past_tense=past_tense(reply),
        says_you=says_you(reply),
        leaks=leaks(reply, reminder),
        facts=len(facts),
        facts_kept=stated_of(facts, reply),
        card_facts=len(card_facts),
        card_facts_used=stated_of(card_facts, reply),
        dead=bool(situation and situation.dead),
        dead_acts=bool(
            situation
            and situation.dead
            and dead_acts(situation.dead, reply, shown, situation.pronoun)
        ),
        lost=bool(situation and situation.lost),
        lost_used=bool(situation and situation.lost and lost_used(situation.lost, reply, shown)),
        absent=bool(situation and situation.absent),
        absent_answers=bool(
            situation
            and situation.absent
            and absent_answers(situation.absent, reply, shown, situation.pronoun)
        ),
        dice=(situation.dice or "") if situation else "",
        contradicts=bool(situation and contradicts(situation.wrong, reply)),
        words=len(reply.split()),
        tokens=told.tokens,
        seconds=round(told.seconds, 3),
        resampled=tuple(told.resampled),
        shortened=told.shortened,
        error=told.error,
        prompt_tokens=told.report.tokens if told.report else 0,
        **more,
    )


Figures = Mapping[str, float | None]


def figures(scores: Sequence[Score]) -> Figures:
    """The figures of some replies; shares are of 1. None where nothing was asked for."""
    n = len(scores)

    def share(name: str) -> float | None:
        return sum(bool(getattr(each, name)) for each in scores) / n if n else None

    def mean(name: str) -> float | None:
        return statistics.fmean(getattr(each, name) for each in scores) if n else None

    def part(some: str, of: str, among: Iterable[Score] = scores) -> float | None:
        chosen = list(among)
        whole = sum(getattr(each, of) for each in chosen)
        return sum(getattr(each, some) for each in chosen) / whole if whole else None

    stories: dict[str, list[str]] = {}
    for each in scores:
        stories.setdefault(each.story, []).append(each.reply)
    looping = sum(each.loops or each.repeats for each in scores)
    return {
        "replies": n,
        "empty": share("empty"),
        "cut": share("cut"),
        "loops": share("loops"),
        "repeats": share("repeats"),
        "looping": looping / n if n else None,
        "speaks": share("speaks"),
        "wrong_person": share("wrong_person"),
        "past_tense": share("past_tense"),
        "says_you": share("says_you"),
        "leaks": share("leaks"),
        "distinct_3": statistics.fmean(map(distinct_3, stories.values())) if n else None,
        "facts_kept": part("facts_kept", "facts"),
        "card_facts_used": part("card_facts_used", "card_facts"),
        "dead_act": part("dead_acts", "dead"),
        "lost_used": part("lost_used", "lost"),
        "absent_answer": part("absent_answers", "absent"),
        "contradicts": share("contradicts"),
        "words": mean("words"),
        "tokens": mean("tokens"),
        "seconds": mean("seconds"),
        "resampled": share("resampled"),
        "shortened": share("shortened"),
        "errors": share("error"),
        "found_again": part(
            "found_again", "prompt_tokens", (each for each in scores if each.cut_story)
        ),
    }


# What the table calls them, and whether a figure is a share.
TITLES: Mapping[str, tuple[str, bool]] = {
    "replies": ("replies", False),
    "empty": ("empty", True),
    "cut": ("cut", True),
    "loops": ("loops inside", True),
    "repeats": ("repeats anything told before", True),
    "looping": ("either of the two", True),
    "speaks": ("speaks for the player", True),
    "wrong_person": ("wrong person", True),
    "past_tense": ("past tense", True),
    "says_you": ("says “you”", True),
    "leaks": ("template leaks", True),
    "distinct_3": ("distinct-3", False),
    "facts_kept": ("named facts kept", True),
    "card_facts_used": ("card facts used", True),
    "dead_act": ("the dead act", True),
    "lost_used": ("lost things used", True),
    "absent_answer": ("absent people answer", True),
    "contradicts": ("contradicts the story", True),
    "words": ("words", False),
    "tokens": ("tokens", False),
    "seconds": ("seconds", False),
    "resampled": ("told again", True),
    "shortened": ("shortened", True),
    "errors": ("errors", True),
    "found_again": ("prompt tokens found again", True),
}


def shown(name: str, value: float | None) -> str:
    """A figure as the table has it."""
    if value is None:
        return "–"
    if TITLES[name][1]:
        return f"{100 * value:.1f} %"
    return f"{value:.0f}" if name == "replies" else f"{value:.2f}"


def table(columns: Mapping[str, Figures], known: Known = MappingProxyType({})) -> str:
    """A Markdown table: a row a figure, a column a part. Rows that say nothing are left out.

    `known` stands beside: how far each figure can be believed.
    """
    beside = ("precision", "recall") if known else ()
    lines = [["", *columns, *beside], ["---", *("---:" for _ in (*columns, *beside))]]
    for name, (title, _) in TITLES.items():
        values = [shown(name, each.get(name)) for each in columns.values()]
        if set(values) == {"–"}:
            continue
        if known:
            measure = known.get(name)
            values += (
                [shown_share(measure.precision), shown_share(measure.recall)]
                if measure
                else ["", ""]
            )
        lines.append([title, *values])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
