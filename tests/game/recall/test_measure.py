"""The turn that answers a question is in the prompt, in stories that nothing was tuned by."""

import pytest
from django.core.management import call_command

from game.management import recall_measure as measure
from inference.lab.recall import stories
from tests.prompting import narrator

WINDOW = 4096


@pytest.mark.parametrize(
    ("name", "shares", "least"),
    [("english-b", "words", 85), ("english-c", "name", 60), ("chinese-b", "words", 75)],
)
def test_recall_finds_what_was_told_long_ago(name, shares, least):
    story = stories.load(name)
    some = [each for each in story.questions if each.shares == shares][:10]
    story = story.model_copy(update={"questions": tuple(some)})
    model = narrator(max_tokens=64).model_copy(update={"context": WINDOW})
    found = measure.share(each.turn for each in measure.outcomes(story, model))
    assert found >= least


@pytest.mark.django_db
def test_the_command_says_so_and_shows_nothing_of_stories_that_are_only_scored(capsys):
    call_command("measure_recall", "english-b", narrator="parrot", missed=True)
    said = capsys.readouterr().out
    assert "english-b (scored), shares name: 15 questions, turn" in said
    assert all(line.startswith(("parrot", "english-b")) for line in said.splitlines() if line)
