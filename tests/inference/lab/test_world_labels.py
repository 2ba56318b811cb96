"""The turns labelled with changes of the world, and how a reading of them is counted."""

from collections import Counter

import pytest

from inference.contract.world import WorldChange
from inference.lab.evaluation.world_labels import (
    Count,
    LabelledTurn,
    compare,
    read_turns,
    score_turns,
    table,
)
from inference.reply import shown_action


def turn(*changes, **more):
    fields = {
        "id": "1",
        "language": "en",
        "origin": "written",
        "world": {
            "people": [{"name": "Ruta Banks", "here": True}, {"name": "Fenn", "life": "dead"}],
            "things": [{"name": "key", "held": "carried"}],
        },
        "kind": "do",
        "reply": "You take the lamp.",
    }
    return LabelledTurn.model_validate({**fields, **more, "changes": changes})


def label(part, name, field, value, **more):
    return {"part": part, "name": name, "field": field, "value": value, "sentence": "x", **more}


def found(part, name, field, value):
    return WorldChange(part=part, name=name, field=field, value=value, source="rule")


def counted(labelled, *changes):
    return sum(compare(labelled, changes).values(), Count())


@pytest.mark.parametrize("name", ["dev", "held2"])
def test_a_set_has_many_turns_in_five_languages_and_many_that_change_nothing(name):
    turns = read_turns(name)
    assert len(turns) >= 180
    assert len({each.id for each in turns}) == len(turns)
    languages = Counter(each.language for each in turns)
    assert languages["en"] >= 75
    assert all(languages[other] >= 5 for other in ("de", "fr", "es", "zh"))
    assert sum(each.origin != "written" for each in turns) >= 30
    nothing = [each for each in turns if all(change.optional for change in each.changes)]
    assert len(nothing) >= 25


@pytest.mark.parametrize("name", ["dev", "held2"])
def test_each_change_was_read_from_a_sentence_of_its_turn(name):
    for each in read_turns(name):
        told = (shown_action(each.kind, each.action), each.reply)
        for change in each.changes:
            assert any(change.sentence in text for text in told), each.id


@pytest.mark.parametrize("name", ["dev", "held2"])
def test_a_reader_who_finds_the_labels_is_right_and_one_who_finds_nothing_misses_them(name):
    turns = read_turns(name)

    def finds_all(each):
        return [
            found(change.part, change.name.split("|")[-1], change.field, change.value.split("|")[0])
            for change in each.changes
            if not change.optional
        ]

    right = score_turns(turns, finds_all)["all"]
    assert (right.precision, right.recall) == (1, 1)
    nothing = score_turns(turns, lambda each: ())["all"]
    assert (nothing.precision, nothing.recall) == (None, 0)
    assert nothing.missed == right.right


def test_a_name_may_have_more_words_or_fewer_and_an_article():
    lamp = turn(label("thing", "work lamp|torch", "held", "carried"))
    for name in ("lamp", "the work lamp", "Torch", "your heavy torch"):
        assert counted(lamp, found("thing", name, "held", "carried")) == Count(right=1)
    assert counted(lamp, found("thing", "rope", "held", "carried")) == Count(wrong=1, missed=1)


def test_a_wrong_value_is_wrong_and_the_label_missed():
    dead = turn(label("person", "Ruta Banks", "life", "dead"))
    assert counted(dead, found("person", "Ruta", "life", "gone")) == Count(wrong=1, missed=1)


def test_a_thing_that_is_put_down_may_be_lost_or_removed():
    key = turn(label("thing", "key", "held", "lost|"))
    for value in ("lost", ""):
        assert counted(key, found("thing", "key", "held", value)) == Count(right=1)


def test_what_is_so_already_counts_as_nothing():
    same = [
        found("thing", "key", "held", "carried"),
        found("person", "Ruta", "here", "yes"),
        found("person", "Fenn", "life", "dead"),
        found("person", "Fenn", "here", "no"),
        found("person", "Ruta Banks", "life", "alive"),
    ]
    assert counted(turn(), *same) == Count()
    assert counted(turn(), found("person", "Fenn", "life", "alive")) == Count(wrong=1)
    assert counted(turn(), found("person", "Nobody", "life", "alive")) == Count(wrong=1)


def test_who_has_died_is_not_here_and_saying_so_is_not_wrong():
    dead = turn(label("person", "Ruta Banks", "life", "dead"))
    both = (found("person", "Ruta", "life", "dead"), found("person", "Ruta", "here", "no"))
    assert counted(dead, *both) == Count(right=1)


def test_an_optional_change_is_neither_demanded_nor_wrong():
    maybe = turn(label("thing", "coin", "held", "carried", optional=True))
    assert counted(maybe) == Count()
    assert counted(maybe, found("thing", "coin", "held", "carried")) == Count()


def test_of_several_changes_of_one_entry_the_last_counts():
    given = turn(label("thing", "coin", "held", "lost"))
    taken_and_given = [found("thing", "coin", "held", value) for value in ("carried", "lost")]
    assert counted(given, *taken_and_given) == Count(right=1)


def test_a_fact_that_nobody_wrote_down_is_not_wrong():
    bridge = turn(label("fact", "the bridge is down", "", "true"))
    said = (found("fact", "bridge is down", "", "true"), found("fact", "it is cold", "", "true"))
    assert compare(bridge, said) == {"fact": Count(right=1)}
    assert "| fact | 1 | 0 | 0 | – | 1.00 |" in table(score_turns([bridge], lambda each: said))


def test_chinese_names_agree_where_one_stands_in_the_other():
    sword = turn(label("thing", "桌上的剑", "held", "carried"), language="zh")
    assert counted(sword, found("thing", "剑", "held", "carried")) == Count(right=1)
