"""Answers that a program reads: JSON of a schema, or words of a grammar."""

import json

import pytest
from pydantic import ValidationError

from inference.contract.output_format import DEEPEST, OutputFormat
from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.contract.sampling import SamplingParams
from inference.engines.base import Message, NewText
from inference.engines.host import Host
from inference.engines.openai.dialects import KOBOLDCPP, LLAMA_SERVER, UNKNOWN, VLLM, output_fields
from inference.engines.scripted import ScriptedEngine
from inference.narrators import Narrator
from inference.queue.batch import BatchError, prompts_of, request_of
from inference.reply import ReplyStream
from inference.worker.idle.batch import Job
from tests.inference.engines.test_engines import joined, llama_engine, openvino_engine, tell_all

__all__ = ["llama_engine", "openvino_engine"]

TRAVELLER = {
    "type": "object",
    "properties": {
        "place": {"type": "string", "minLength": 1, "maxLength": 20},
        "mood": {"enum": ["calm", "afraid"]},
    },
    "required": ["place", "mood"],
    "additionalProperties": False,
}
# Every keyword that is understood, so that a library which drops one is noticed.
EVERYTHING = {
    "type": "object",
    "description": "where things stand",
    "properties": {
        "name": {"type": "string", "maxLength": 8, "title": "a name"},
        "wounds": {"type": "integer", "minimum": 2, "maximum": 3},
        "weight": {"type": "number"},
        "alive": {"type": "boolean"},
        "owner": {"type": "null"},
        "room": {"const": "cellar"},
        "things": {"type": "array", "items": {"enum": ["lamp", 7]}, "minItems": 2, "maxItems": 2},
        "door": {"anyOf": [{"type": "boolean"}, {"enum": ["ajar"]}]},
    },
    "required": ["name", "wounds", "weight", "alive", "owner", "room", "things", "door"],
    "additionalProperties": False,
}
REAL = [pytest.param(f"{name}_engine", marks=pytest.mark.model) for name in ("llama", "openvino")]
SERVERS = [pytest.param(f"openai{chat}_engine", marks=pytest.mark.model) for chat in ("", "_chat")]


@pytest.fixture(scope="module")
def openai_engine(llama):
    yield from served(llama)


@pytest.fixture(scope="module")
def openai_chat_engine(llama):
    yield from served(llama, format="chat")


def served(address, **given):
    from tests.inference.engines.test_engines import of_server

    engine = of_server(address, **given)
    yield engine
    engine.close()


def answer(engine, output, **sampling):
    question = [Message("user", "Where is the traveller, and how does she feel? Answer in JSON.")]
    sampling = {"max_tokens": 120, "temperature": 0, **sampling}
    request = engine.submit(engine.render_chat(question, ""), SamplingParams(**sampling), output)
    return tell_all(engine)[request]


@pytest.mark.parametrize("name", [*REAL, *SERVERS])
def test_an_answer_is_json_of_the_schema(name, request):
    texts = answer(request.getfixturevalue(name), OutputFormat(json_schema=TRAVELLER))
    found = json.loads(joined(texts))
    assert list(found) == ["place", "mood"]
    assert 1 <= len(found["place"]) <= 20
    assert found["mood"] in ("calm", "afraid")
    assert texts[-1].finish == "stop"


@pytest.mark.parametrize("name", REAL)
def test_every_keyword_of_a_schema_binds(name, request):
    texts = answer(request.getfixturevalue(name), OutputFormat(json_schema=EVERYTHING))
    found = json.loads(joined(texts))
    assert found.keys() == EVERYTHING["properties"].keys()
    assert len(found["name"]) <= 8
    assert found["wounds"] in (2, 3)
    assert isinstance(found["weight"], int | float)
    assert found["alive"] in (True, False)
    assert found["owner"] is None
    assert found["room"] == "cellar"
    assert len(found["things"]) == 2
    assert set(found["things"]) <= {"lamp", 7}
    assert found["door"] in (True, False, "ajar")


@pytest.mark.model
def test_an_answer_keeps_to_a_grammar(llama_engine):
    grammar = OutputFormat(grammar='root ::= "north" | "south"')
    assert joined(answer(llama_engine, grammar)) in ("north", "south")


@pytest.mark.model
def test_a_wrong_grammar_fails_its_own_answer_alone(llama_engine):
    said = [Message("user", "I wait.")]
    prompt = llama_engine.render_chat(said, "You")
    wrong = OutputFormat(grammar='root ::= "yes" | ( nonsense')
    refused = llama_engine.submit(prompt, SamplingParams(max_tokens=8), wrong)
    story = llama_engine.submit(prompt, SamplingParams(max_tokens=8))
    told = tell_all(llama_engine)
    assert [text.finish for text in told[refused]] == ["error"]
    assert "grammar" in told[refused][-1].error
    assert told[story][-1].finish in ("stop", "length")


@pytest.mark.model
def test_openvino_says_that_it_takes_no_grammar(openvino_engine):
    with pytest.raises(ValueError, match="JSON schema, and to no grammar"):
        answer(openvino_engine, OutputFormat(grammar='root ::= "yes"'))
    assert not openvino_engine.busy


def test_an_engine_that_cannot_see_to_it_says_so():
    script = Narrator(name="script", line="", engine="scripted")
    with pytest.raises(ValueError, match="take the llama engine"):
        answer(ScriptedEngine(script), OutputFormat(json_schema=TRAVELLER))


class Pipe:
    """A worker that is not there."""

    def send(self, event): ...

    def fileno(self):
        return 0


def where_is_she(**given):
    """Asks for an answer of a shape, as it travels to the worker."""
    action = Passage(kind="do", action="look for the traveller")
    asked = GenerationRequest(
        **{"adventure": "a", "turn": "t", "attempt": 1, "narrator": "script", **given},
        context=StoryContext(action=action),
        output=OutputFormat(json_schema=TRAVELLER),
    )
    return GenerationRequest.from_message(asked.model_dump_json())


def test_what_a_request_says_of_its_answer_reaches_the_engine():
    script = Narrator(name="script", line="", engine="scripted", begun={"do": "You"})
    heard = []

    class Listening(ScriptedEngine):
        def submit(self, prompt, sampling, output=None):
            heard.append((prompt, output))
            return super().submit(prompt, sampling)

    Host(Pipe(), script, Listening(script))._submit(1, where_is_she(told='{"place": "the'))
    [(prompt, output)] = heard
    assert output == OutputFormat(json_schema=TRAVELLER)
    assert not prompt.rstrip().endswith(("You", "the")), "it is told from its first word"


def test_an_engine_that_cannot_see_to_it_refuses_the_request_in_one_line():
    script = Narrator(name="script", line="", engine="scripted")
    host = Host(Pipe(), script, ScriptedEngine(script))
    host._submit(1, where_is_she())
    [text] = host._unsent
    assert (text.request, text.finish) == (1, "error")
    assert "take the llama engine" in text.error and "\n" not in text.error


def test_what_a_program_reads_comes_as_it_was_told():
    job = Job(where_is_she(), ReplyStream("do"), 0.0)
    said = '{"place": "> You say <b>", "mood": "calm"}'
    for piece in (said[:9], said[9:]):
        assert not job.take(NewText(1, piece, 1))
    assert job.take(NewText(1, "", 0, "stop"))
    result = job.result(Narrator(name="script", line="", engine="scripted"))
    assert (result.reply, result.error) == (said, "")
    assert job.take(NewText(1, "", 0, "length"))
    assert "has no end" in job.result(Narrator(name="script", line="", engine="scripted")).error


def test_a_prompt_of_a_batch_may_ask_for_a_shape(tmp_path):
    file = tmp_path / "prompts.jsonl"
    file.write_text(json.dumps({"prompt": "A door.", "output": {"json_schema": TRAVELLER}}))
    [prompt] = prompts_of(file)
    assert request_of(prompt, "b", "script").output == OutputFormat(json_schema=TRAVELLER)
    file.write_text(json.dumps({"prompt": "A door.", "output": {"grammar": "x" * 20_000}}))
    with pytest.raises(BatchError, match=r"line 1: output\.grammar: .*16384"):
        list(prompts_of(file))


BROKEN = {
    "of no type": ({}, "wants a type"),
    "of an unknown type": ({"type": "nonsense"}, "wants a type"),
    "of two types": ({"type": ["string", "null"]}, "wants a type"),
    "with a reference": ({"$ref": "#/$defs/x"}, "wants a type"),
    "with a pattern": ({"type": "string", "pattern": "(("}, "'pattern' is not understood"),
    "of nothing to choose from": ({"enum": []}, "enum wants a list"),
    "of lists to choose from": ({"enum": [[1]]}, "enum and const take"),
    "of words that are no numbers": ({"type": "integer", "enum": ["x"]}, "not every value"),
    "with lengths crossed": (
        {"type": "string", "minLength": 9, "maxLength": 2},
        "minLength is more than maxLength",
    ),
    "with bounds crossed": ({"type": "integer", "minimum": 5, "maximum": 2}, "more than maximum"),
    "with a length below nothing": ({"type": "string", "minLength": -1}, "minLength is from 0"),
    "with an endless length": ({"type": "string", "maxLength": 10**9}, "maxLength is from 0"),
    "with a length in words": ({"type": "string", "maxLength": "ten"}, "maxLength wants a number"),
    "that requires what it has not": (
        {"type": "object", "required": ["b"], "properties": {"a": {"type": "null"}}},
        "required names",
    ),
    "whose properties are a list": ({"type": "object", "properties": []}, "no object"),
    "with something broken inside": (
        {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "x"}}}},
        r"the schema\.a\.items wants a type",
    ),
    "with no choices inside": ({"anyOf": []}, "anyOf wants a list"),
}


@pytest.mark.parametrize(("schema", "why"), BROKEN.values(), ids=BROKEN)
def test_a_schema_is_refused(schema, why):
    with pytest.raises(ValidationError, match=why):
        OutputFormat(json_schema=schema)


def test_a_schema_that_is_nested_too_deep_or_too_long_is_refused():
    schema: dict = {"type": "null"}
    for _ in range(DEEPEST + 1):
        schema = {"type": "array", "items": schema}
    with pytest.raises(ValidationError, match="deeper than"):
        OutputFormat(json_schema=schema)
    with pytest.raises(ValidationError, match="longer than"):
        OutputFormat(json_schema={"enum": [f"word {n}" for n in range(5000)]})


def test_one_of_a_schema_and_a_grammar_is_given():
    with pytest.raises(ValidationError, match="not both"):
        OutputFormat()
    with pytest.raises(ValidationError, match="not both"):
        OutputFormat(json_schema=TRAVELLER, grammar='root ::= "a"')
    with pytest.raises(ValidationError, match="GBNF"):
        OutputFormat(grammar='%llguidance {}\nstart: "a"')


def test_each_server_is_asked_in_its_own_words():
    schema = OutputFormat(json_schema=TRAVELLER)
    standard = output_fields(schema, UNKNOWN, chats=True)
    assert standard["response_format"]["json_schema"]["schema"] == TRAVELLER
    assert output_fields(schema, VLLM, chats=False) == standard
    assert output_fields(schema, LLAMA_SERVER, chats=False) == {"json_schema": TRAVELLER}
    with pytest.raises(ValueError, match="format: chat"):
        output_fields(schema, UNKNOWN, chats=False)
    grammar = OutputFormat(grammar='root ::= "a"')
    for dialect in (LLAMA_SERVER, KOBOLDCPP):
        assert output_fields(grammar, dialect, chats=True) == {"grammar": grammar.grammar}
    with pytest.raises(ValueError, match="vLLM takes no grammar"):
        output_fields(grammar, VLLM, chats=True)
