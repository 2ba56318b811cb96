"""Written playthroughs: played on the real path, and their probes measured."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from game.models import Turn
from game.state.worlds import world_at
from inference.lab.evaluation import playthroughs
from inference.lab.evaluation.playthroughs import Step

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("name", playthroughs.names())
def test_a_written_playthrough_has_fifty_actions_and_says_whom_it_probes(name):
    steps = playthroughs.load(name).steps
    assert len(steps) == 50
    assert all(bool(step.do) != bool(step.say) for step in steps)
    probes = [step for step in steps if step.probe]
    assert {step.probe for step in probes} == {"dead", "absent", "lost"}
    assert all(step.who for step in probes)
    assert all(step.pronoun for step in probes if step.probe != "lost")


def test_a_probe_is_broken_by_a_reply_in_which_the_dead_speak():
    step = Step(say="Maud, wake up.", probe="dead", who="Maud", pronoun="she")
    asked = 'You say "Maud, wake up."'
    assert playthroughs.is_broken(step, 'Maud smiles. "Yes?" she says.', asked)
    assert not playthroughs.is_broken(step, "Maud does not answer. The snow goes on.", asked)


def test_a_playthrough_is_played_on_the_real_path_with_its_changes_of_the_world(
    workers, tmp_path, monkeypatch
):
    call_command("loadscenarios", stdout=StringIO())
    workers.start(pace=0)
    written = playthroughs.Playthrough(
        scenario="nothing-to-declare",
        steps=(
            Step(do="wait"),
            Step(
                say="Maud, wake up.",
                world=({"part": "person", "name": "Maud", "field": "life", "value": "dead"},),
                probe="dead",
                who="Maud",
                pronoun="she",
            ),
        ),
    )
    monkeypatch.setattr(playthroughs, "load", lambda name: written)
    out = StringIO()
    call_command("playthrough", "short", narrator="parrot", save=tmp_path, stdout=out)
    saved = [json.loads(line) for line in (tmp_path / "short.jsonl").read_text().splitlines()]
    assert [each["status"] for each in saved] == ["told", "told"]
    assert "of 1 replies" in out.getvalue()
    newest = Turn.objects.order_by("created").last()
    dead = [each.name for each in world_at(newest.pk).people if each.life == "dead"]
    assert "Maud" in dead


def test_a_playthrough_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CommandError, match="no-such-play"):
        call_command("playthrough", "no-such-play", save=tmp_path)
