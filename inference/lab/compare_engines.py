"""Compares all installed engines on the same prompts: `python -m inference.lab.compare_engines`.

The model is a GPT-2 of a published shape with random weights, which are as fast as trained ones, a
checkpoint's folder (`--model`), or a narrator of the file (`--narrator smol`). The baselines are:

- `generate`: plain transformers, one story at a time, for a checkpoint;
- `library`: a bare loop over openvino-genai or llama.cpp, without an engine process or our code;
- `llama.cpp`: its server on the very same GGUF, through the engine `openai` in a bare loop. Tokens
  of a prompt are counted before the clock starts.

All alternate in each round, and a ratio is of runs of the same round, since a machine's speed
changes from minute to minute. Prints one JSON object per figure.
"""

import argparse
import os
import platform
import queue
import statistics
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from inference.config import InferenceConfig
from inference.engines.base import NewText
from inference.engines.openai import OpenAIEngine
from inference.engines.process import EngineProcess
from inference.lab import llama_server
from inference.lab.baselines import (
    CONTEXT_TOKENS,
    SAMPLING,
    LlamaLibrary,
    OpenVinoLibrary,
    PlainGenerate,
)
from inference.lab.bench import (
    REPLY_TOKENS,
    TIMEOUT_SECONDS,
    Run,
    Runner,
    Turn,
    engine_runner,
    make_story,
    print_figure,
    process_runner,
    resident_megabytes,
    run_two_turns,
)
from inference.lab.pauses import measure_pauses
from inference.lab.shapes import SHAPES, make
from inference.models.store import ModelError, ensure_model
from inference.narrators import Narrator, load_narrators

Engine = Literal["openvino", "transformers"]  # those that load a checkpoint

STORIES = (1, 8, 16, 32)
TURNS: tuple[Turn, ...] = ("cold", "next")
GENERATE, LIBRARY, LLAMA = "generate", "library", "llama.cpp"
BASELINES = (GENERATE, LIBRARY, LLAMA)


@dataclass
class Candidate:
    """An engine or a baseline, and the id of its process; 0 where it runs in this one."""

    runner: Runner
    pid: int = 0
    one_at_a_time: bool = False


class Candidates:
    """What can be compared here, each engine in a process of its own. A context manager."""

    def __init__(self, config: InferenceConfig) -> None:
        self.config = config
        self.found: dict[str, Candidate] = {}
        self._stack = ExitStack()

    def __enter__(self) -> "Candidates":
        return self

    def __exit__(self, *args: Any) -> None:
        self._stack.close()

    def add(self, name: str, narrator: Narrator) -> None:
        """Start an engine process. Without its model the engine is left out, with a message."""
        try:
            if narrator.engine != "openai":
                ensure_model(narrator, self.config.models_dir)
        except ModelError as problem:
            sys.stderr.write(f"without {name}: {problem}\n")
            return
        steps: queue.SimpleQueue[list[NewText]] = queue.SimpleQueue()
        process = EngineProcess(narrator, self.config, steps.put, None, lambda _: os._exit(1))
        process.start()
        self._stack.callback(process.stop, timeout=5)
        info = process.wait_ready(TIMEOUT_SECONDS)
        print_figure("load_seconds", round(info.load_seconds, 2), way=name)
        self.found[name] = Candidate(process_runner(process, steps), info.pid)

    def add_llama_server(self, narrator: Narrator, model: Path) -> None:
        """Start llama.cpp's server on the same file, where its package is installed."""
        if not llama_server.is_installed():
            sys.stderr.write("without llama.cpp: xllamacpp is not installed\n")
            return
        served = llama_server.serving(model, narrator.context, narrator.slots)
        address, pid = self._stack.enter_context(served)
        own: dict[str, Any] = {"engine": "openai", "model": address, "options": {}, "sha256": None}
        served_narrator = narrator.model_copy(update={**own, "name": "bench-llama", "dtype": None})
        engine = OpenAIEngine(served_narrator)
        self._stack.callback(engine.close)
        self.found[LLAMA] = Candidate(engine_runner(engine, served_narrator), pid)


def checkpoint_narrator(engine: Engine, folder: Path, slots: int, dtype: str) -> Narrator:
    """A narrator for a checkpoint's folder."""
    own: dict[str, Any] = {"dtype": "int8"} if engine == "openvino" else {}
    if engine == "transformers" and dtype:
        own["dtype"] = dtype
    return Narrator(
        name=f"bench-{engine}",
        line="",
        engine=engine,
        model=str(folder.resolve()),
        context=CONTEXT_TOKENS,
        slots=slots,
        sampling=SAMPLING,
        options=cache_options(slots),
        **own,
    )


def cache_options(slots: int, engine: str = "openvino") -> dict[str, Any]:
    """Options with which all stories stay in the cache until their next turns."""
    return {} if engine == "llama" else {"cache_tokens": max(16_384, 1024 * slots)}


def compare_checkpoint(
    folder: Path, config: InferenceConfig, given: argparse.Namespace, engines: Iterable[Engine]
) -> None:
    """Compare engines on a checkpoint with plain `generate` and openvino's bare loop."""
    slots = max(given.stories)
    with Candidates(config) as candidates:
        for engine in engines:
            candidates.add(engine, checkpoint_narrator(engine, folder, slots, given.dtype))
        narrator = checkpoint_narrator("transformers", folder, slots, given.dtype)
        if "openvino" in candidates.found:
            own = checkpoint_narrator("openvino", folder, slots, "")
            candidates.found[LIBRARY] = Candidate(OpenVinoLibrary(own, config).run_all)
        generate = PlainGenerate(folder, narrator)
        candidates.found[GENERATE] = Candidate(generate.run_all, one_at_a_time=True)
        compare(candidates.found, narrator, generate.count, given)


def compare_narrator(
    narrator: Narrator, config: InferenceConfig, given: argparse.Namespace
) -> None:
    """Compare a narrator with its library's bare loop, and with llama.cpp's server on its GGUF."""
    slots = max(given.stories)
    narrator = narrator.model_copy(
        update={
            "slots": slots,
            "context": CONTEXT_TOKENS,
            "options": {**narrator.options, **cache_options(slots, narrator.engine)},
            # All replies are as long, unless the model ends one early.
            "sampling": narrator.sampling.model_copy(update={"max_tokens": REPLY_TOKENS}),
        }
    )
    with Candidates(config) as candidates:
        candidates.add(narrator.engine, narrator)
        library = (LlamaLibrary if narrator.engine == "llama" else OpenVinoLibrary)(
            narrator, config
        )
        candidates.found[LIBRARY] = Candidate(library.run_all)
        model = ensure_model(narrator, config.models_dir)
        if model.is_file() and narrator.engine != "llama":
            candidates.add_llama_server(narrator, model)
        compare(candidates.found, narrator, library.count, given)
    if given.pauses:
        measure_pauses(narrator, config, library.count, given.rounds)


def compare(
    candidates: dict[str, Candidate],
    narrator: Narrator,
    count_tokens: Callable[[str], int],
    given: argparse.Namespace,
) -> None:
    """Run all candidates on each number of stories, round by round, and print the figures."""
    print_figure("cores", os.cpu_count() or 0, machine=machine())
    fresh = 0
    for count in given.stories:
        runs: dict[str, list[dict[Turn, Run]]] = {name: [] for name in candidates}
        for turn in range(given.rounds + 1):
            for name in sorted(candidates, reverse=turn % 2 == 1):  # none is always first
                many = 1 if candidates[name].one_at_a_time else count
                stories = {n: make_story(n, count_tokens) for n in range(fresh, fresh + many)}
                fresh += many
                both = run_two_turns(candidates[name].runner, narrator, stories)
                if turn:  # the first round warms up
                    runs[name].append(both)
        report(count, runs)
    for name, candidate in candidates.items():
        if candidate.pid:
            print_figure("resident_megabytes", resident_megabytes(candidate.pid), way=name)


def report(count: int, runs: dict[str, list[dict[Turn, Run]]]) -> None:
    """Print medians over the rounds, and medians of the ratios to the baselines of each round."""
    for name, rounds in runs.items():
        for turn in TURNS:
            what = {"way": name, "stories": 1 if name == GENERATE else count, "turn": turn}
            speeds = [each[turn].tokens_per_second for each in rounds]
            print_figure("tokens_per_second", round(statistics.median(speeds), 1), **what)
            first = statistics.median(each[turn].first_token_seconds for each in rounds)
            print_figure("first_token_seconds", round(first, 3), **what)
            for base in BASELINES:
                if name not in BASELINES and base in runs:
                    others = [each[turn].tokens_per_second for each in runs[base]]
                    ratios = [own / other for own, other in zip(speeds, others, strict=True)]
                    print_figure(f"to_{base}", round(statistics.median(ratios), 2), **what)


def machine() -> str:
    """The processor's name, and the GPU's where torch finds one."""
    processor = platform.processor() or platform.machine()
    about = Path("/proc/cpuinfo")
    if about.exists():
        for line in about.read_text().splitlines():
            if line.startswith("model name"):
                processor = line.split(":", 1)[1].strip()
                break
    try:
        import torch  # noqa: PLC0415  not installed everywhere
    except ImportError:
        return processor
    return (
        f"{torch.cuda.get_device_name()}, {processor}" if torch.cuda.is_available() else processor
    )


def main() -> None:
    """Read the command line and compare."""
    parser = argparse.ArgumentParser(description="Every installed engine, on the same prompts.")
    model = parser.add_mutually_exclusive_group()
    model.add_argument("--shape", choices=SHAPES, default="124M")
    model.add_argument("--model", type=Path, help="a checkpoint's folder instead of a shape")
    model.add_argument("--narrator", help="a narrator of the file, beside llama.cpp")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stories", type=int, nargs="*", default=STORIES)
    parser.add_argument("--pauses", action="store_true", help="also while a stranger's is read")
    parser.add_argument("--dtype", default="", choices=["", "float32", "bfloat16", "float16"])
    parser.add_argument("--engines", nargs="*", default=("openvino", "transformers"))
    parser.add_argument("--narrators-file", type=Path, default=Path("narrators.yaml"))
    parser.add_argument(
        "--models-dir", type=Path, default=Path(os.environ.get("MODELS_DIR", "var/models"))
    )
    given = parser.parse_args()
    models_dir = given.models_dir.resolve()
    config = InferenceConfig(
        redis_url="", narrators_file=given.narrators_file, models_dir=models_dir
    )
    if given.narrator:
        narrator = load_narrators(given.narrators_file).get(given.narrator)
        compare_narrator(narrator, config, given)
        return
    folder = given.model or models_dir / f"gpt2-shape-{given.shape}"
    if not folder.exists():
        make(folder, SHAPES[given.shape], words_only=True)
    compare_checkpoint(folder, config, given, given.engines)


if __name__ == "__main__":
    main()
