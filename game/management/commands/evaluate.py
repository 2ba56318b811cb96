"""`manage.py evaluate [NAME]`: how well a narrator tells, as one table.

Plays the written situations through the narrator, some seeds each, and lets adventures play
themselves for many turns. Any narrator of any narrators file: `--file mine.yaml my-narrator`.
"""

import json
import os
import re
import signal
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from pydantic import ValidationError

from game.play import dice
from game.scenarios import SHIPPED, ScenarioError, ScenarioFile, read_scenario
from inference.contract.request import Card, GenerationRequest, Passage
from inference.engines.base import EngineBroken
from inference.engines.host import load
from inference.lab.evaluation.accuracy import (
    ENOUGH,
    READ,
    Known,
    keep_accuracy,
    read_accuracy,
    report,
)
from inference.lab.evaluation.measures import accuracy, read_labelled
from inference.lab.evaluation.playing import Play, draw, play, read_actions, seed_of
from inference.lab.evaluation.runs import Run, keep
from inference.lab.evaluation.scores import TITLES, Figures, Score, figures, score, table
from inference.lab.evaluation.situations import (
    Beginning,
    Moment,
    SituationsError,
    read_situations,
)
from inference.lab.evaluation.telling import Teller, Told
from inference.models.store import ModelError, first_default
from inference.narrators import Narrator, NarratorsError, UnknownNarrator, load_narrators

TENS = 10
INTERRUPTED = 128 + signal.SIGINT  # exit status, as shells have it


class Command(BaseCommand):
    help = "Plays written situations and whole adventures through a narrator; prints one table."
    requires_system_checks: list[str] = []  # they may ask the database, which this does without

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="a narrator; the default one if left out")
        parser.add_argument(
            "--file", type=Path, help="the narrators file that has it; NARRATORS_FILE if left out"
        )
        parser.add_argument("--seeds", type=int, default=3, help="tellings of each situation")
        parser.add_argument("--plays", type=int, default=8, help="adventures that play themselves")
        parser.add_argument("--turns", type=int, default=50, help="turns of each of them")
        parser.add_argument("--only", default="", help="situations whose name has this in it")
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="another setting of the narrator: format=transcript, sampling.temperature=0.8",
        )
        parser.add_argument(
            "--check-measures",
            action="store_true",
            help="tell nothing; hold the measures against the replies labelled by hand",
        )
        parser.add_argument(
            "--write", action="store_true", help="with --check-measures: keep what is found"
        )
        parser.add_argument(
            "--again",
            type=Path,
            metavar="FOLDER",
            help="tell nothing; measure what --save kept there with the measures as they are now",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object for each figure")
        parser.add_argument(
            "--save",
            type=Path,
            metavar="FOLDER",
            help="keep every reply there, the adventures to read, and the table as JSON",
        )

    def handle(self, *args: Any, name: str | None, **options: Any) -> None:
        try:
            self.evaluate(name, options)
        except KeyboardInterrupt:
            self.stderr.write("stopped")
            self.stderr.flush()
            # At its usual end Python stops llama.cpp's threads in mid-reply, which aborts.
            os._exit(INTERRUPTED)

    def evaluate(self, name: str | None, options: dict[str, Any]) -> None:
        if options["check_measures"]:
            self.check_measures(write=options["write"])
            return
        if options["again"]:
            self.stdout.write(table(measured_again(options["again"]), read_accuracy()))
            return
        try:
            narrators = load_narrators(options["file"] or settings.INFERENCE.narrators_file)
            narrator = (
                narrators.get(name)
                if name
                else first_default(narrators.defaults, settings.INFERENCE)
            )
            narrator = changed(narrator, options["set"])
            begun = beginnings()
            moments = read_situations(begun, outcomes=dice.OUTCOME_LINES)
            moments = [each for each in moments if options["only"] in each.name]
            teller = Teller(narrator, load(narrator, settings.INFERENCE))
            kept = Kept(options["save"])
            situations = self.tell(teller, moments, options["seeds"], kept)
            plays = self.play(teller, begun, options["plays"], options["turns"], kept)
        except (
            ModelError,
            NarratorsError,
            UnknownNarrator,
            ScenarioError,
            SituationsError,
        ) as wrong:
            raise CommandError(str(wrong)) from wrong
        except (EngineBroken, ValueError, RuntimeError) as wrong:
            raise CommandError(str(wrong)) from wrong
        told = columns(situations, plays)
        if options["save"] is not None:
            keep(run_of(narrator, told, options), options["save"])
        self.report(narrator, told, as_json=options["json"])

    def check_measures(self, write: bool) -> None:
        """Print what is known of each measure. Raises CommandError where one is not good enough."""
        known = measures_held()
        if write:
            keep_accuracy(known)
        titles = {figure: title for figure, (title, _) in TITLES.items()}
        self.stdout.write(report(known, titles))
        poor = [titles[name] for name, each in known.items() if not (name in READ or each.enough)]
        if poor:
            raise CommandError(f"under {ENOUGH} of precision or recall: {', '.join(poor)}")

    def tell(self, teller: Teller, moments: list[Moment], seeds: int, kept: "Kept") -> list[Score]:
        """Every situation with every seed."""
        asked = [(moment, seed) for seed in range(seeds) for moment in moments]
        requests = [request_for(moment, seed, teller.narrator) for moment, seed in asked]
        scores: dict[int, Score] = {}

        def heard(place: int, told: Told) -> None:
            moment, seed = asked[place]
            scores[place] = score(
                moment.name,
                moment.context.action,
                told,
                [each.reply for each in moment.context.story],
                moment.player,
                moment.situation,
                moment.names,
                teller.narrator.reminder,
                seed=seed,
            )
            kept.situation(scores[place])
            if len(scores) % 50 == 0:
                self.stderr.write(f"{len(scores)} of {len(requests)} replies")

        teller.tell(requests, heard)
        return [scores[place] for place in range(len(requests))]

    def play(
        self,
        teller: Teller,
        begun: dict[str, Beginning],
        number: int,
        turns: int,
        kept: "Kept",
    ) -> list[Play]:
        """So many adventures, from one scenario after the other."""
        written = read_actions()
        names = [name for name in begun if begun[name].cards] or list(begun)
        plays = []
        for index in range(number if turns else 0):
            name, seed = names[index % len(names)], index // len(names)
            drawn = draw(begun[name], written, turns, f"{name} {seed}")
            plays.append(Play(name, begun[name], seed, drawn))

        def heard(turn: int) -> None:
            kept.plays(plays)
            if turn % TENS == 0:
                self.stderr.write(f"turn {turn} of {turns}")

        play(teller, plays, turns, heard)
        return plays

    def report(self, narrator: Narrator, told: dict[str, Figures], as_json: bool) -> None:
        if not as_json:
            shown = table(told, read_accuracy())
            self.stdout.write(f"{narrator.name}, revision {narrator.fingerprint}\n\n{shown}")
            return
        who = {"narrator": narrator.name, "revision": narrator.fingerprint}
        for part, found in told.items():
            for figure, value in found.items():
                what = {"figure": figure, "value": value and round(value, 4), "part": part, **who}
                self.stdout.write(json.dumps(what))


def measures_held() -> Known:
    """The measures held against the labelled replies."""
    begun = beginnings()
    moments = {each.name: each for each in read_situations(begun, outcomes=dice.OUTCOME_LINES)}
    return accuracy(read_labelled(), moments, begun)


def changed(narrator: Narrator, pairs: Sequence[str]) -> Narrator:
    """The narrator with other settings. Raises CommandError where one is none."""
    entry = narrator.model_dump()
    for pair in pairs:
        place, found, value = pair.partition("=")
        *outer, last = place.split(".")
        inside = entry
        for key in outer:
            inside = inside.get(key) if isinstance(inside, dict) else None  # type: ignore[assignment]
        if not found or not isinstance(inside, dict):
            raise CommandError(f"--set {pair}: wants KEY=VALUE, as in sampling.temperature=0.8")
        inside[last] = yaml.safe_load(value)
    try:
        return Narrator.model_validate(entry)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        raise CommandError(f"--set {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def beginnings() -> dict[str, Beginning]:
    """The scenarios that come with the game, by name, in the order in which players see them."""
    files = {file.stem: read_scenario(file) for file in SHIPPED.glob("*.yaml")}
    ranked = sorted(files.items(), key=lambda each: (each[1].rank, each[0]))
    return {name: beginning_of(file) for name, file in ranked}


def beginning_of(file: ScenarioFile) -> Beginning:
    """A scenario with the usual answers to its questions."""
    answers = {each.name: each.default for each in file.placeholders}

    def filled(text: str) -> str:
        return string.Template(text).safe_substitute(answers).strip()

    return Beginning(
        title=file.title,
        player=answers.get("name", ""),
        memory=filled(file.memory),
        authors_note=filled(file.authors_note),
        opening=filled(file.opening),
        cards=tuple(
            Card(
                title=filled(card.title),
                keys=tuple(map(filled, card.keys)),
                text=filled(card.text),
                pinned=card.pinned,
            )
            for card in file.cards
        ),
        first_actions=tuple(
            Passage(kind=action.kind, action=filled(action.text)) for action in file.first_actions
        ),
    )


def request_for(moment: Moment, seed: int, narrator: Narrator) -> GenerationRequest:
    return GenerationRequest(
        adventure=moment.scenario,
        turn=moment.name,
        attempt=1,
        narrator=narrator.name,
        context=moment.context,
        sampling=narrator.sampling.model_copy(update={"seed": seed_of(moment.name, 0, seed)}),
    )


def columns(situations: list[Score], plays: list[Play]) -> dict[str, Figures]:
    """The table's columns: situations, plays, and those by tens of turns."""
    told: dict[str, Figures] = {}
    if situations:
        told["situations"] = figures(situations)
    played = [score for each in plays for score in each.scores]
    if played:
        told["plays"] = figures(played)
    last = max((score.turn for score in played), default=0)
    if last > TENS:
        for first in range(1, last + 1, TENS):
            some = [score for score in played if first <= score.turn < first + TENS]
            told[f"turns {first}–{min(first + TENS - 1, last)}"] = figures(some)
    return told


def measured_again(folder: Path) -> dict[str, Figures]:
    """The table of a saved run, measured anew. Raises CommandError where there is none."""
    begun = beginnings()
    moments = {each.name: each for each in read_situations(begun, outcomes=dice.OUTCOME_LINES)}
    kept = [kept_scores(folder / name) for name in ("situations.jsonl", "plays.jsonl")]
    if not any(kept):
        raise CommandError(f"{folder} has no situations.jsonl or plays.jsonl of evaluate --save")
    situations = [
        score_again(each, [turn.reply for turn in moment.context.story], moment.player, moment)
        for each in kept[0]
        if (moment := moments.get(each.story))
    ]
    plays: dict[tuple[str, int], Play] = {}
    for each in sorted(kept[1], key=lambda score: score.turn):
        if each.story in begun:
            beginning = begun[each.story]
            play = plays.setdefault(
                (each.story, each.seed), Play(each.story, beginning, each.seed, [])
            )
            before = [beginning.opening, *(turn.reply for turn in play.scores)]
            play.scores.append(score_again(each, before, beginning.player, names=beginning.names))
    return columns(situations, list(plays.values()))


def kept_scores(file: Path) -> list[Score]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        return [Score.from_message(line) for line in lines]
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, ValidationError) as problem:
        raise CommandError(f"{file} cannot be read: {str(problem).splitlines()[0]}") from None


def score_again(
    kept: Score,
    before: Sequence[str],
    player: str,
    moment: Moment | None = None,
    names: Sequence[str] = (),
) -> Score:
    """The measures of a reply that was kept; what is no measure stays as it was."""
    told = Told(
        reply=kept.reply,
        raw=list(kept.raw),
        tokens=kept.tokens,
        seconds=kept.seconds,
        resampled=list(kept.resampled),
        shortened=kept.shortened,
        error=kept.error,
    )
    measured = score(
        kept.story,
        moment.context.action if moment else Passage(kind="story", action=kept.action),
        told,
        before,
        player,
        moment.situation if moment else None,
        moment.names if moment else names,
        turn=kept.turn,
        seed=kept.seed,
        found_again=kept.found_again,
        cut_story=kept.cut_story,
    )
    # Whose reminder it was is not known any more.
    leaks = measured.leaks or kept.leaks
    return measured.model_copy(update={"prompt_tokens": kept.prompt_tokens, "leaks": leaks})


def run_of(narrator: Narrator, told: dict[str, Figures], options: dict[str, Any]) -> Run:
    """What is kept of a run beside its replies."""
    return Run(
        narrator=narrator.name,
        revision=narrator.fingerprint,
        entry=narrator.model_dump(mode="json"),
        tried=tuple(options["set"]),
        seeds=options["seeds"],
        plays=options["plays"],
        turns=options["turns"],
        columns={part: dict(found) for part, found in told.items()},
    )


class Kept:
    """Every reply in a folder as soon as it is told: what is broken off is not lost.

    situations.jsonl and plays.jsonl have a reply a line, adventures.md the plays to read.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "situations.jsonl").write_text("", encoding="utf-8")

    def situation(self, each: Score) -> None:
        if self.folder is not None:
            with (self.folder / "situations.jsonl").open("a", encoding="utf-8") as file:
                file.write(f"{each.model_dump_json()}\n")

    def plays(self, plays: list[Play]) -> None:
        if self.folder is not None:
            played = (score for each in plays for score in each.scores)
            lines = "".join(f"{each.model_dump_json()}\n" for each in played)
            (self.folder / "plays.jsonl").write_text(lines, encoding="utf-8")
            stories = "\n".join(map(as_markdown, plays))
            (self.folder / "adventures.md").write_text(stories, encoding="utf-8")


def as_markdown(played: Play) -> str:
    parts = [f"### {played.beginning.title}", played.beginning.opening]
    for each in played.scores:
        parts += [f"> {' '.join(each.action.split())}"] if each.action else ["> (continue)"]
        parts.append(re.sub(r"\n+", "\n\n", each.reply) or "*(no words)*")
    return "\n\n".join(parts) + "\n"
