"""Who wins, what stays and what goes when changes are folded: each rule of docs/world.md."""

import hashlib
import json
import random

import pytest

from inference.contract.world import (
    LONGEST_NAME,
    MOST_AIMS,
    MOST_PEOPLE,
    Person,
    Thing,
    World,
    WorldChange,
)
from inference.world.folding import TRUST, VALUES, fold, world_of
from inference.world.serialization import FORMAT, dump, load


def change(source, part, name="", field="", value="", **more):
    return WorldChange(part=part, name=name, field=field, value=value, source=source, **more)


def person(source, name, **values):
    return [change(source, "person", name, field, value) for field, value in values.items()]


def thing(source, name, held):
    return change(source, "thing", name, "held", held)


def after(*turns):
    """The state after turns, each a list of changes."""
    state = {}
    for number, changes in enumerate(turns):
        state = fold(state, f"turn-{number}", number, changes)
    return state


def world(*turns):
    return world_of(after(*turns))


def test_nothing_is_known_of_a_story_that_changed_nothing():
    assert world([], []) == World()


def test_each_part_is_in_the_state_in_the_order_in_which_it_became_known():
    assert world(
        [change("rule", "place", value="the cellar"), change("rule", "time", value="noon")],
        [*person("rule", "Mara", here="yes", mood="wary"), thing("rule", "lantern", "carried")],
        [thing("rule", "cloak", "worn"), change("narrator", "aim", "find the key", value="open")],
        [change("narrator", "fact", "The bridge is down.", value="true")],
    ) == World(
        place="the cellar",
        time="noon",
        people=(Person(name="Mara", here=True, mood="wary"),),
        things=(Thing(name="lantern", held="carried"), Thing(name="cloak", held="worn")),
        aims=("find the key",),
        facts=("The bridge is down.",),
    )


def test_the_state_before_is_left_as_it_was():
    before = after(person("rule", "Mara", here="yes"))
    fold(before, "next", 1, person("rule", "Mara", life="dead"))
    assert world_of(before).people == (Person(name="Mara", here=True),)


def test_the_newer_change_wins_from_turn_to_turn():
    places = [[change("rule", "place", value=place)] for place in ("the cellar", "the attic")]
    assert world(*places).place == "the attic"


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [("narrator", "rule"), ("rule", "dice"), ("dice", "scenario"), ("scenario", "player")],
)
def test_within_a_turn_the_more_trusted_source_wins_however_they_are_stored(weaker, stronger):
    both = [
        change(stronger, "place", value="the attic"),
        change(weaker, "place", value="the cellar"),
    ]
    assert world(both).place == world(both[::-1]).place == "the attic"


@pytest.mark.parametrize("source", ["narrator", "rule", "dice"])
def test_what_the_player_set_holds_against_all_others_until_they_change_it(source):
    locked = [[change("player", "place", value="the attic")], [change(source, "place", value="?")]]
    assert world(*locked).place == "the attic"
    assert world(*locked, [change("player", "place", value="the yard")]).place == "the yard"


def test_the_player_locks_one_field_of_a_person_and_no_other():
    turns = [
        person("player", "Mara", mood="kind"),
        person("rule", "Mara", mood="angry", here="yes"),
    ]
    assert world(*turns).people == (Person(name="Mara", here=True, mood="kind"),)


def test_whom_the_player_removed_nobody_else_brings_back():
    turns = [person("rule", "Mara", here="yes"), person("player", "Mara", life="")]
    for source in ("rule", "narrator", "dice"):
        again = person(source, "mara", life="alive", here="yes", mood="kind")
        assert world(*turns, again).people == ()
    assert world(*turns, person("player", "Mara", here="yes")).people == (
        Person(name="Mara", here=True),
    )


def test_a_thing_an_aim_and_a_fact_that_the_player_removed_stay_removed():
    removed = [
        thing("player", "lantern", ""),
        change("player", "aim", "find the key", value="done"),
        change("player", "fact", "The bridge is down.", value=""),
        change("player", "place", value=""),
    ]
    again = [
        thing("rule", "lantern", "carried"),
        change("narrator", "aim", "find the key", value="open"),
        change("narrator", "fact", "The bridge is down.", value="true"),
        change("rule", "place", value="the attic"),
    ]
    assert world(again, removed, again) == World()


def test_what_a_rule_removed_may_come_back():
    turns = [[thing("rule", "lantern", value)] for value in ("carried", "", "worn")]
    assert world(*turns).things == (Thing(name="lantern", held="worn"),)


@pytest.mark.parametrize("source", ["rule", "player", "scenario", "dice"])
def test_a_narrator_brings_back_neither_the_dead_nor_what_is_lost(source):
    turns = [
        [*person(source, "Teague", life="dead"), thing(source, "lantern", "lost")],
        [
            *person("narrator", "Teague", life="alive", here="yes"),
            *person("narrator", "Teague", life=""),
            thing("narrator", "lantern", "carried"),
            thing("narrator", "lantern", ""),
        ],
    ]
    assert world(*turns) == World(
        people=(Person(name="Teague", life="dead"),), things=(Thing(name="lantern", held="lost"),)
    )


def test_a_narrator_may_correct_its_own_reading():
    turns = [person("narrator", "Teague", life="dead"), person("narrator", "Teague", life="alive")]
    assert world(*turns).people == (Person(name="Teague"),)


def test_a_rule_may_say_that_the_dead_live_after_all():
    turns = [person("rule", "Teague", life="dead"), person("rule", "Teague", life="alive")]
    assert world(*turns).people == (Person(name="Teague"),)


def test_the_dead_are_not_here_whatever_was_said_before_or_is_said_after():
    here = person("rule", "Teague", here="yes")
    dead = person("rule", "Teague", life="dead")
    assert world(here, dead).people == (Person(name="Teague", life="dead"),)
    assert world(here, dead, here).people == (Person(name="Teague", life="dead"),)
    locked = person("player", "Teague", here="yes")
    assert world(locked, dead).people == (Person(name="Teague", life="dead"),)


def test_who_is_gone_lives_again_by_coming_back_unless_the_player_said_so():
    here = person("rule", "Ada", here="yes")
    assert world(person("rule", "Ada", life="gone"), here).people == (
        Person(name="Ada", here=True),
    )
    gone = world(person("player", "Ada", life="gone"), here)
    assert gone.people == (Person(name="Ada", life="gone"),)


def test_names_are_the_same_in_any_case_and_the_first_spelling_stays():
    turns = [person("rule", "Zoë", here="yes"), person("rule", "ZOE\u0308", mood="calm")]
    assert world(*turns).people == (Person(name="Zoë", here=True, mood="calm"),)
    assert len(world(*turns, person("rule", "Zoe", here="yes")).people) == 2, "accents tell apart"


def test_what_is_known_already_keeps_where_it_is_from():
    first = change("rule", "place", value="the attic", sentence="You climb up to the attic.")
    again = change("rule", "place", value="the attic", sentence="The attic is cold.")
    [entry] = after([first], [again]).values()
    assert (entry.turn, entry.number, entry.sentence) == ("turn-0", 0, first.sentence)
    weaker = after([change("narrator", "place", value="the attic")], [again])
    assert [each.turn for each in weaker.values()] == ["turn-1"], "a rule is trusted more"


def test_hidden_entries_are_sentences_for_the_narrator_until_a_change_reveals_them():
    hidden = [
        change("scenario", "person", "Prosser", "here", "no", hidden=True),
        change("scenario", "fact", "The well is dry.", value="true", hidden=True),
    ]
    assert world(hidden) == World(hidden=("Prosser is not here.", "The well is dry."))
    assert world(hidden, [change("rule", "fact", "the well is dry.", value="true")]) == World(
        facts=("The well is dry.",), hidden=("Prosser is not here.",)
    )


@pytest.mark.parametrize(
    "senseless",
    [
        change("rule", "person", "", "life", "dead"),
        change("rule", "person", "Mara", "life", "undead"),
        change("rule", "person", "Mara", "", "dead"),
        change("rule", "thing", "lantern", "life", "dead"),
        change("rule", "thing", "lantern", "held", "eaten"),
        change("rule", "place", "the attic", "", "the attic"),
        change("rule", "aim", "find the key", "", "maybe"),
        change("rule", "fact", "", "", "true"),
    ],
)
def test_changes_that_make_no_sense_change_nothing(senseless):
    assert world([senseless]) == World()


def test_texts_are_cut_to_one_line_within_their_limits():
    [mara] = world(person("rule", "Mara\n the" + " long" * 40, mood="calm " * 40)).people
    assert len(mara.name) <= LONGEST_NAME and "\n" not in mara.name
    assert len(mara.mood) <= 20


def test_beyond_the_limit_whoever_was_named_longest_ago_goes_first_and_the_players_own_last():
    turns = [
        person("player", "Ada", here="yes"),
        person("rule", "Bo", here="yes"),
        person("rule", "Cy", here="yes"),
        person("rule", "Bo", here="yes"),
        *(person("rule", f"P{number}", here="no") for number in range(MOST_PEOPLE - 2)),
    ]
    names = [each.name for each in world(*turns).people]
    assert len(names) == MOST_PEOPLE
    assert names[:3] == ["Ada", "Bo", "P0"]


def test_at_most_five_aims_are_open_and_a_done_one_makes_room():
    aims = [[change("rule", "aim", f"aim {number}", value="open")] for number in range(7)]
    assert world(*aims).aims == tuple(f"aim {number}" for number in range(2, 7))
    assert len(world(*aims).aims) == MOST_AIMS
    done = [change("rule", "aim", "aim 6", value="done")]
    assert world(*aims, done).aims == tuple(f"aim {number}" for number in range(2, 6))


def test_a_state_is_the_same_after_it_was_stored_as_json():
    state = after(
        [
            *person("scenario", "Mara", here="yes"),
            change("scenario", "fact", "The well is dry.", value="true", hidden=True),
            thing("player", "lantern", ""),
            change("rule", "place", value="the attic", sentence="You climb up."),
        ]
    )
    stored = load(json.loads(json.dumps(dump(state))))
    assert (list(stored), stored) == (list(state), state)


# What FORMAT stood for, as the digest of a state of a thousand changes of all kinds.
DIGESTS = {1: "5e43cd1b51ff305c"}


def any_change(rng):
    part, field = rng.choice(list(VALUES))
    values = VALUES[part, field] or ("Rome", "night", "wary", "kind")
    name = "" if part in ("place", "time") else f"{rng.choice('Aab')}{rng.randrange(30)}"
    value = rng.choice((*values, *values, ""))
    return change(rng.choice(list(TRUST)), part, name, field, value, hidden=not rng.randrange(9))


def test_stored_states_are_of_another_format_where_the_same_changes_give_another_state():
    rng = random.Random(22)
    turns = [[any_change(rng) for _ in range(rng.randrange(50))] for _ in range(40)]
    found = hashlib.sha256(json.dumps(dump(after(*turns))).encode()).hexdigest()[:16]
    assert found == DIGESTS[FORMAT], "raise FORMAT, and write the new digest beside it"
