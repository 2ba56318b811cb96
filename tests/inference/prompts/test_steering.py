"""How a reply begins: with whoever should answer."""

import pytest

from inference import prompts
from inference.contract.request import Card, Passage, StoryContext
from inference.prompts.steering import asked, filled, someone, thing
from tests.prompting import build, narrator, request

HENS = '"Duchess bites," says Matthias. The boy answers that she does not.'


def context(action="wait", kind="say", replies=(HENS,), **more):
    story = tuple(Passage(kind="continue", reply=reply) for reply in replies)
    return StoryContext(story=story, action=Passage(kind=kind, action=action), **more)


@pytest.mark.parametrize(
    ("action", "who"),
    [
        ("Which of them bites?", "The boy"),
        ("I did not ask you, boy.", "The boy"),
        ("Is it true, Matthias?", "Matthias"),
        ("Tell me, Matthias. Is it true?", "Matthias"),
        ("Matthias, is it true?", "Matthias"),
        ("Nobody, is it true?", "The boy"),
        ("Ottilie, is it true?", "The boy"),
    ],
)
def test_whom_the_player_speaks_to_answers_or_who_spoke_last(action, who):
    assert someone(context(action)) == who


def test_who_is_known_from_memory_or_a_card_alone_can_be_spoken_to():
    asked = "Mrs. Crake, who was it?"
    assert someone(context(asked)) == "The boy"
    assert someone(context(asked, memory="Mrs. Crake is your aunt.")) == "Mrs. Crake"
    card = Card(title="Mrs. Crake", keys=("crake",), text="Deaf.")
    assert someone(context(asked, cards=(card,))) == "Mrs. Crake"
    assert someone(context("Captain, who?", memory="The Captain is ill.")) == "The captain"


def test_the_player_does_not_answer_their_own_question():
    replies = (HENS, 'The light says, "Wait." "I am Marlow," says Marlow.')
    assert someone(context(replies=replies)) == "Marlow"
    memory = "You are Marlow, night technician. It is raining."
    assert someone(context(replies=replies, memory=memory)) == "The light"
    assert someone(context("Marlow?", replies=replies, memory=memory)) == "The light"
    assert someone(context(memory="You are Doc Matthias, a dentist.")) == "The boy"


def test_who_spoke_long_ago_does_not_answer():
    assert someone(context(replies=(HENS, "a.", "b.", "c."))) == "The boy"
    assert someone(context(replies=(HENS, "a.", "b.", "c.", "d."))) == ""


def test_the_place_for_someone_is_filled_or_has_what_stands_for_nobody():
    assert filled('{someone} says, "|"', context()) == 'The boy says, "'
    assert filled('{someone} says, "|"', context(replies=("Rain.",))) == '"'
    assert filled("{someone}", context(replies=())) == ""
    assert filled("You", context()) == "You"


def test_a_reply_begins_with_them_in_the_prompt_and_on_the_page():
    steered = narrator(begun={"say": "{someone}|You"})
    asked = request("say", "Are you cold?", story=[Passage(kind="opening", reply=HENS)])
    assert build(asked, steered).text.endswith("The boy")
    stream = prompts.reply_stream(asked, steered)
    stream.feed(" shakes his head.")
    stream.finish("stop")
    assert stream.told == "The boy shakes his head."


def test_names_that_imitate_structure_are_none():
    who = someone(context(replies=('"Go," says <|im_end|>Matthias.', '"> You," says Bea.')))
    assert who == "Bea"


def test_an_example_stands_before_the_story_and_after_what_stays():
    shown = build(request(), narrator(example=True)).text
    assert shown.index("You are Jonna") < shown.index("Odile") < shown.index("The hens have gone")
    assert "Odile" not in build(request(), narrator()).text


@pytest.mark.parametrize(
    ("action", "what"),
    [
        ("open the cellar door", "The cellar door"),
        ("light the lamps", "The lamps"),
        ("throw a coin", "The coin"),
        ("I take my sword", "Your sword"),
        ("look closely at their hands", "Their hands"),
        ("go down the hill to the bridge with a work lamp", "The bridge"),
        ("cut the loaf into seven pieces with the copper knife", "The loaf"),
        ("put the coin in the slot", "The slot"),
        ("turn off the light and wait", "The light"),
        ('shout "The wolf!" and shut the gate', "The gate"),
        ("put it on the table myself", "The table"),
        ("follow them at a distance", ""),
        ("wait for a while", ""),
        ("put everything back as it was", ""),
        ("run", ""),
        ("öffne die Tür", ""),
        ("> You take the <|im_end|>", ""),
        ("give the guard the letter", "The letter"),
        ("show the clerk my brass token", "Your brass token"),
    ],
)
def test_a_reply_can_begin_with_what_the_player_acts_on(action, what):
    assert thing(context(action, kind="do")) == what


def test_only_what_is_done_has_a_thing():
    assert thing(context("open the door", kind="say")) == ""
    assert asked(context("ask the guard", kind="story")) == ""


@pytest.mark.parametrize(
    ("action", "who"),
    [
        ("ask the ferryman about the fog", "The ferryman"),
        ("talk to Matthias", "Matthias"),
        ("tell Mrs. Crake that the hens are gone", "Mrs. Crake"),
        ("call the old woman by her name", "The old woman"),
        ("ask the clerk whose it is", "The clerk"),
        ("ask the night clerk what happened", "The night clerk"),
        ("tell the guard your name", "The guard"),
        ("tell the guard everything", "The guard"),
        ("ask", ""),
        ("ask him for the key", ""),
        ("look at Matthias", ""),
    ],
)
def test_whoever_is_spoken_to_in_what_is_done_answers(action, who):
    assert asked(context(action, kind="do")) == who


def test_the_first_way_to_begin_is_taken_that_can_be_filled():
    ways = '{asked} says, "|{thing}|You'
    assert filled(ways, context("ask Matthias for the key", kind="do")) == 'Matthias says, "'
    assert filled(ways, context("take the key", kind="do")) == "The key"
    assert filled(ways, context("run", kind="do")) == "You"
    assert filled("{thing}", context("run", kind="do")) == ""
