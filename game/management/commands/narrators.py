"""`manage.py narrators`: lists narrators, installs their models, and checks that they work."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.contract.prompt_report import number_of_bans
from inference.contract.request import Passage
from inference.engines.abilities import EVERYTHING, names
from inference.engines.base import Engine
from inference.engines.host import one_line
from inference.installing import machine
from inference.installing.catalogue import FILE as CATALOGUE
from inference.installing.catalogue import Entry, catalogue
from inference.installing.estimates import estimate, gb
from inference.installing.machine import Machine
from inference.lab.standalone import ACTIONS, OPENING, StandaloneStory, peak_memory
from inference.lab.weight_check import check_weights
from inference.models.compatibility import Compatibility, check_compatibility
from inference.models.export import environment
from inference.models.records import size_of
from inference.models.resources import lack_of
from inference.models.store import (
    ModelError,
    check_model,
    ensure_model,
    first_default,
    model_path,
    wants_export,
)
from inference.narrators import (
    Narrator,
    Narrators,
    NarratorsError,
    UnknownNarrator,
    narrators_of,
)
from inference.prompts import MARGIN

if TYPE_CHECKING:
    from tqdm import tqdm  # missing in the web image, where only listing works

LOG_SECONDS = 10  # between the lines of a progress bar in a log


class Command(BaseCommand):
    """Subcommands for the narrators of this host."""

    help = "Lists the narrators, fetches one's model, or checks that it tells."
    requires_system_checks: list[str] = []  # they may ask the database, which this does without

    def add_arguments(self, parser: CommandParser) -> None:
        """The subcommands list, suggest, pull and check."""
        commands = parser.add_subparsers(
            dest="do", required=True, metavar="list|suggest|pull|check"
        )
        commands.add_parser("list", help="the narrators of the narrators file")
        commands.add_parser(
            "suggest", help="what else this machine could tell with, and about how fast"
        )
        pull = commands.add_parser("pull", help="fetch a narrator's model and make it ready")
        pull.add_argument("name", nargs="?", default="", help="who tells first, where left out")
        check = commands.add_parser(
            "check", help="have it tell three turns, and print its speed and memory"
        )
        check.add_argument("name")

    def handle(self, *args: Any, do: str, name: str = "", **options: Any) -> None:
        """Run a subcommand. Raises CommandError with one line."""
        try:
            narrators = narrators_of(settings.INFERENCE)
            match do:
                case "list":
                    default = first_default(narrators.defaults, settings.INFERENCE)
                    for narrator in narrators.narrators:
                        mark = " (default)" if narrator == default else ""
                        self.stdout.write(describe_narrator(narrator) + mark)
                case "suggest":
                    self.suggest(narrators)
                case "pull":
                    first = first_default(narrators.defaults, settings.INFERENCE)
                    self.pull(narrators.get(name) if name else first)
                case "check":
                    self.try_out(narrators.get(name))
        except (ModelError, NarratorsError, UnknownNarrator, ValueError, RuntimeError) as error:
            raise CommandError(one_line(error)) from error
        except KeyboardInterrupt:
            raise CommandError("stopped; nothing half-made is left") from None

    def suggest(self, narrators: Narrators) -> None:
        """Print the resources of this machine, and what each entry of the catalogue needs."""
        try:
            read_speed = machine.measure_read_speed()
        except ImportError:  # the web image has no numpy
            read_speed = 0.0
        here = machine.look(settings.INFERENCE.models_dir, read_speed)
        cards = ", ".join(f"{card.name} ({gb(card.memory)})" for card in here.cards) or "none"
        self.stdout.write(
            f"memory: {gb(here.memory)}, {gb(here.memory_free)} free; cores: {here.cores}; "
            f"card: {cards}; disk for models: {gb(here.disk_free)} free\n"
            + (
                f"memory is read at {here.read_speed / 1e9:.0f} GB a second: speeds below are "
                "estimates from that, for one story alone on the processor\n"
                if read_speed
                else "speed is not estimated here: this environment has no numpy\n"
            )
        )
        for entry in catalogue().entries:
            self.stdout.write("\n" + describe_entry(entry, here, entry.narrator.name in narrators))
        self.stdout.write(
            "\nInstall one on the operator's page Narrators (/admin/) while Grue runs. Or put its "
            f"entry from {shown_path(CATALOGUE)} into {shown_path(settings.NARRATORS_FILE)}, run "
            "`manage.py narrators pull NAME`, and start Grue again."
        )

    def pull(self, narrator: Narrator) -> None:
        """Describe a narrator's model, install it, and check its weights. Raises CommandError."""
        folder = settings.INFERENCE.models_dir
        if narrator.engine == "openai":
            self.stdout.write(f"{narrator.name} runs on {narrator.model}: nothing to fetch")
        elif narrator.model:
            if wants_export(narrator, folder) and environment(folder) is None:
                self.stdout.write("installing what the export needs, once: 500 MB to fetch")
            with Bar(narrator.name) as bar:

                def describe(found: Compatibility) -> None:
                    bar.close()
                    self.describe(found)

                path = ensure_model(narrator, folder, bar.show, describe)
            self.stdout.write(f"{path} ({size_of(path) / 1e6:.0f} MB)")
        began = time.monotonic()
        check = check_weights(narrator, settings.INFERENCE)
        if check.problem:
            raise CommandError(check.problem)
        StandaloneStory(narrator, settings.INFERENCE)  # caches what it compiles
        seconds = time.monotonic() - began
        self.stdout.write(f"{narrator.name} {check.confirmed or 'loads'} ({seconds:.0f} s to try)")

    def check_server(self, narrator: Narrator) -> None:
        """Connect to a server, and check that it reads the narrator's whole context."""
        from inference.engines.openai import OpenAIEngine  # noqa: PLC0415  a client of its own
        from inference.engines.openai.context_check import check_context  # noqa: PLC0415

        engine = OpenAIEngine(narrator)
        try:
            self.stdout.write(f"{narrator.model}: {engine.dialect.name}, {engine.model}")
            if narrator.words_go_to:
                self.stdout.write(f"players read that their words go to {narrator.words_go_to}")
                if narrator.model.startswith("http:"):
                    self.stdout.write("they travel unencrypted: use https if you can")
            check = check_context(engine, reply_tokens=reply_budget(narrator))
            how = "counted by the server" if engine.counts_exactly else "estimated"
        finally:
            engine.close()
        if check.problem:
            raise CommandError(f"narrator {narrator.name!r}: {check.problem}")
        if check.read is None:
            self.stdout.write(
                "it does not say how many tokens it reads: whether it cuts long stories is unknown"
            )
            return
        self.stdout.write(
            f"a full window is read whole: {check.counted} tokens of prompt ({how}), "
            f"{check.read} as the server reads them"
        )

    def describe(self, found: Compatibility) -> None:
        """Print what a model's header says: its kind, its engines, and the memory it needs."""
        for line in found.lines():
            self.stdout.write(line)

    def try_out(self, narrator: Narrator) -> None:
        """Check the model in full, and generate three replies. Raises CommandError."""
        if narrator.engine_reason:
            self.stdout.write(f"engine: auto is {narrator.engine}: {narrator.engine_reason}")
        if narrator.engine == "openai":
            self.check_server(narrator)
        elif narrator.model:
            path = check_model(narrator, settings.INFERENCE.models_dir)
            self.describe(check_compatibility(path, narrator))
        standalone = StandaloneStory(narrator, settings.INFERENCE)
        self.stdout.write(f"loaded in {standalone.load_seconds:.1f} s")
        for line in sampling_lines(narrator, standalone.engine):
            self.stdout.write(line)
        standalone.story.append(Passage(kind="opening", reply=OPENING))
        self.stdout.write(f"\n{OPENING}\n")
        replies = []
        for action in ACTIONS:
            self.stdout.write(f"\n> {action.action or '(continue)'}\n")
            replies.append(
                standalone.take_turn(action, lambda piece: self.stdout.write(piece, ending=""))
            )
            self.stdout.write("")
        tokens = sum(reply.tokens for reply in replies)
        seconds = sum(reply.seconds for reply in replies)
        first = max(reply.first_token_seconds for reply in replies)
        self.stdout.write(
            f"\n{tokens} tokens in {seconds:.1f} s ({replies[-1].speed:.0f} a second in the last "
            f"turn), first word after {first:.2f} s at most, {peak_memory() / 1e6:.0f} MB"
        )
        if not all(reply.reply for reply in replies):
            raise CommandError(f"narrator {narrator.name!r} left a reply empty")
        del standalone  # frees its memory: the check loads the model again
        check = check_weights(narrator, settings.INFERENCE)
        if check.problem:
            raise CommandError(check.problem)
        if check.confirmed:
            self.stdout.write(f"it {check.confirmed}")


def reply_budget(narrator: Narrator) -> int:
    """How many tokens of the context window a reply may take."""
    return min(int(narrator.sampling.max_tokens * (1 + MARGIN)), narrator.context // 2)


def describe_entry(entry: Entry, here: Machine, is_there: bool) -> str:
    """An entry of the catalogue with what it needs, in a few lines."""
    narrator, needs = entry.narrator, estimate(entry, here)
    lines = [
        f"{narrator.name}: {narrator.line}{' (in your list)' if is_there else ''}",
        f"  {entry.about}",
        f"  licence: {entry.licence}; {gb(entry.size)} to fetch; {gb(needs.memory)} of memory; "
        + needs.speed,
    ]
    if entry.tried:
        lines.append(f"  tried: {entry.tried}")
    if entry.untried:
        lines.append(f"  untried: {entry.untried}")
    if needs.problem:
        lines.append(f"  not here: {needs.problem}")
    return "\n".join(lines) + "\n"


def shown_path(path: Path) -> str:
    """A path relative to Grue's folder if it is inside, else in full."""
    base = settings.BASE_DIR
    return str(path.relative_to(base) if path.is_relative_to(base) else path)


def sampling_lines(narrator: Narrator, engine: Engine) -> list[str]:
    """Which sampling settings the engine ignores, and how many phrases are banned."""
    ignored = names(engine.ignores(EVERYTHING))
    lines = [f"sampling: it does not know {ignored}" if ignored else "sampling: it knows all of it"]
    if in_entry := names(engine.ignores(narrator.sampling)):
        lines.append(f"of what its entry says this has no effect: {in_entry}")
    if bans := number_of_bans(narrator.sampling):
        how = "" if engine.continues else "; a reply ends before one, as its server cannot go on"
        lines.append(f"banned phrases: {bans}{how}")
    return lines


def describe_narrator(narrator: Narrator) -> str:
    """A narrator on one line, with the state of its model."""
    if not narrator.model:
        state = "needs no model"
    elif narrator.engine == "openai":
        state = f"at {narrator.model}"
    else:
        try:
            model_path(narrator, settings.INFERENCE.models_dir)
            state = "ready"
        except ModelError:
            state = f"not pulled: manage.py narrators pull {narrator.name}"
        if lack := lack_of(narrator, settings.MODEL_MEMORY_MB):
            state += f"; {lack}"
    return f"{narrator.name}: {narrator.line} [{narrator.engine}, {state}]"


class Bar:
    """A progress bar that starts again when the total changes, as after a download."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *args: Any) -> None:
        self.close()

    def close(self) -> None:
        """End the bar where it is; the next step begins another."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def show(self, done: int, total: int) -> None:
        """Show `done` of `total` bytes."""
        if self._bar is None or self._bar.total != total:
            from tqdm import tqdm  # noqa: PLC0415

            self.close()
            seldom = 0.1 if sys.stderr.isatty() else LOG_SECONDS
            self._bar = tqdm(
                total=total, desc=self._name, unit="B", unit_scale=True, mininterval=seldom
            )
        self._bar.update(done - self._bar.n)
