"""The narrators of this house: list them, fetch a model, check that one tells well."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from inference.models import ModelError, check_model, ensure_model, model_path
from inference.narrators import Narrator, NarratorsError, UnknownNarrator, load_narrators
from inference.request import Passage
from inference.trial import ACTIONS, OPENING, Trial, memory_in_use


class Command(BaseCommand):
    help = "Lists the narrators, fetches one's model, or checks that it tells."
    requires_system_checks: list[str] = []  # they may ask the database, which this does without

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="do", required=True, metavar="list|pull|check")
        commands.add_parser("list", help="the narrators of the narrators file")
        for name, help_text in (
            ("pull", "fetch a narrator's model and make it ready"),
            ("check", "have it tell three turns, and print its speed and memory"),
        ):
            commands.add_parser(name, help=help_text).add_argument("name")

    def handle(self, *args: Any, do: str, name: str = "", **options: Any) -> None:
        try:
            narrators = load_narrators(settings.INFERENCE.narrators_file)
            match do:
                case "list":
                    for narrator in narrators.narrators:
                        default = narrator == narrators.default
                        self.stdout.write(described(narrator) + " (default)" * default)
                case "pull":
                    self.pull(narrators.get(name))
                case "check":
                    self.try_out(narrators.get(name))
        except (ModelError, NarratorsError, UnknownNarrator, ValueError, RuntimeError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("stopped; nothing half-made is left") from None

    def pull(self, narrator: Narrator) -> None:
        """Fetch the model, then have it say what it must say."""
        if narrator.model:
            with Bar(narrator.name) as bar:
                path = ensure_model(narrator, settings.INFERENCE.models_dir, bar.show)
            self.stdout.write(f"{path} ({path.stat().st_size / 1e6:.0f} MB)")
        trial = Trial(narrator, settings.INFERENCE)
        problem = trial.reference_problem()
        if problem:
            raise CommandError(problem)
        proof = "says what it should" if narrator.reference else "loads"
        self.stdout.write(f"{narrator.name} {proof} ({trial.load_seconds:.1f} s to load)")

    def try_out(self, narrator: Narrator) -> None:
        """Read the model in full and tell three turns with it."""
        if narrator.model:
            check_model(narrator, settings.INFERENCE.models_dir)
        trial = Trial(narrator, settings.INFERENCE)
        problem = trial.reference_problem()
        self.stdout.write(problem or f"loaded in {trial.load_seconds:.1f} s")
        trial.story.append(Passage(kind="opening", reply=OPENING))
        self.stdout.write(f"\n{OPENING}\n")
        tellings = []
        for action in ACTIONS:
            self.stdout.write(f"\n> {action.action or '(continue)'}\n")
            tellings.append(trial.tell(action, lambda piece: self.stdout.write(piece, ending="")))
            self.stdout.write("")
        tokens = sum(told.tokens for told in tellings)
        seconds = sum(told.seconds for told in tellings)
        first = max(told.first_token_seconds for told in tellings)
        self.stdout.write(
            f"\n{tokens} tokens in {seconds:.1f} s ({tellings[-1].speed:.0f} a second in the last "
            f"turn), first word after {first:.2f} s at most, {memory_in_use() / 1e6:.0f} MB"
        )
        if problem or not all(told.reply for told in tellings):
            raise CommandError(problem or f"narrator {narrator.name!r} left a reply empty")


def described(narrator: Narrator) -> str:
    """One line about a narrator, and whether its model is here."""
    if not narrator.model:
        state = "needs no model"
    else:
        try:
            model_path(narrator, settings.INFERENCE.models_dir)
            state = "ready"
        except ModelError:
            state = f"not pulled: manage.py narrators pull {narrator.name}"
    return f"{narrator.name}: {narrator.line} [{narrator.engine}, {state}]"


class Bar:
    """A progress bar that begins anew when the total changes: fetched, then rewritten."""

    def __init__(self, called: str) -> None:
        self._called = called
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *args: Any) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, done: int, total: int) -> None:
        if self._bar is None or self._bar.total != total:
            if self._bar is not None:
                self._bar.close()
            self._bar = tqdm(total=total, desc=self._called, unit="B", unit_scale=True)
        self._bar.update(done - self._bar.n)
