"""The engine `llama`: any GGUF with llama.cpp in this process, through the wheel `xllamacpp`.

The wheel drives llama.cpp's server without HTTP: `handle_completions` takes one request, calls back
with each token and blocks its thread meanwhile, so that each running reply has a thread here. What
the wheel offers over HTTP alone (tokens of a text, chat templates) is requested over a socket file
in a private folder; no port is opened. docs/decisions/llama-in-process.md has the reasons.

    engine       LlamaEngine, the promise of `inference.engines.base.Engine`
    parameters   a narrator's options, and the server's parameters
    startup      the start within limits, and the cause where it fails
    tokens       tokenizer, chat template and special tokens
    requests     the JSON of requests and events. Pure
    replies      one reply, generated on a thread of its own
"""

from inference.models.processor import INSTALL_OPENMP, LLAMA_NEEDS, lacks, lacks_openmp

if missing := lacks(LLAMA_NEEDS):
    raise ImportError(
        f"the llama engine wants a processor with {', '.join(missing).upper()}, which this one has "
        "not: take `engine: openvino` for this narrator, or a server (`engine: openai`)"
    )
if lacks_openmp():
    raise ImportError(f"the llama engine wants {INSTALL_OPENMP}")
try:
    import xllamacpp  # noqa: F401  the modules below need it
except ImportError as error:
    raise ImportError(
        "the llama engine wants the package xllamacpp: "
        "run `.venv/bin/python -m pip install xllamacpp==2026.10.11549`"
    ) from error

from inference.engines.llama.engine import LlamaEngine, load

__all__ = ["LlamaEngine", "load"]
