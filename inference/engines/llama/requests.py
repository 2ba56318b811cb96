"""The library's JSON: the body of a completion request, and the events that come back. Pure."""

import secrets
from typing import Any

from inference.contract.output_format import OutputFormat
from inference.contract.sampling import SamplingParams
from inference.engines.base import Finish, NewText, RequestId

ANY_SEED = 0xFFFFFFFF  # llama.cpp takes this seed for "choose one"
SAMPLERS = ["penalties", "dry", "temperature", "top_k", "typ_p", "top_p", "min_p", "xtc"]
FINISHES: dict[str, Finish] = {"stop": "stop", "length": "length"}
ERROR_CHARS = 300


def request_body(
    prompt: list[int],
    sampling: SamplingParams,
    output: OutputFormat | None,
    biases: list[list[float]],
    context_tokens: int,
) -> dict[str, Any]:
    """The body of a completion request. Every sampler is set: the defaults are not neutral.

    `prompt` are token numbers, `biases` pairs of token and bias. Penalties look back over
    `context_tokens`.
    """
    seed = secrets.randbits(32) if sampling.seed is None else sampling.seed & 0xFFFFFFFF
    return {
        "prompt": prompt,
        "stream": True,
        "n_predict": sampling.max_tokens,
        "cache_prompt": True,
        "return_progress": True,  # so that a reply can be cancelled during its prefill
        "return_tokens": True,
        "verbose": True,
        "seed": seed if seed != ANY_SEED else 0,
        "samplers": SAMPLERS,
        "temperature": sampling.temperature,
        "top_k": sampling.top_k if sampling.temperature > 0 else 1,
        "top_p": sampling.top_p,
        "min_p": sampling.min_p,
        "typical_p": sampling.typical_p,
        "repeat_penalty": sampling.repetition_penalty,
        "repeat_last_n": context_tokens,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "dry_multiplier": sampling.dry_multiplier,
        "dry_base": sampling.dry_base,
        "dry_allowed_length": sampling.dry_allowed_length,
        "dry_penalty_last_n": context_tokens,
        "dry_sequence_breakers": list(sampling.dry_breakers),
        "xtc_probability": sampling.xtc_probability,
        "xtc_threshold": sampling.xtc_threshold,
        "logit_bias": biases,
        **output_fields(output),
    }


def output_fields(output: OutputFormat | None) -> dict[str, Any]:
    """`output` as fields of a request. An invalid grammar fails the reply when it runs."""
    if output is None:
        return {}
    if output.json_schema is not None:
        return {"json_schema": output.json_schema}
    return {"grammar": output.grammar}


def text_of_event(number: RequestId, event: dict[str, Any]) -> NewText:
    """The text of one event. An event without tokens reports the progress of the prefill.

    Raises LookupError or TypeError for an event of another shape.
    """
    if "error" in event:
        error = event["error"]
        message = error.get("message", "") if isinstance(error, dict) else str(error)
        return NewText(number, "", 0, "error", " ".join(message.split())[:ERROR_CHARS])
    choice, details = event["choices"][0], event["__verbose"]
    if choice["finish_reason"] is not None:
        return NewText(number, choice["text"], 0, FINISHES.get(choice["finish_reason"], "stop"))
    if progress := event.get("prompt_progress"):
        first = progress["processed"] == progress["cache"]
        return NewText(number, "", 0, cached=progress["cache"] if first else None)
    return NewText(number, choice["text"], len(details["tokens"]))
