"""Adventures of the corpus, played: the prompts of training are those of play, to the byte."""

import pytest

from game.models import Adventure, Kind, Status, StoryCard, Turn
from game.play import context
from game.play.dice import OUTCOME_LABELS
from game.state import changes
from inference import prompts
from inference.contract.request import GenerationRequest
from inference.finetune.corpus import parse
from inference.finetune.playing import Played, first_sent
from inference.finetune.prepare import samples
from tests.inference.finetune.test_parts import STORY
from tests.inference.finetune.test_samples import form

pytestmark = pytest.mark.django_db

BRANCHING = f"""{STORY}
=== after 2

> You ask Bram about the bucket.

"Which bucket?" says Bram from the road, without turning. You take the spoon that he drops.

>

A woman called Mara climbs out of the well with Teague's boots under her arm.

> You give the spoon to Mara.
dice: triumph

She bites it, nods, and puts the bucket at your feet.
"""


@pytest.fixture
def played():
    """Play an adventure of the corpus: each turn is stored, and rules read it as play does."""

    def played(story):
        header = story.header
        adventure = Adventure.objects.create(
            title=story.title,
            memory=header.memory,
            authors_note=header.note,
        )
        for card in story.cards:
            StoryCard.objects.create(
                adventure=adventure,
                title=card.title,
                keys=list(card.keys),
                text=card.text,
                pinned=card.pinned,
            )
        opening = Turn.objects.create(
            adventure=adventure, kind=Kind.OPENING, reply=story.opening, status=Status.TOLD
        )
        changes.store(opening.pk, "scenario", [each.change for each in header.state])
        changes.read_turn(opening)
        turns = {0: opening}
        for turn in story.turns:
            turns[turn.number] = stored = Turn.objects.create(
                adventure=adventure,
                parent=turns[turn.parent],
                kind=turn.kind,
                action=turn.action,
                reply=turn.reply,
                status=Status.TOLD,
                dice=rolled(turn.outcome),
            )
            changes.store(stored.pk, "scenario", [each.change for each in turn.changes])
            changes.read_turn(stored)
        return turns

    return played


def rolled(outcome):
    """A roll of the dice with this outcome; None without one."""
    assert not outcome or outcome in OUTCOME_LABELS
    return {"sides": 20, "rolled": 9, "needed": 8, "outcome": outcome} if outcome else None


@pytest.mark.parametrize("format", ["transcript", "chat"])
@pytest.mark.parametrize("beside", [True, False])
def test_what_is_trained_on_is_what_play_gives_to_the_narrator(played, format, beside):
    story = parse(BRANCHING, "well.txt")
    reading = form(format, cards_beside_action=beside)
    turns = played(story)
    found = Played(story)
    for sample in samples(story, reading):
        for number, (begin, _) in zip(sample.turns, sample.spans, strict=True):
            turn = story.turns[number - 1]
            served = context.story_context(turns[number].adventure, turns[number])
            # What is recalled is the author's choice, and with it what has left the prompt.
            first = first_sent(story.path_to(turn))
            served = served.model_copy(
                update={
                    "story": served.story[first:],
                    "earlier": found.request(turn).context.earlier,
                    "action": served.action.model_copy(update={"reply": ""}),
                }
            )
            request = GenerationRequest(
                adventure="a", turn="t", attempt=1, narrator="n", context=served
            )
            text = prompts.build(
                request, reading.narrator, reading.count, reading.render_chat, reading.window
            ).text
            assert sample.text[:begin] == text


def test_the_prompts_of_the_test_have_every_part(played):
    story = parse(BRANCHING, "well.txt")
    text = "\n".join(
        each.text for each in samples(story, form("transcript", cards_beside_action=True))
    )
    for part in (
        "You are Ada, who digs wells.",
        "[Author's note: Dry.]",
        "The door opens inward.",
        "[It is Bram's bucket.]",
        "Earlier: Bram counts his eleven marks.",
        "[The attempt fails: what was attempted does not happen.]",
        "better than anyone hoped.]",
        "Here: Bram (impatient).",
        "Teague is under the stair.",
        "Teague is dead.",
        "You no longer have: lantern.",
        "You carry: spoon.",
    ):
        assert part in text, part
