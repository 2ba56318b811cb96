"""`manage.py narrate`: plays a story with a narrator in a terminal."""

import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from inference.contract.request import Passage
from inference.lab.standalone import OPENING, StandaloneStory
from inference.models.store import ModelError, first_default
from inference.narrators import NarratorsError, UnknownNarrator, narrators_of
from inference.reply import shown_action

HOW = (
    "Type what you do. /say WORDS, /story TEXT, an empty line to go on, /retry, /undo, /quit. "
    "Ctrl-C stops a reply."
)


class Command(BaseCommand):
    """Plays a story in a terminal, without database, Redis or worker."""

    help = "Tells a story in this terminal. " + HOW
    requires_system_checks: list[str] = []  # they may ask the database, which this does without

    def add_arguments(self, parser: CommandParser) -> None:
        """The narrator, and the beginning of the story."""
        parser.add_argument("name", nargs="?", help="a narrator; the default one if left out")
        parser.add_argument("--opening", help="a text file; else the first lines typed, or none")
        parser.add_argument("--memory", default="", help="what the narrator always knows")

    def handle(
        self, *args: Any, name: str | None, opening: str | None, memory: str, **options: Any
    ) -> None:
        """Load the narrator and play. Raises CommandError if it cannot be loaded."""
        try:
            narrators = narrators_of(settings.INFERENCE)
            narrator = (
                narrators.get(name)
                if name
                else first_default(narrators.defaults, settings.INFERENCE)
            )
            first = Path(opening).read_text(encoding="utf-8") if opening else self.typed_opening()
            standalone = StandaloneStory(narrator, settings.INFERENCE, memory=memory)
        except OSError as error:
            raise CommandError(f"{opening} cannot be read: {error.strerror}") from error
        except (ModelError, NarratorsError, UnknownNarrator, ValueError, RuntimeError) as error:
            raise CommandError(str(error)) from error
        standalone.story.append(Passage(kind="opening", reply=first.strip() or OPENING))
        self.stdout.write(f"{HOW}\n\n{standalone.story[0].reply}\n")
        self.play(standalone)

    def typed_opening(self) -> str:
        """The lines up to the first empty one."""
        if sys.stdin.isatty():
            self.stdout.write("How does the story begin? (an empty line ends it)")
        lines = []
        for line in sys.stdin:
            if not line.strip():
                break
            lines.append(line)
        return "".join(lines)

    def play(self, standalone: StandaloneStory) -> None:
        """Read actions and print replies until /quit or the end of input."""
        while True:
            try:
                line = input("\n> ").strip()
            except (EOFError, KeyboardInterrupt):
                self.stdout.write("")
                return
            if line == "/quit":
                return
            if line in ("/undo", "/retry"):
                if len(standalone.story) == 1:
                    self.stdout.write("Nothing was told yet.")
                    continue
                undone = standalone.story.pop()
                if line == "/undo":
                    self.stdout.write(standalone.story[-1].reply)
                    continue
                action = undone.model_copy(update={"reply": ""})
            else:
                action = parse_action(line)
            self.stdout.write(f"\n{shown_action(action.kind, action.action)}\n")
            standalone.take_turn(action, self.show)
            self.stdout.write("")

    def show(self, piece: str) -> None:
        """Print a piece of a reply at once."""
        self.stdout.write(piece, ending="")
        self.stdout.flush()


def parse_action(line: str) -> Passage:
    """What was typed, as an action."""
    if not line:
        return Passage(kind="continue")
    if line.startswith("/say "):
        return Passage(kind="say", action=line.removeprefix("/say "))
    if line.startswith("/story "):
        return Passage(kind="story", action=line.removeprefix("/story "))
    return Passage(kind="do", action=line)
