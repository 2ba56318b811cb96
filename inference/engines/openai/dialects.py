"""How each OpenAI-compatible server differs from the others. Pure.

All of them stream completions and chat completions. They differ in the names of sampling fields,
whether they count tokens, whether they can continue the last message of a chat, and how a model's
thinking is switched off. A server names itself in `owned_by` of its list of models.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from inference.contract.output_format import OutputFormat
from inference.contract.sampling import SamplingParams, Setting

# Fields that some servers refuse, including standard ones. A refused field is left out.
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
# Those of them that the standard has: still sent to a server that says only "bad request".
STANDARD = {"frequency_penalty", "presence_penalty", "seed", "stop", "temperature", "top_p"}
DRY_RANGE = 8192  # tokens; llama-server takes no -1 here, as it does for its other penalties
# OpenAI's newer models take the limit by another name.
RENAMED = {"max_tokens": "max_completion_tokens"}

PROMPT_TOO_LONG = re.compile(r"context|too (?:long|many tokens)|exceed", re.IGNORECASE)

# Tokens that a chat template adds to one message. ChatML has 5, Llama 3 has 5, Qwen 3's answer 9.
FRAME_TOKENS = 9

# For estimates, on the safe side. English has about 4.5 letters per token, German and French 3. A
# character of another script is one to two tokens in a large vocabulary, three in an old one.
LETTERS_PER_TOKEN = 3
TOKENS_PER_NON_ASCII = 2

MAX_TOKENS = 1 << 24  # that a server may report; a larger number is not believed


@dataclass(frozen=True)
class Counting:
    """A server's way of counting tokens: path, request body, and the number in the response."""

    path: str  # from the server's root
    body: Callable[[str, str], dict[str, Any]]  # takes the model's name and the text
    tokens: Callable[[Any], int]  # takes the parsed response; raises LookupError, TypeError, …


@dataclass(frozen=True)
class Dialect:
    """The fields and abilities of one kind of server. `name` is shown to hosts."""

    name: str
    owned_by: str  # in its list of models
    repetition: str = "repetition_penalty"  # the name of the field
    repetition_range: dict[str, Any] = field(default_factory=dict)
    own_defaults: bool = True  # top_k, min_p or a penalty is on where the request omits it
    counting: Counting | None = None
    continues: bool = False  # whether it can continue the last message of a chat
    continue_fields: dict[str, Any] = field(default_factory=dict)  # that ask it to
    disable_thinking: dict[str, Any] = field(default_factory=dict)  # fields of a chat
    # The fields that constrain a completion to a schema, and any text to a grammar; empty where
    # the server cannot. A chat takes a schema by the standard's field.
    schema_field: str = ""
    grammar_field: str = ""
    context_remedy: str = "give the server a longer context"  # for hosts; takes {tokens}
    settings: frozenset[Setting] = frozenset()  # that it supports beside the standard ones
    typical: str = "typical_p"  # the name of the field


STANDARD_SETTINGS: frozenset[Setting] = frozenset({"stop", "frequency_penalty", "presence_penalty"})
USUAL: frozenset[Setting] = frozenset({"top_k", "min_p", "repetition_penalty"})
NO_THINKING = {"chat_template_kwargs": {"enable_thinking": False}}

LLAMA_SERVER = Dialect(
    name="llama-server",
    owned_by="llamacpp",
    repetition="repeat_penalty",
    repetition_range={"repeat_last_n": -1},  # the whole context, as elsewhere; its own is 64
    counting=Counting(
        "/tokenize",
        lambda model, text: {"content": text, "add_special": False},
        lambda answer: len(answer["tokens"]),
    ),
    continues=True,
    disable_thinking=NO_THINKING,
    schema_field="json_schema",
    grammar_field="grammar",
    settings=USUAL | {"typical_p", "dry", "xtc", "logit_bias"},
    context_remedy="start llama-server with --ctx-size {tokens} for each of its --parallel slots",
)
VLLM = Dialect(
    name="vLLM",
    owned_by="vllm",
    counting=Counting(
        "/tokenize",
        lambda model, text: {"model": model, "prompt": text, "add_special_tokens": False},
        lambda answer: int(answer["count"]),
    ),
    continues=True,
    continue_fields={"add_generation_prompt": False, "continue_final_message": True},
    disable_thinking=NO_THINKING,
    schema_field="response_format",
    settings=USUAL,
    context_remedy="start vLLM with --max-model-len {tokens}",
)
OLLAMA = Dialect(
    name="Ollama",
    owned_by="library",
    own_defaults=False,  # its OpenAI-compatible API takes standard fields only
    disable_thinking={"reasoning_effort": "none"},
    context_remedy="start Ollama with OLLAMA_CONTEXT_LENGTH={tokens} in its environment, or make a "
    "model with PARAMETER num_ctx {tokens}",
)
KOBOLDCPP = Dialect(
    name="KoboldCpp",
    owned_by="koboldcpp",
    counting=Counting(
        "/api/extra/tokencount",
        lambda model, text: {"prompt": text},
        lambda answer: int(answer["value"]),
    ),
    grammar_field="grammar",
    settings=USUAL | {"typical_p", "dry", "xtc"},
    typical="typical",
    context_remedy="start KoboldCpp with --contextsize {tokens}",
)
SGLANG = Dialect(
    name="SGLang",
    owned_by="sglang",
    disable_thinking=NO_THINKING,
    settings=USUAL,
    context_remedy="start SGLang with --context-length {tokens}",
)
UNKNOWN = Dialect(name="the server", owned_by="", own_defaults=False, settings=USUAL)

DIALECTS = (LLAMA_SERVER, VLLM, OLLAMA, KOBOLDCPP, SGLANG)


@dataclass(frozen=True)
class Models:
    """A server's list of models, and the dialect that follows from it."""

    dialect: Dialect = UNKNOWN
    names: tuple[str, ...] = ()
    context: dict[str, int] = field(
        default_factory=dict
    )  # tokens by model, where the server says so


def read_models(body: Any) -> Models:
    """Read the response to GET /models. Entries of an unexpected shape are skipped."""
    entries = body.get("data") if isinstance(body, dict) else None
    entries = entries if isinstance(entries, list) else []
    listed = [each for each in entries if isinstance(each, dict) and each.get("id")]
    owners = {str(each.get("owned_by")) for each in listed}
    dialects = [dialect for dialect in DIALECTS if dialect.owned_by in owners]
    context = {}
    for each in listed:
        if tokens := context_of(each):
            context[str(each["id"])] = tokens
    names = tuple(str(each["id"]) for each in listed)
    return Models(dialects[0] if len(dialects) == 1 else UNKNOWN, names, context)


def context_of(entry: dict[str, Any]) -> int:
    """The context of a listed model in tokens; 0 where the server does not say."""
    meta = entry.get("meta")
    limits = (entry.get("max_model_len"), meta.get("n_ctx") if isinstance(meta, dict) else None)
    valid = [tokens for tokens in limits if isinstance(tokens, int) and tokens > 0]
    return valid[0] if valid else 0


def sampling_fields(sampling: SamplingParams, dialect: Dialect) -> dict[str, Any]:
    """`sampling` as fields of the server.

    A setting that is off is sent to servers with defaults of their own, and omitted for the others:
    most refuse unknown fields.
    """
    fields: dict[str, Any] = {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
    }
    send_all = dialect.own_defaults
    if sampling.temperature > 0:
        fields["top_p"] = sampling.top_p
        if sampling.top_k or send_all:
            fields["top_k"] = sampling.top_k
        if sampling.min_p or send_all:
            fields["min_p"] = sampling.min_p
    if sampling.repetition_penalty != 1 or send_all:
        fields[dialect.repetition] = sampling.repetition_penalty
        fields.update(dialect.repetition_range)
    if sampling.frequency_penalty:
        fields["frequency_penalty"] = sampling.frequency_penalty
    if sampling.presence_penalty:
        fields["presence_penalty"] = sampling.presence_penalty
    fields.update(extension_fields(sampling, dialect))
    if sampling.seed is not None:
        fields["seed"] = sampling.seed & 0x7FFFFFFF  # some read it as a signed number
    if sampling.stop:
        fields["stop"] = list(sampling.stop)
    return fields


def extension_fields(sampling: SamplingParams, dialect: Dialect) -> dict[str, Any]:
    """The settings that are on and that few servers support, for those that do."""
    asked = set(sampling.asked) & dialect.settings
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
        # The server applies the bias to each token of the text, not to the first alone.
        fields["logit_bias"] = [
            [f" {text}" if text[0].isalnum() else text, bias]
            for text, bias in sampling.logit_bias.items()
        ]
    return fields


def ignored_settings(
    sampling: SamplingParams, dialect: Dialect, refused: set[str]
) -> tuple[Setting, ...]:
    """The settings of `sampling` that are on, and that a server does not support or refuses."""
    names: dict[Setting, str] = {
        "repetition_penalty": dialect.repetition,
        "typical_p": dialect.typical,
        "dry": "dry_multiplier",
        "xtc": "xtc_probability",
    }
    supported = STANDARD_SETTINGS | dialect.settings
    return tuple(
        each for each in sampling.asked if each not in supported or names.get(each, each) in refused
    )


def output_fields(output: OutputFormat, dialect: Dialect, chats: bool) -> dict[str, Any]:
    """`output` as fields of the server. Raises ValueError where it has none for it.

    These fields are never left out: a server that refuses them fails the request.
    """
    if output.json_schema is None:
        if not dialect.grammar_field:
            raise ValueError(f"{dialect.name} takes no grammar: ask it for a JSON schema")
        return {dialect.grammar_field: output.grammar}
    standard = {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": output.json_schema, "strict": True},
    }
    field = "response_format" if chats else dialect.schema_field
    if not field:
        raise ValueError(
            f"{dialect.name} is not known to keep a plain completion to a schema: "
            "take `format: chat` for this narrator"
        )
    return {field: standard if field == "response_format" else output.json_schema}


def refused_fields(body: dict[str, Any], error: str) -> set[str]:
    """The fields of `body` to omit or rename after a response of status 400 with this text.

    Those that the error names; where it names none, all that the standard does not have. No field
    where the prompt is too long: omitting fields cannot help then.
    """
    present = {name for name in body if name in OPTIONAL or name in RENAMED}
    named = {name for name in present if re.search(rf"\b{name}\b", error)}
    if PROMPT_TOO_LONG.search(error) and not named - set(RENAMED):
        return set()
    if named:
        return named
    return {name for name in present if name not in STANDARD and name not in RENAMED}


def without_fields(body: dict[str, Any], refused: set[str]) -> dict[str, Any]:
    """`body` without the fields in `refused`, or with them by their other name."""
    kept = {name: value for name, value in body.items() if name not in refused}
    kept.update({RENAMED[name]: body[name] for name in refused & RENAMED.keys() & body.keys()})
    return kept


def estimate_tokens(text: str) -> int:
    """A number of tokens that `text` hardly ever exceeds, where no server counts."""
    letters = non_ascii = others = 0
    for each in text:
        if not each.isascii():
            non_ascii += 1
        elif each.isalpha() or each == " ":
            letters += 1
        else:
            others += 1
    return -(-letters // LETTERS_PER_TOKEN) + others + TOKENS_PER_NON_ASCII * non_ascii


def token_number(value: Any) -> int | None:
    """A number of tokens that a server reports; None where it is no plausible one."""
    return value if isinstance(value, int) and 0 <= value <= MAX_TOKENS else None
