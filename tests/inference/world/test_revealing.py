"""Hidden entries are revealed by what a turn tells, and secrets of the known are not."""

from inference.contract.world import WorldChange
from inference.world.folding import fold, world_of
from inference.world.revealing import reveal


def hidden(part, name="", field="", value="", source="scenario"):
    return WorldChange(part=part, name=name, field=field, value=value, source=source, hidden=True)


def revealed(entry, text):
    state = fold({}, "opening", 0, [entry])
    return fold(state, "next", 1, reveal(state, text))


def test_a_hidden_person_is_revealed_by_their_name_with_the_sentence_that_tells_it():
    entry = hidden("person", "Mrs. Adeyemi", "here", "yes")
    state = revealed(entry, "You wait. Behind the glass Adeyemi buttons her coat. It is late.")
    [person] = state.values()
    assert not person.hidden
    assert person.sentence == "Behind the glass Adeyemi buttons her coat."
    assert [each.name for each in world_of(state).people] == ["Mrs. Adeyemi"]


def test_a_hidden_thing_is_not_revealed_by_half_of_a_word():
    assert (
        world_of(revealed(hidden("thing", "key", "held", "carried"), "A monkey laughs.")).things
        == ()
    )
    assert world_of(revealed(hidden("thing", "key", "held", "carried"), "Your key turns.")).things


def test_that_somebody_is_dead_is_not_revealed_by_their_name():
    state = revealed(hidden("person", "Teague", "life", "dead"), '"Where is Teague?" she asks.')
    assert world_of(state).people == ()
    assert world_of(state).hidden == ("Teague is dead.",)


def test_a_hidden_fact_is_revealed_where_one_sentence_has_most_of_its_words():
    fact = hidden("fact", "Teo's mother does not know that he is here", value="true")
    told = 'Teo looks down. "My mother does not know I am here," he says.'
    scattered = "Teo looks down. The mother goes. You know the way. It is here."
    assert world_of(revealed(fact, told)).facts
    assert not world_of(revealed(fact, scattered)).facts


def test_a_hidden_fact_in_a_script_without_spaces_is_revealed_as_well():
    fact = hidden("fact", "桥已经断了", value="true")
    assert world_of(revealed(fact, "你走到河边。桥已经断了,水很急。")).facts
    assert not world_of(revealed(fact, "你走到河边。水很急。")).facts
