"""Who speaks in a reply: the narrator, and neither the player nor the model."""

import pytest

from tests.reply_text import stream_of, tell

DOOR = "You climb out. The cable sings."


@pytest.mark.parametrize(
    "rest",
    [
        '"Who is there?" you ask.',
        '"Who is there?" You ask.',
        '"Who is there?" you quickly ask Matthias.',
        '"Stop," you continue, "or else."',
        '"Stop!" you scream.',
        '"Stop!" you cry.',
        "“Stop!” you explain.",
        '"I see. It is late. We must go," you say.',
        "You explain the plan to Matthias.",
        "You quickly reply that all is well.",
        "Then you tell Matthias the truth.",
        "You say that all is well.",
        "You reply.",
        "I open the box.",
        "I'm at the tower.",
    ],
)
def test_a_reply_ends_before_it_speaks_for_the_player(rest):
    assert tell(f"{DOOR} {rest}") == DOOR
    assert tell(f"{DOOR} {rest} He nods.") == DOOR


@pytest.mark.parametrize(
    "first",
    [
        'You say, "All is well."',
        'You say, "All is well. I am here."',
        '"I\'m here," you say.',
        '"I\'m here. I came alone," you reply with a smile.',
        "You ask him for the key.",
        "You turn to him.",
        "I nod.",
    ],
)
@pytest.mark.parametrize("kind", ["do", "say", "continue"])
def test_a_first_sentence_that_speaks_for_the_player_is_left_out(kind, first):
    action = "turn to him" if kind == "do" else "turn to him" if kind == "say" else ""
    if first.startswith("You turn") and kind != "do":
        return
    assert tell(f"{first} The man takes his time.", kind=kind, action=action) == (
        "The man takes his time."
    )


def test_a_reply_of_nothing_else_is_told_again_and_at_last_as_it_is():
    said = 'You say, "All is well."'
    first = stream_of(said, again=True)
    assert (first.told, first.fault, first.unfinished) == ("", "speaks", True)
    assert stream_of(said).told == said


@pytest.mark.parametrize(
    "raw",
    [
        '"Who is there?" he asks. You wait.',
        '"Who is there?" You look up. A cough.',
        '"Who is there?" you hear. A cough.',
        "You scream as the floor gives way. You cry out in pain.",
        "You continue down the stair. You call the dog to you.",
        "You say nothing. He waits. You say nothing.",
        'He says, "I am old. I open no doors. You say so yourself."',
        "The gate bears the sign I. It is the first of five.",
        '"He is here. I\'m Teo," says the boy. "What do you do? You say nothing."',
        '"He is here. What do you do?" asks the boy. He sits.',
        '"On Sundays they stop the cars. First they count," he says. "Today they did not."',
    ],
)
def test_the_voices_of_others_are_told(raw):
    assert tell(raw) == raw


def test_a_story_told_by_someone_who_says_i_stays_so():
    earlier = ["I wake in the cellar. I am cold.", "I climb the stair and I listen."]
    raw = "I open the door. It is dark."
    assert tell(raw, recent=earlier) == raw
    assert tell(raw) == "It is dark."


def test_a_quotation_waits_for_the_word_that_says_whose_it_is():
    stream = stream_of('"Stay here," he', finish="cancelled")
    assert stream.told == ""
    assert stream_of('"Stay here," he says', finish="cancelled").told.startswith('"Stay here," he')


def test_a_long_quotation_does_not_wait_for_its_end():
    speech = '"' + " ".join(f"Word{number}" for number in range(100))
    assert len(stream_of(speech, finish="cancelled").told) > 300


# ---- scaffolding


@pytest.mark.parametrize(
    "before",
    [
        "Sure! ",
        "Sure! Here is what happens next:\n\n",
        "Certainly! Here's the continuation of the story:\n",
        "Of course! Here is the next part of the story. ",
        "Here's the ending. ",
        "Here is a possible continuation:\n",
        "Great choice! ",
        "Okay, let's continue the story. ",
        "(Continue) ",
        "[Continued] ",
        "## ",
        "---\n",
        "Narrator: ",
        "<think>The player climbs. I should\n\ntell it.</think>\n",
        "<p>",
    ],
)
def test_what_a_model_says_before_the_story_is_withheld(before):
    assert tell(before + DOOR) == DOOR
    assert tell(before + DOOR, cuts=range(0, 200)) == DOOR


@pytest.mark.parametrize(
    "after",
    [
        " What do you do?",
        " What do you say?",
        "\nWhat will you do next?",
        " How do you respond?",
        " (Continue)",
        " Continue?",
        "\n[Continue]",
        " The End",
        "\n\nTo be continued…",
        "\n\n**What do you do?**",
        "\n\n### What next?\n1. Go",
        "\n1. Go back.\n2. Go on.",
        "\nYou: I go back.",
        "\nOption A: go back.",
        " Let me know if you want more!",
        " Please note that this is fiction.",
        " I hope you enjoy the story.",
        " Here's the ending.",
        "<|im_end|>",
        "<|eot_id|><|start_header_id|>user",
        "</s>",
        "[INST] Go on [/INST]",
        "<end_of_turn>\n<start_of_turn>user",
        "<｜end▁of▁sentence｜>",
        "<|endoftext|>",
        "<eos>",
        "<tool_call>",
        "<br>",
        "[TOOL_CALLS]",
    ],
)
def test_what_a_model_says_after_the_story_is_withheld(after):
    assert tell(DOOR + after) == DOOR
    assert tell(DOOR + after, cuts=range(0, 200)) == DOOR


@pytest.mark.parametrize(
    "raw",
    [
        "Here is the door. It is open.",
        "Of all the doors this one is open.",
        "Great halls lie behind the door.",
        "The end of the rope is wet. The end of it is near.",
        "What do you know? It opens.",
        "He weighs <5 stone.",
        'The sign says "[closed]".',
    ],
)
def test_story_that_looks_like_scaffolding_is_told(raw):
    assert tell(raw) == raw
