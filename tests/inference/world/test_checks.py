"""A reply does not contradict the state of the world: where it does, it is told again."""

import pytest

from inference import prompts
from inference.contract.request import Passage
from inference.contract.world import Person, Thing, World
from inference.worker.retry_reply import retry_request
from inference.world.checks import Facts
from tests.prompting import build, narrator, request

BANK = World(
    people=(
        Person(name="Teague Hatch", life="dead"),
        Person(name="Corliss Hatch", here=True),
        Person(name="Ada", life="gone"),
        Person(name="Wendell"),
    ),
    things=(Thing(name="brass lantern", held="lost"), Thing(name="knife", held="carried")),
)


def contradicted(reply: str, action: str = "", texts: tuple[str, ...] = ()) -> str:
    found = Facts(BANK, action, texts).contradicted(reply)
    return found.fact if found else ""


@pytest.mark.parametrize(
    "reply",
    [
        "Teague drops the shotgun and goes over to the counter.",
        '"Put it down," says Teague.',
        'Teague: "Do it."',
        "Teague lies on the floor. He sits up and looks at you.",
    ],
)
def test_the_dead_neither_act_nor_speak(reply):
    assert contradicted(reply) == "Teague Hatch is dead."


@pytest.mark.parametrize(
    "reply",
    [
        "Teague lies on the floor with his mouth open.",
        "Teague's hand lies open beside the sock.",
        "You remember how Teague laughed. Teague had a dog once.",
        "In the dream Teague walks up to you and shrugs.",
        '"Teague shot first," says Hatch.',
        "Hatch looks at Teague. Hatch says nothing.",
        "You close Teague's eyes. Corliss Hatch turns away.",
        "The portrait shows Teague, who smiles.",
    ],
)
def test_the_dead_lie_are_remembered_and_spoken_of(reply):
    assert contradicted(reply, "close Teague's eyes") == ""


def test_where_ghosts_walk_the_dead_may_act():
    reply = "Teague sits up and looks at you."
    assert contradicted(reply) != ""
    assert contradicted(reply, "I raise the dead with the horn.") == ""
    assert contradicted(reply, texts=("The ghost of the bank is awake.",)) == ""


def test_a_name_that_the_dead_share_with_the_living_is_not_theirs():
    assert contradicted("Hatch opens the door and shouts.") == ""


def test_what_was_put_down_or_given_away_is_still_somewhere():
    put = ("You put the lantern on the counter.",)
    assert contradicted("You lift the lantern off the counter.", texts=put) == ""
    assert contradicted("Hatch raises the lantern. The lantern flickers.") == ""


def test_what_is_lost_is_not_used_unless_it_is_found_again():
    lost = "You no longer have the brass lantern."
    assert contradicted("You raise the lantern and look about.") == lost
    assert contradicted("The steps are wet in the light. Your lantern flickers.") == lost
    assert contradicted("You raise the knife.") == ""
    assert contradicted("Hatch raises his lantern. He lights another lantern for you.") == ""
    assert contradicted("If you still had your lantern, you could see.") == ""
    assert contradicted("You find the lantern in the ditch. You raise the lantern.") == ""
    assert contradicted("You raise the lantern.", "You pick up the lantern.") == ""


def test_who_is_gone_does_not_answer_and_who_left_does_not_either():
    assert contradicted('"Yes," says Ada.') == "Ada is not here."
    assert contradicted('"Yes," says Ada over the radio.') == ""
    asked = 'You say "Wendell, where is the key?"'
    left = ("Wendell counts the money.", "Wendell walks out of the bank.", "It is quiet.")
    assert contradicted('"Here," says Wendell.', asked, left) == "Wendell is not here."
    assert contradicted('Wendell comes back. "Here," says Wendell.', asked, left) == ""
    stays = ("Wendell walks away.", "Wendell comes back and sits down.")
    assert contradicted('"Here," says Wendell.', asked, stays) == ""
    assert contradicted('"Here," says Wendell.', asked) == "Wendell is not here."
    assert contradicted("Somewhere Wendell is laughing.", asked, left) == ""
    assert contradicted('"Here," says Wendell.', "You wait.", left) == ""


@pytest.mark.parametrize("shows", ["words", "sentences"])
def test_a_reply_that_has_the_dead_act_is_told_again_with_the_fact_last(shows):
    told = request(action="look at the counter", world=BANK)
    teller = narrator(shows=shows, may_repeat=False)
    stream = prompts.reply_stream(told, teller, again=True)
    assert stream.feed('Teague nods slowly at you and smiles. "Do it," he says. ') == ""
    assert (stream.done, stream.unfinished, stream.fault) == (True, True, "dead")
    again = retry_request(told, teller.sampling, stream)
    assert again is not None
    assert build(again, teller).text.partition("Teague Hatch is dead.")[2].count("\n") < 3
    stream = prompts.reply_stream(again, teller, again=True)
    shown = stream.feed("Teague laughs. Nobody moves. The clock ticks on above the counter.")
    assert (shown + stream.finish("stop")).startswith("Nobody moves.")


@pytest.mark.parametrize("shows", ["words", "sentences"])
def test_a_reply_ends_before_the_dead_speak(shows):
    told = request(action="look at the counter", world=BANK)
    stream = prompts.reply_stream(told, narrator(shows=shows, may_repeat=False), again=True)
    good = "The sock unrolls across the boards as far as your knee, and nobody picks it up again. "
    shown = stream.feed(f'{good}Hatch waits. "Go. Now," says Teague. He stands up.')
    shown += stream.finish("stop")
    assert shown == f"{good}Hatch waits."
    assert not stream.unfinished


def test_without_a_state_of_the_world_nothing_is_held_back():
    stream = prompts.reply_stream(
        request(story=(Passage(kind="opening", reply="A bank."),)), narrator()
    )
    assert stream.feed("Teague nods ") == "Teague nods"


def test_what_the_reply_was_begun_with_does_not_excuse_the_use_of_what_is_lost():
    world = World(things=(Thing(name="rope", held="lost"),))
    facts = Facts(world, "You tie the rope around your waist.")
    begun = "You no longer have the rope. The wind pulls at your coat."
    assert facts.contradicted(begun) is None
    assert facts.contradicted(f"{begun} You tie the rope around your waist.").kind == "lost"


def test_no_half_sentence_is_left_where_the_action_names_what_is_lost():
    """ "You raise your" was shown before "lantern" came, and a reply ended in it."""
    told = request(action="light the wall with the lantern", world=BANK)
    stream = prompts.reply_stream(told, narrator(shows="words", may_repeat=False), again=True)
    shown = "".join(
        stream.feed(letter) for letter in " wall is wet. You raise your lantern and look."
    )
    shown += stream.finish("stop")
    assert shown == "You no longer have the brass lantern. The wall is wet."


STABLE = World(
    people=(Person(name="Thistle", life="dead"), Person(name="Jory", here=True)),
    things=(Thing(name="iron key", held="lost"), Thing(name="rope", held="lost")),
)


def found_in(reply: str, action: str, world: World = STABLE) -> str:
    found = Facts(world, action).contradicted(reply)
    return found.fact if found else ""


def test_the_dead_are_not_ridden():
    action = "You go out and ride away on Thistle."
    assert found_in("You ride away. The wind is cold.", action) == "Thistle is dead."
    assert found_in("You saddle Thistle.", "You go to the stable.") == "Thistle is dead."
    assert found_in("Thistle lies in the straw. You will have to walk.", action) == ""
    assert found_in("You ride away on Jory's pony.", "You look for a horse.") == ""


def test_what_needs_the_lost_thing_is_not_done_though_nobody_names_it():
    action = "You unlock the cabinet and look at the keyboard."
    assert found_in("You unlock the cabinet.", action) == "You no longer have the iron key."
    assert found_in("You unlock the cabinet with a hairpin.", action) == ""
    assert found_in("The cabinet stays shut.", action) == ""
    other = STABLE.model_copy(
        update={"things": (*STABLE.things, Thing(name="silver key", held="carried"))}
    )
    assert found_in("You unlock the cabinet.", action, other) == ""
    assert found_in("You tie your scarf to the rail.", "You tie the rope to the rail.") == ""


def test_he_is_still_the_dead_after_a_sentence_about_a_thing():
    world = STABLE.model_copy(update={"people": (Person(name="Teague", life="dead"),)})
    reply = "Teague does not answer. The lamp comes closer. He holds it with both hands."
    assert found_in(reply, "You ask Teague for light.", world) == "Teague is dead."
    reply = "Teague does not answer. The guard comes closer. He holds the lamp."
    assert found_in(reply, "You ask Teague for light.", world) == ""


def test_a_chain_of_office_is_a_chain():
    world = World(things=(Thing(name="chain of office", held="lost"),))
    action = "You dangle the chain of office to lead Margaret away."
    assert Facts(world, action).lost_in_use() == "chain of office"
    assert (
        found_in("You dangle the chain.", action, world)
        == "You no longer have the chain of office."
    )
    assert found_in("The office is empty.", action, world) == ""
