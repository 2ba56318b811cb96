"""A question continues the prompt that was read ahead, so that it costs its own tokens alone."""

import pytest

from inference.contract.output_format import OutputFormat
from inference.contract.questions import Question
from inference.contract.request import Card
from inference.contract.sampling import SamplingParams
from inference.prompts import build_question, stable_front
from inference.worker.idle.read_ahead import next_request
from tests.prompting import count, narrator, render_chat, request, told_turns

CARDS = (Card(title="Jory", keys=("Jory",), text="Jory is the mate, and afraid of geese."),)
REPLY = "The rope holds. Jory nods at you."
TELLERS = [
    narrator("chat"),
    narrator("transcript"),
    narrator("chat", example=True),
    narrator("chat", reminder="In two sentences."),
    narrator("chat", begun={"say": '"'}),
]


def question(following, text="(Is Jory here?)"):
    return Question(
        request=following,
        text=text,
        output=OutputFormat(json_schema={"type": "boolean"}),
        sampling=SamplingParams(max_tokens=8, temperature=0),
    )


@pytest.mark.parametrize("teller", TELLERS)
@pytest.mark.parametrize("turns", [0, 1, 4, 9, 300])
def test_it_begins_with_what_the_next_turn_begins_with(teller, turns):
    before = request(story=[*request().context.story, *told_turns(turns)], cards=CARDS)
    following = next_request(before, REPLY)
    front = stable_front(following, teller, count, render_chat, 2048)
    built = build_question(question(following), teller, count, render_chat, 2048)
    assert built.text.startswith(front)
    assert REPLY in front
    assert built.text.endswith(
        "(Is Jory here?)<|im_end|>\n<|im_start|>assistant\n"
        if teller.format == "chat"
        else "\n[(Is Jory here?)]\n"
    )
    assert built.output is not None
    assert built.sampling.max_tokens == 8


def test_the_chat_before_it_is_well_formed():
    before = request(story=[*request().context.story, *told_turns(3)])
    built = build_question(
        question(next_request(before, REPLY)), narrator("chat"), count, render_chat, 2048
    )
    assert built.text.count("<|im_start|>") == built.text.count("<|im_end|>") + 1
    assert built.text.endswith(
        f"<|im_start|>assistant\n{REPLY}<|im_end|>\n<|im_start|>user\n(Is Jory here?)<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_a_template_that_alters_messages_is_no_place_for_a_question():
    def shouting(messages, begun):
        first = messages[0].content
        return f"{first[:1]}{len(messages)}{first.upper()}{begun}"

    with pytest.raises(ValueError, match="alters"):
        build_question(question(request()), narrator("chat"), count, shouting, 2048)
