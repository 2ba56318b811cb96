"""`manage.py finetune`: checks a corpus, trains a narrator on it, evaluates and exports it."""

import errno
import os
import signal
import threading
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from game.training.corpus import collect
from inference.engines.base import EngineBroken
from inference.engines.host import die_with
from inference.finetune.corpus import Adventure, files_of, read
from inference.finetune.prepare import Form, Sample, chatml, samples
from inference.finetune.recipe import read_recipe
from inference.finetune.rules import Complaint, Measure, check, estimated_tokens, sum_of
from inference.finetune.showing import given_lines
from inference.finetune.split import HELD_OUT, side_of
from inference.finetune.stages import Stages
from inference.finetune.trouble import CorpusError, FinetuneError
from inference.models.export import ExportFailed
from inference.models.lora import AdapterError
from inference.models.store import ModelError
from inference.narrators import Narrator, NarratorsError, UnknownNarrator, load_narrators

SHIPPED = Path("data/adventures")
SIDES = ("train", "held-out")
FORMATS = ("transcript", "chat")
STAGES = ("train", "evaluate", "export")
HELP = {
    "check": "read adventures, and say what is wrong",
    "show": "show what the narrator is given for each turn of an adventure, besides the story",
    "collect": "write the adventures whose owners agreed, without names",
    "prepare": "write samples for training, as JSON lines",
    "train": "learn the samples; killed, it goes on where it was",
    "evaluate": "measure what was learned, beside the base, as a page",
    "export": "write what a host needs to have it tell",
}

Trouble = (
    *(CorpusError, FinetuneError, ModelError, AdapterError, ExportFailed, EngineBroken),
    *(NarratorsError, UnknownNarrator, ValueError),
)


class Command(BaseCommand):
    """The stages of training a narrator, one per call."""

    help = "From adventures in text files to a narrator of your own (docs/finetuning.md)."
    requires_system_checks: list[str] = []  # they may ask the database, which this does without

    def add_arguments(self, parser: CommandParser) -> None:
        """A subcommand for each stage, with its options."""
        commands = parser.add_subparsers(dest="do", required=True, metavar="|".join(HELP))
        add = {do: commands.add_parser(do, help=text) for do, text in HELP.items()}
        for do in ("check", "prepare"):
            add_shared(add[do])
        add["check"].add_argument("--each", action="store_true", help="a row for each file")
        add["check"].add_argument(
            "--players", action="store_true", help="any length, as adventures that were played have"
        )
        add["show"].add_argument("file", type=Path, help="an adventure")
        add["collect"].add_argument("--out", type=Path, required=True, help="a folder of its own")
        add["prepare"].add_argument("--format", choices=FORMATS, help="both where it is missing")
        add["prepare"].add_argument(
            "--every", type=int, default=1, help="learn every so many turns after their own prompt"
        )
        add["prepare"].add_argument("--narrator", default="", help="its format and tokenizer")
        for do in ("prepare", *STAGES):
            add[do].add_argument(
                "--recipe",
                type=Path,
                required=do != "prepare",
                help="params.yaml, or a file of its shape",
            )
            add[do].add_argument("--out", type=Path, required=True, help="folder for what comes")
        for do in ("train", "evaluate"):
            add[do].add_argument("--samples", type=Path, required=True, help="what prepare wrote")
            add[do].add_argument("--metrics", type=Path, help="a JSON file for the figures")
        add["train"].add_argument("--curve", type=Path, help="a CSV file for the losses by step")
        for do in ("evaluate", "export"):
            add[do].add_argument("--run", type=Path, required=True, help="what train wrote")
        add["export"].add_argument("--report", type=Path, help="what evaluate wrote")

    def handle(self, *args: Any, do: str, **options: Any) -> None:
        """Run a stage. Raises CommandError for everything that the caller can mend."""
        if "GRUE_PARENT" in os.environ:  # a worker started this process, which ends with it
            die_with(int(os.environ["GRUE_PARENT"]))
        try:
            if do == "check":
                measure = PLAYED if options["players"] else Measure()
                measure = replace(measure, window=options["window"], held_out=options["held_out"])
                self.check_folder(options["folder"], measure, options["each"])
            elif do == "show":
                for line in given_lines(read(options["file"])):
                    self.say(line)
            elif do == "collect":
                self.collect(options["out"])
            elif do == "prepare" and options["recipe"] is None:
                forms = list(forms_of(options["narrator"], options["format"], options["window"]))
                self.prepare(
                    [options["folder"]],
                    forms,
                    options["out"],
                    options["held_out"],
                    options["every"],
                )
            else:
                self.run_stage(do, options)
        except Trouble as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise CommandError("the disk is full; what was written last may be cut") from error
            raise

    def run_stage(self, do: str, options: dict[str, Any]) -> None:
        """Run a stage with the settings of its recipe. Raises CommandError."""
        stages = Stages(read_recipe(options["recipe"]), settings.INFERENCE, self.say)
        try:
            if do == "prepare":
                recipe = stages.recipe.prepare
                folders = [Path(folder) for folder in recipe.corpus]
                self.prepare(
                    folders, [stages.form()], options["out"], recipe.held_out, recipe.every
                )
                return
            if do == "train":
                named = {name: options[name] for name in ("samples", "out", "metrics", "curve")}
                with stop_on_signal() as stopped:
                    stages.train(**named, stopped=stopped)
            elif do == "evaluate":
                stages.evaluate(*(options[name] for name in ("samples", "run", "out", "metrics")))
            else:
                stages.export(*(options[name] for name in ("run", "report", "out")))
        except ModuleNotFoundError as error:
            raise CommandError(
                f"{error.name} is missing: sh scripts/environment.sh light torch finetune"
            ) from error

    def collect(self, folder: Path) -> None:
        """Write the adventures with consent into a folder of their own."""
        try:
            found = collect(folder, self.say)
        except FileExistsError as error:
            raise CommandError(str(error)) from error
        self.say(f"{folder}: {found} files")

    def say(self, line: str) -> None:
        """Print a line at once."""
        self.stdout.write(line)
        self.stdout.flush()

    def check_folder(self, folder: Path, measure: Measure, each: bool) -> None:
        """Print what is wrong with a folder's adventures. Raises CommandError if anything is."""
        adventures, complaints = read_all(files_of(folder))
        complaints += check(adventures, measure)
        if each:
            for adventure in adventures:
                self.stdout.write(row_of(adventure))
        self.summarise(adventures, measure.held_out)
        for complaint in complaints:
            self.stdout.write(str(complaint))
        if complaints:
            count = len(complaints)
            raise CommandError(f"{count} complaint{'s' * (count > 1)}", returncode=1)

    def summarise(self, adventures: list[Adventure], held_out: float) -> None:
        """Print how many files, turns, words and paths each part of the corpus has."""
        self.stdout.write(f"{'':<10}{'files':>7}{'turns':>7}{'words':>8}{'paths':>7}")
        for row in (*SIDES, "all"):
            of_row = [a for a in adventures if row in ("all", side_of(a.title, held_out))]
            found = sum_of(of_row)
            self.stdout.write(
                f"{row:<10}{found.files:>7}{found.turns:>7}{found.words:>8}{found.paths:>7}"
            )

    def prepare(
        self, folders: list[Path], forms: list[Form], out: Path, held_out: float, every: int
    ) -> None:
        """Write `FORMAT-SIDE.jsonl` for each form and side; nothing where an adventure is wrong."""
        adventures = [read(file) for folder in folders for file in files_of(folder)]
        made = {
            form.narrator.format: [
                each for a in adventures for each in samples(a, form, held_out, every)
            ]
            for form in forms
        }
        try:
            out.mkdir(parents=True, exist_ok=True)
            for format, of_format in made.items():
                for side in SIDES:
                    self.write(out / f"{format}-{side}.jsonl", side, of_format)
        except OSError as error:
            raise CommandError(f"{out} cannot be written: {error.strerror}") from error

    def write(self, file: Path, side: str, made: list[Sample]) -> None:
        """Write the samples of one side to a file."""
        chosen = [sample for sample in made if sample.side == side]
        new = file.with_suffix(".new")
        new.write_text("".join(f"{sample.json}\n" for sample in chosen), encoding="utf-8")
        new.replace(file)  # a full disk leaves the samples that were there
        replies = sum(len(sample.turns) for sample in chosen)
        self.stdout.write(f"{file}: {len(chosen)} samples, {replies} replies")


# Wider bounds for adventures of players, which may be of any length.
PLAYED = Measure(opening=(1, 2000), reply=(1, 1000), turns=(1, 100_000))


@contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Yields whether SIGTERM or SIGINT came: the training then saves its weights and ends."""
    requested = threading.Event()
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(each, lambda number, frame: requested.set()) for each in numbers]
    try:
        yield requested.is_set
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def add_shared(command: ArgumentParser) -> None:
    """Add the options that `check` and `prepare` share."""
    command.add_argument("folder", nargs="?", type=Path, default=SHIPPED)
    command.add_argument("--window", type=int, default=1024, help="tokens, 1024 is GPT-2's")
    command.add_argument("--held-out", type=float, default=HELD_OUT, help="share, 0 to 1")


def row_of(adventure: Adventure) -> str:
    """An adventure as a row of the table in the corpus' README, without its readers."""
    name = Path(adventure.file).name
    kind = ", ".join(adventure.tags)
    return f"| [{adventure.title}]({name}) | {kind} | {adventure.words} | {len(adventure.turns)} |"


def read_all(files: list[Path]) -> tuple[list[Adventure], list[Complaint]]:
    """The adventures that can be read, and why the others cannot."""
    adventures, complaints = [], []
    for file in files:
        try:
            adventures.append(read(file))
        except CorpusError as error:
            complaints.append(Complaint(error.file, error.line, error.what))
    return adventures, complaints


def forms_of(name: str, format: str | None, window: int) -> Iterator[Form]:
    """The formats of the samples: a narrator's own, or without one either or both formats.

    Without a narrator no model is loaded: chats are in ChatML, and token counts are estimated high
    enough for any tokenizer.
    """
    if name:
        from inference.engines.host import load  # noqa: PLC0415  the engines are heavy

        narrator = load_narrators(settings.INFERENCE.narrators_file).get(name)
        if format and format != narrator.format:
            raise ValueError(f"narrator {name!r} reads {narrator.format}, not {format}")
        engine = load(narrator, settings.INFERENCE)
        yield Form(narrator, engine.count, engine.render_chat, min(window, engine.context_tokens))
        return
    for each in FORMATS:
        if format in (None, each):
            narrator = Narrator.model_validate(
                {"name": "any", "line": "-", "engine": "scripted", "format": each}
            )
            yield Form(narrator, estimated_tokens, chatml, window)
