"""What OpenAI-compatible servers have in common, and what each says in its own way. Pure.

All stream completions and chats. They differ in what they call the penalty for repetition, whether
they count tokens for others, whether they go on with a message that has begun, and how a model's
thinking is switched off. A server says which it is in `owned_by` of its list of models.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from inference.contract.output_format import OutputFormat
from inference.contract.sampling import SamplingParams, Setting

# Fields that some servers refuse, the standard's own among them: told without where one does.
OPTIONAL = frozenset(
    {
        "add_generation_prompt",
        "chat_template_kwargs",
        "dry_allowed_length",
        "dry_base",
        "dry_multiplier",
        "dry_penalty_last_n",
        "dry_sequence_breakers",
        "continue_final_message",
        "frequency_penalty",
        "logit_bias",
        "min_p",
        "presence_penalty",
        "reasoning_effort",
        "repeat_last_n",
        "repeat_penalty",
        "repetition_penalty",
        "seed",
        "stop",
        "stream_options",
        "temperature",
        "top_k",
        "top_p",
        "typical",
        "typical_p",
        "xtc_probability",
        "xtc_threshold",
    }
)
# Those of them that the standard has: a server that says only "bad request" is sent these still.
STANDARD = {"frequency_penalty", "presence_penalty", "seed", "stop", "temperature", "top_p"}
DRY_RANGE = 8192  # tokens; llama-server takes no -1 here, as it does for its other penalties
# Newer models of OpenAI's own want their limit by another name.
RENAMED = {"max_tokens": "max_completion_tokens"}

TOO_LONG = re.compile(r"context|too (?:long|many tokens)|exceed", re.IGNORECASE)

# Tokens of a template around one message. ChatML has 5, Llama 3 has 5, Qwen 3's answer 9.
FRAME_TOKENS = 9

# Where no server counts: characters of a token, on the safe side. English has about 4.5 of its
# letters in a token, German or French 3; a large vocabulary has one to two tokens for a character
# of another script, an old one three.
LETTERS_IN_A_TOKEN = 3
TOKENS_IN_ANOTHER = 2


@dataclass(frozen=True)
class Counting:
    """How a server counts tokens: where it is asked, how, and where it answers."""

    path: str  # from the server's root
    body: Callable[[str, str], dict[str, Any]]  # of the model's name and the text
    tokens: Callable[[Any], int]


@dataclass(frozen=True)
class Dialect:
    """How one kind of server wants to be spoken to. `called` is what people call it."""

    called: str
    owned_by: str
    repetition: str = "repetition_penalty"
    repetition_range: dict[str, Any] = field(default_factory=dict)
    own_defaults: bool = True  # it has a top_k, min_p or penalty of its own unless told otherwise
    counting: Counting | None = None
    continues: bool = False  # a chat in the middle of its last message
    to_continue: dict[str, Any] = field(default_factory=dict)
    no_thinking: dict[str, Any] = field(default_factory=dict)  # in a chat
    # Fields that hold a completion to a schema, and any text to a grammar; empty where it cannot. A
    # chat takes a schema by the standard's own field.
    schema_field: str = ""
    grammar_field: str = ""
    more_context: str = "give the server a longer context"  # takes {tokens}
    # Settings beyond the standard's own that it has words for.
    knows: frozenset[Setting] = frozenset()
    typical: str = "typical_p"  # what it calls typical-p


STANDARD_SETTINGS: frozenset[Setting] = frozenset({"stop", "frequency_penalty", "presence_penalty"})
USUAL: frozenset[Setting] = frozenset({"top_k", "min_p", "repetition_penalty"})
NO_THINKING = {"chat_template_kwargs": {"enable_thinking": False}}

LLAMA_SERVER = Dialect(
    called="llama-server",
    owned_by="llamacpp",
    repetition="repeat_penalty",
    repetition_range={"repeat_last_n": -1},  # the whole context, as elsewhere; its own is 64
    counting=Counting(
        "/tokenize",
        lambda model, text: {"content": text, "add_special": False},
        lambda answer: len(answer["tokens"]),
    ),
    continues=True,
    no_thinking=NO_THINKING,
    schema_field="json_schema",
    grammar_field="grammar",
    knows=USUAL | {"typical_p", "dry", "xtc", "logit_bias"},
    more_context="start llama-server with --ctx-size {tokens} for each of its --parallel slots",
)
VLLM = Dialect(
    called="vLLM",
    owned_by="vllm",
    counting=Counting(
        "/tokenize",
        lambda model, text: {"model": model, "prompt": text, "add_special_tokens": False},
        lambda answer: int(answer["count"]),
    ),
    continues=True,
    to_continue={"add_generation_prompt": False, "continue_final_message": True},
    no_thinking=NO_THINKING,
    schema_field="response_format",
    knows=USUAL,
    more_context="start vLLM with --max-model-len {tokens}",
)
OLLAMA = Dialect(
    called="Ollama",
    owned_by="library",
    own_defaults=False,  # on this road it knows the standard's fields alone
    no_thinking={"reasoning_effort": "none"},
    more_context="start Ollama with OLLAMA_CONTEXT_LENGTH={tokens} in its environment, or make a "
    "model with PARAMETER num_ctx {tokens}",
)
KOBOLDCPP = Dialect(
    called="KoboldCpp",
    owned_by="koboldcpp",
    counting=Counting(
        "/api/extra/tokencount",
        lambda model, text: {"prompt": text},
        lambda answer: int(answer["value"]),
    ),
    grammar_field="grammar",
    knows=USUAL | {"typical_p", "dry", "xtc"},
    typical="typical",
    more_context="start KoboldCpp with --contextsize {tokens}",
)
SGLANG = Dialect(
    called="SGLang",
    owned_by="sglang",
    no_thinking=NO_THINKING,
    knows=USUAL,
    more_context="start SGLang with --context-length {tokens}",
)
UNKNOWN = Dialect(called="the server", owned_by="", own_defaults=False, knows=USUAL)

KNOWN = (LLAMA_SERVER, VLLM, OLLAMA, KOBOLDCPP, SGLANG)


@dataclass(frozen=True)
class Models:
    """What a server says of its models."""

    dialect: Dialect = UNKNOWN
    names: tuple[str, ...] = ()
    context: dict[str, int] = field(default_factory=dict)  # tokens, by name, where it says so


def read_models(answer: Any) -> Models:
    """The answer to GET /models, of which nothing is certain but that it is JSON."""
    entries = answer.get("data") if isinstance(answer, dict) else None
    entries = entries if isinstance(entries, list) else []
    listed = [each for each in entries if isinstance(each, dict) and each.get("id")]
    owners = {str(each.get("owned_by")) for each in listed}
    dialects = [dialect for dialect in KNOWN if dialect.owned_by in owners]
    context = {}
    for each in listed:
        meta = each.get("meta")
        told = (each.get("max_model_len"), meta.get("n_ctx") if isinstance(meta, dict) else None)
        known = [tokens for tokens in told if isinstance(tokens, int) and tokens > 0]
        if known:
            context[str(each["id"])] = known[0]
    names = tuple(str(each["id"]) for each in listed)
    return Models(dialects[0] if len(dialects) == 1 else UNKNOWN, names, context)


def sampling_fields(sampling: SamplingParams, dialect: Dialect) -> dict[str, Any]:
    """`sampling` in the server's words.

    What is off is said to servers with defaults of their own, and left out for the others: most
    refuse what they do not know.
    """
    fields: dict[str, Any] = {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
    }
    say_all = dialect.own_defaults
    if sampling.temperature > 0:
        fields["top_p"] = sampling.top_p
        if sampling.top_k or say_all:
            fields["top_k"] = sampling.top_k
        if sampling.min_p or say_all:
            fields["min_p"] = sampling.min_p
    if sampling.repetition_penalty != 1 or say_all:
        fields[dialect.repetition] = sampling.repetition_penalty
        fields.update(dialect.repetition_range)
    if sampling.frequency_penalty:
        fields["frequency_penalty"] = sampling.frequency_penalty
    if sampling.presence_penalty:
        fields["presence_penalty"] = sampling.presence_penalty
    fields.update(rare_fields(sampling, dialect))
    if sampling.seed is not None:
        fields["seed"] = sampling.seed & 0x7FFFFFFF  # some read it as a signed number
    if sampling.stop:
        fields["stop"] = list(sampling.stop)
    return fields


def rare_fields(sampling: SamplingParams, dialect: Dialect) -> dict[str, Any]:
    """Settings that few servers know, for those that do, where they are on."""
    asked = set(sampling.asked) & dialect.knows
    fields: dict[str, Any] = {}
    if "typical_p" in asked:
        fields[dialect.typical] = sampling.typical_p
    if "dry" in asked:
        fields["dry_multiplier"] = sampling.dry_multiplier
        fields["dry_base"] = sampling.dry_base
        fields["dry_allowed_length"] = sampling.dry_allowed_length
        fields["dry_sequence_breakers"] = list(sampling.dry_breakers)
        if dialect.repetition_range:
            fields["dry_penalty_last_n"] = DRY_RANGE
    if "xtc" in asked:
        fields["xtc_probability"] = sampling.xtc_probability
        fields["xtc_threshold"] = sampling.xtc_threshold
    if "logit_bias" in asked:
        # Of a text of several tokens the server takes each, and not the first alone.
        fields["logit_bias"] = [
            [f" {text}" if text[0].isalnum() else text, bias]
            for text, bias in sampling.logit_bias.items()
        ]
    return fields


def ignored_settings(
    sampling: SamplingParams, dialect: Dialect, refused: set[str]
) -> tuple[Setting, ...]:
    """The settings of `sampling` that are on, and that a server has no words for or refuses."""
    words: dict[Setting, str] = {
        "repetition_penalty": dialect.repetition,
        "typical_p": dialect.typical,
        "dry": "dry_multiplier",
        "xtc": "xtc_probability",
    }
    known = STANDARD_SETTINGS | dialect.knows
    return tuple(
        each for each in sampling.asked if each not in known or words.get(each, each) in refused
    )


def output_fields(output: OutputFormat, dialect: Dialect, chats: bool) -> dict[str, Any]:
    """What a text must keep to, in the server's words. Raises ValueError where it has none for it.

    These fields are sent whatever happens: a server that refuses them fails the request.
    """
    if output.json_schema is None:
        if not dialect.grammar_field:
            raise ValueError(f"{dialect.called} takes no grammar: ask it for a JSON schema")
        return {dialect.grammar_field: output.grammar}
    standard = {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": output.json_schema, "strict": True},
    }
    field = "response_format" if chats else dialect.schema_field
    if not field:
        raise ValueError(
            f"{dialect.called} is not known to keep a plain completion to a schema: "
            "take `format: chat` for this narrator"
        )
    return {field: standard if field == "response_format" else output.json_schema}


def refused_fields(body: dict[str, Any], complaint: str) -> set[str]:
    """The fields of `body` to do without (or to rename), after a 400 that says `complaint`.

    Those that it names; where it names none, all that the standard does not have. None where the
    prompt is too long: that is not mended by leaving something out.
    """
    present = {name for name in body if name in OPTIONAL or name in RENAMED}
    named = {name for name in present if re.search(rf"\b{name}\b", complaint)}
    if TOO_LONG.search(complaint) and not named - set(RENAMED):
        return set()
    if named:
        return named
    return {name for name in present if name not in STANDARD and name not in RENAMED}


def without(body: dict[str, Any], refused: set[str]) -> dict[str, Any]:
    """`body` without the fields that this server refuses, or with them by their other name."""
    kept = {name: value for name, value in body.items() if name not in refused}
    kept.update({RENAMED[name]: body[name] for name in refused & RENAMED.keys() & body.keys()})
    return kept


def estimate(text: str) -> int:
    """How many tokens `text` is at most, or nearly so, where nobody can count them."""
    plain = other = marks = 0
    for each in text:
        if not each.isascii():
            other += 1
        elif each.isalpha() or each == " ":
            plain += 1
        else:
            marks += 1
    return -(-plain // LETTERS_IN_A_TOKEN) + marks + TOKENS_IN_ANOTHER * other
