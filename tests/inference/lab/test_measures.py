"""The measures of narrators, held against the replies that two readers labelled by hand."""

from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from game.management.commands import evaluate
from game.management.commands.evaluate import measure_accuracy
from inference.lab.evaluation.accuracy import ENOUGH, READ, Accuracy, read_accuracy, report
from inference.lab.evaluation.measures import FAULTS, held, kappa, read_labelled
from inference.lab.evaluation.scores import TITLES, figures, table

DOCS = Path(__file__).resolve().parents[3] / "docs" / "evaluation.md"


@pytest.fixture(scope="module")
def known():
    return measure_accuracy()


def test_each_measure_finds_most_of_what_readers_find_and_little_else(known):
    poor = {
        name: (each.precision, each.recall)
        for name, each in known.items()
        if name not in READ and not each.enough
    }
    assert not poor, f"under {ENOUGH}: mend or drop them"


def test_what_is_printed_beside_the_figures_is_what_the_labels_say(known):
    assert read_accuracy() == known, "manage.py evaluate --check-measures --write"
    titles = {name: title for name, (title, _) in TITLES.items()}
    assert report(known, titles) in DOCS.read_text("utf-8"), "docs/evaluation.md has other figures"


def test_every_share_of_faults_in_the_table_has_a_measure_that_was_checked(known):
    counted = {"resampled", "shortened", "errors", "found_again", "looping"}  # no judgement
    shares = {name for name, (_, share) in TITLES.items() if share}
    assert shares - counted == set(known) - set(READ)


def test_two_readers_labelled_200_told_replies_with_good_and_bad_ones_among_them():
    labelled = read_labelled()
    told = [each for each in labelled.replies if not each.written]
    for narrator in ("smol", "quill"):
        assert sum(each.narrator == narrator for each in told) >= 100
    for source in ("good", "bad"):
        assert sum(each.source == source for each in labelled.replies) == 20
    ids = {each.id for each in labelled.replies}
    assert len(ids) == len(labelled.replies)
    for reader in labelled.readers:
        assert set(reader) == ids
    for each in labelled.replies:
        for label in (reader[each.id] for reader in labelled.readers):
            assert set(label.faults) <= set(FAULTS) & set(each.columns), each.id
            assert (label.follows is not None) == ("follows" in each.columns), each.id
            assert (label.dice is not None) == ("dice" in each.columns), each.id


def test_readers_agree_more_than_chance_would_have_them(known):
    assert all(each.kappa >= 0.8 for each in known.values())


def test_each_measure_has_replies_to_find(known):
    assert all(each.positives >= 8 for each in known.values())


def test_kappa_is_what_agreement_is_worth_beyond_chance():
    assert kappa([True, False], [True, False]) == 1
    assert kappa([True, True, False, False], [True, False, True, False]) == 0
    assert kappa([True, True], [True, True]) == 1


def test_what_readers_differ_on_is_left_out():
    one = {"1": True, "2": True, "3": False, "4": True}
    other = {"1": True, "2": True, "3": False, "4": False}
    measure = {"1": True, "2": False, "3": True, "4": True}
    found = held(one, other, measure, written={"2"})
    assert (found.labels, found.positives, found.written) == (4, 2, 1)
    assert (found.agreement, found.precision, found.recall) == (0.75, 0.5, 0.5)
    unmeasured = held(one, other, None, written=set())
    assert (unmeasured.precision, unmeasured.recall) == (None, None)


def test_the_table_has_precision_and_recall_beside_each_figure():
    measure = Accuracy(
        labels=9, agreement=1, kappa=1, positives=3, written=0, precision=0.75, recall=1
    )
    rows = table({"a": figures([])}, {"replies": measure}).splitlines()
    assert rows[0] == "|  | a | precision | recall |"
    assert rows[2] == "| replies | 0 | 0.75 | 1.00 |"


def test_checking_the_measures_prints_them_and_fails_where_one_is_poor(known, capsys, monkeypatch):
    monkeypatch.setattr(evaluate, "measure_accuracy", lambda held=False: known)
    call_command("evaluate", check_measures=True)
    assert "| the dead act |" in capsys.readouterr().out
    poor = known["dead_act"].model_copy(update={"recall": 0.5})
    monkeypatch.setattr(evaluate, "measure_accuracy", lambda held=False: {"dead_act": poor})
    with pytest.raises(CommandError, match="the dead act"):
        call_command("evaluate", check_measures=True)
