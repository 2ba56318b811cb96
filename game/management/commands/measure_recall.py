"""Measures recall with the stories of inference/lab/recall."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from game.management import recall_measure as measure
from game.play import narration
from inference.lab.recall import stories


class Command(BaseCommand):
    """Says how often the turn that answers a question is in the prompt."""

    help = "Measure how often recall finds the turn that answers a question."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which stories, for which narrator, and whether to show what was not found."""
        parser.add_argument("stories", nargs="*", help="ids of stories; all without any")
        parser.add_argument("--narrator", default="", help="whose window; the default's without it")
        parser.add_argument(
            "--missed", action="store_true", help="show what was not found, of development stories"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print the figures."""
        listed = narration.narrators()
        narrator = listed.get(options["narrator"]) if options["narrator"] else listed.default
        self.stdout.write(f"{narrator.name}: a window of {narrator.context} tokens")
        for name in options["stories"] or stories.names():
            story = stories.load(name)
            found = measure.outcomes(story, narrator)
            for shares in ("words", "name"):
                some = [each for each in found if each.question.shares == shares]
                if some:
                    self.stdout.write(
                        f"{name} ({story.use}), shares {shares}: {len(some)} questions, turn "
                        f"{measure.share(each.turn for each in some):.0f} %, its answering words "
                        f"{measure.share(each.words for each in some):.0f} %"
                    )
            if options["missed"] and story.use == "development":
                self.show_missed(story, found)

    def show_missed(self, story: stories.Story, found: list[measure.Outcome]) -> None:
        """Print each question whose answer was not in the prompt, and what was recalled."""
        for each in found:
            if not each.words:
                question = each.question
                reply = story.turns[question.number].reply
                self.stdout.write(f"\n{question.number} {question.name}: {question.action.action}")
                self.stdout.write(f"  {reply}\n  = {question.answer}")
                for one in each.recalled:
                    asked = "action" if one.by_action else "newest"
                    why = f"{asked} {one.score} [{one.reason}]"
                    self.stdout.write(f"    {one.number} {why} {one.text}")
