"""`manage.py evaluate [NAME]`: the quality of a narrator's replies, as one table.

Generates replies to the written situations, with several seeds each, and plays whole adventures
with drawn actions. For any narrator of any narrators file: `--file mine.yaml my-narrator`.
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

from game.scenarios import SHIPPED, ScenarioError, ScenarioFile, read_scenario
from inference.contract.outcomes import OUTCOME_LINES
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
from inference.lab.evaluation.measures import accuracy, held_of, read_labelled
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
    """Evaluates a narrator, or scores saved replies again, or checks the measures themselves."""

    help = "Plays written situations and whole adventures through a narrator; prints one table."
    requires_system_checks: list[str] = []  # they may ask the database, which this does without

    def add_arguments(self, parser: CommandParser) -> None:
        """Which narrator, how many replies, and what to save."""
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
        """Evaluate; Ctrl-C exits with status 130."""
        try:
            self.evaluate(name, options)
        except KeyboardInterrupt:
            self.stderr.write("stopped")
            self.stderr.flush()
            # A normal exit of Python would stop llama.cpp's threads in a reply, which aborts.
            os._exit(INTERRUPTED)

    def evaluate(self, name: str | None, options: dict[str, Any]) -> None:
        """Do what the options ask for. Raises CommandError."""
        if options["check_measures"]:
            self.check_measures(write=options["write"])
            return
        if options["again"]:
            self.stdout.write(table(score_saved_run(options["again"]), read_accuracy()))
            return
        try:
            narrators = load_narrators(options["file"] or settings.INFERENCE.narrators_file)
            narrator = (
                narrators.get(name)
                if name
                else first_default(narrators.defaults, settings.INFERENCE)
            )
            narrator = with_settings(narrator, options["set"])
            begun = beginnings()
            moments = read_situations(begun, outcomes=OUTCOME_LINES)
            moments = [each for each in moments if options["only"] in each.name]
            teller = Teller(narrator, load(narrator, settings.INFERENCE))
            files = ReplyFiles(options["save"])
            situations = self.score_situations(teller, moments, options["seeds"], files)
            plays = self.play(teller, begun, options["plays"], options["turns"], files)
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
        parts = columns(situations, plays)
        if options["save"] is not None:
            keep(run_of(narrator, parts, options), options["save"])
        self.report(narrator, parts, as_json=options["json"])

    def check_measures(self, write: bool) -> None:
        """Print the accuracy of each measure. Raises CommandError if one is too low."""
        found = measure_accuracy()
        if write:
            keep_accuracy(found)
        titles = {figure: title for figure, (title, _) in TITLES.items()}
        self.stdout.write(report(found, titles))
        self.stdout.write("\nOf these, kept for scores alone:\n\n")
        self.stdout.write(report(measure_accuracy(held=True), titles))
        poor = [titles[name] for name, each in found.items() if not (name in READ or each.enough)]
        if poor:
            raise CommandError(f"under {ENOUGH} of precision or recall: {', '.join(poor)}")

    def score_situations(
        self, teller: Teller, moments: list[Moment], seeds: int, files: "ReplyFiles"
    ) -> list[Score]:
        """Generate and score a reply for every situation and seed."""
        pairs = [(moment, seed) for seed in range(seeds) for moment in moments]
        requests = [request_for(moment, seed, teller.narrator) for moment, seed in pairs]
        scores: dict[int, Score] = {}

        def record(place: int, reply: Told) -> None:
            moment, seed = pairs[place]
            scores[place] = score(
                moment.name,
                moment.context.action,
                reply,
                [each.reply for each in moment.context.story],
                moment.player,
                moment.situation,
                moment.names,
                teller.narrator.reminder,
                seed=seed,
            )
            files.situation(scores[place])
            if len(scores) % 50 == 0:
                self.stderr.write(f"{len(scores)} of {len(requests)} replies")

        teller.tell(requests, record)
        return [scores[place] for place in range(len(requests))]

    def play(
        self,
        teller: Teller,
        begun: dict[str, Beginning],
        number: int,
        turns: int,
        files: "ReplyFiles",
    ) -> list[Play]:
        """Play `number` adventures, from the scenarios in turn."""
        written = read_actions()
        names = [name for name in begun if begun[name].cards] or list(begun)
        plays = []
        for index in range(number if turns else 0):
            name, seed = names[index % len(names)], index // len(names)
            drawn = draw(begun[name], written, turns, f"{name} {seed}")
            plays.append(Play(name, begun[name], seed, drawn))

        def record(turn: int) -> None:
            files.plays(plays)
            if turn % TENS == 0:
                self.stderr.write(f"turn {turn} of {turns}")

        play(teller, plays, turns, record)
        return plays

    def report(self, narrator: Narrator, parts: dict[str, Figures], as_json: bool) -> None:
        """Print the table, or a JSON object for each figure."""
        if not as_json:
            printed = table(parts, read_accuracy())
            self.stdout.write(f"{narrator.name}, revision {narrator.fingerprint}\n\n{printed}")
            return
        who = {"narrator": narrator.name, "revision": narrator.fingerprint}
        for part, found in parts.items():
            for figure, value in found.items():
                what = {"figure": figure, "value": value and round(value, 4), "part": part, **who}
                self.stdout.write(json.dumps(what))


def measure_accuracy(held: bool = False) -> Known:
    """The accuracy of the measures on the replies labelled by hand; `held`: on those alone."""
    begun = beginnings()
    moments = {each.name: each for each in read_situations(begun, outcomes=OUTCOME_LINES)}
    labelled = read_labelled()
    return accuracy(held_of(labelled) if held else labelled, moments, begun)


def with_settings(narrator: Narrator, pairs: Sequence[str]) -> Narrator:
    """The narrator with other settings (`KEY=VALUE`). Raises CommandError for an invalid one."""
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
    """The scenarios that come with Grue by slug, in the order in which players see them."""
    files = {file.stem: read_scenario(file) for file in SHIPPED.glob("*.yaml")}
    ranked = sorted(files.items(), key=lambda each: (each[1].rank, each[0]))
    return {name: beginning_of(file) for name, file in ranked}


def beginning_of(file: ScenarioFile) -> Beginning:
    """A scenario with the default answers to its questions."""
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
    """The request for a reply to a situation, with a seed."""
    return GenerationRequest(
        adventure=moment.scenario,
        turn=moment.name,
        attempt=1,
        narrator=narrator.name,
        context=moment.context,
        sampling=narrator.sampling.model_copy(update={"seed": seed_of(moment.name, 0, seed)}),
    )


def columns(situations: list[Score], plays: list[Play]) -> dict[str, Figures]:
    """The table's columns: situations, plays, and plays by tens of turns."""
    parts: dict[str, Figures] = {}
    if situations:
        parts["situations"] = figures(situations)
    played = [score for each in plays for score in each.scores]
    if played:
        parts["plays"] = figures(played)
    last = max((score.turn for score in played), default=0)
    if last > TENS:
        for first in range(1, last + 1, TENS):
            some = [score for score in played if first <= score.turn < first + TENS]
            parts[f"turns {first}–{min(first + TENS - 1, last)}"] = figures(some)
    return parts


def score_saved_run(folder: Path) -> dict[str, Figures]:
    """Score the replies of a saved run again. Raises CommandError if there is none."""
    begun = beginnings()
    moments = {each.name: each for each in read_situations(begun, outcomes=OUTCOME_LINES)}
    saved = [read_scores(folder / name) for name in ("situations.jsonl", "plays.jsonl")]
    if not any(saved):
        raise CommandError(f"{folder} has no situations.jsonl or plays.jsonl of evaluate --save")
    situations = [
        score_again(each, [turn.reply for turn in moment.context.story], moment.player, moment)
        for each in saved[0]
        if (moment := moments.get(each.story))
    ]
    plays: dict[tuple[str, int], Play] = {}
    for each in sorted(saved[1], key=lambda score: score.turn):
        if each.story in begun:
            beginning = begun[each.story]
            play = plays.setdefault(
                (each.story, each.seed), Play(each.story, beginning, each.seed, [])
            )
            before = [beginning.opening, *(turn.reply for turn in play.scores)]
            play.scores.append(score_again(each, before, beginning.player, names=beginning.names))
    return columns(situations, list(plays.values()))


def read_scores(file: Path) -> list[Score]:
    """The scores in a file of a saved run; none without it. Raises CommandError."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        return [Score.from_message(line) for line in lines]
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, ValidationError) as problem:
        raise CommandError(f"{file} cannot be read: {str(problem).splitlines()[0]}") from None


def score_again(
    saved: Score,
    before: Sequence[str],
    player: str,
    moment: Moment | None = None,
    names: Sequence[str] = (),
) -> Score:
    """Score a saved reply again; what is not measured stays as it was."""
    reply = Told(
        reply=saved.reply,
        raw=list(saved.raw),
        tokens=saved.tokens,
        seconds=saved.seconds,
        resampled=list(saved.resampled),
        shortened=saved.shortened,
        error=saved.error,
    )
    measured = score(
        saved.story,
        moment.context.action if moment else Passage(kind="story", action=saved.action),
        reply,
        before,
        player,
        moment.situation if moment else None,
        moment.names if moment else names,
        turn=saved.turn,
        seed=saved.seed,
        found_again=saved.found_again,
        cut_story=saved.cut_story,
    )
    # The narrator's reminder, by which leaks are counted, is not saved.
    leaks = measured.leaks or saved.leaks
    return measured.model_copy(update={"prompt_tokens": saved.prompt_tokens, "leaks": leaks})


def run_of(narrator: Narrator, parts: dict[str, Figures], options: dict[str, Any]) -> Run:
    """What is saved of a run beside its replies."""
    return Run(
        narrator=narrator.name,
        revision=narrator.fingerprint,
        entry=narrator.model_dump(mode="json"),
        tried=tuple(options["set"]),
        seeds=options["seeds"],
        plays=options["plays"],
        turns=options["turns"],
        columns={part: dict(found) for part, found in parts.items()},
    )


class ReplyFiles:
    """Writes every reply into a folder at once, so that an interrupted run loses none.

    situations.jsonl and plays.jsonl have a reply per line, adventures.md the plays to read.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "situations.jsonl").write_text("", encoding="utf-8")

    def situation(self, each: Score) -> None:
        """Append the reply to a situation."""
        if self.folder is not None:
            with (self.folder / "situations.jsonl").open("a", encoding="utf-8") as file:
                file.write(f"{each.model_dump_json()}\n")

    def plays(self, plays: list[Play]) -> None:
        """Write all plays as they are so far."""
        if self.folder is not None:
            played = (score for each in plays for score in each.scores)
            lines = "".join(f"{each.model_dump_json()}\n" for each in played)
            (self.folder / "plays.jsonl").write_text(lines, encoding="utf-8")
            stories = "\n".join(map(as_markdown, plays))
            (self.folder / "adventures.md").write_text(stories, encoding="utf-8")


def as_markdown(played: Play) -> str:
    """A play as Markdown, to read."""
    parts = [f"### {played.beginning.title}", played.beginning.opening]
    for each in played.scores:
        parts += [f"> {' '.join(each.action.split())}"] if each.action else ["> (continue)"]
        parts.append(re.sub(r"\n+", "\n\n", each.reply) or "*(no words)*")
    return "\n\n".join(parts) + "\n"
