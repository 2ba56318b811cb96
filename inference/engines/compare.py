"""Every engine that is installed on the same prompts: `python -m inference.engines.compare`.

The model is a GPT-2 of a published shape with random weights, which are as fast as trained ones, or
a checkpoint's folder. The yardstick is plain `generate` of transformers, one story at a time. All
take turns in each round, and a ratio is of runs of the same round, since a machine is not as fast
in one minute as in the next. Prints one JSON object a figure; wants requirements/torch.txt.
"""

import argparse
import os
import platform
import queue
import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from inference import prompts
from inference.config import InferenceConfig
from inference.engines.base import NewText
from inference.engines.bench import (
    PATIENCE,
    TOLD_TOKENS,
    Run,
    Tell,
    Turn,
    resident_megabytes,
    say,
    story,
    tell_twice,
    through,
)
from inference.engines.process import EngineProcess
from inference.engines.shapes import SHAPES, make
from inference.models import ModelError, ensure_model
from inference.narrators import Narrator
from inference.request import GenerationRequest
from inference.sampling import SamplingParams

Engine = Literal["openvino", "transformers"]  # those that tell a checkpoint

STORIES = (1, 8, 16, 32)
WINDOW = 1024
TURNS: tuple[Turn, ...] = ("cold", "next")
YARDSTICK = "generate"

# What random weights say is as likely as anything else; with a top k, choosing costs what it costs
# with a trained model, whose likely words are few.
SAMPLING = SamplingParams(temperature=0.8, top_k=50, repetition_penalty=1.1, max_tokens=TOLD_TOKENS)


class Generate:
    """Plain transformers: `generate`, one story at a time, each from its beginning."""

    def __init__(self, folder: Path, narrator: Narrator) -> None:
        from inference.engines import transformers as ours  # noqa: PLC0415  torch

        device = ours.pick_device(narrator.device)
        self._device = device
        self._narrator = narrator
        dtype = ours.pick_dtype(narrator.dtype, device)
        self._model = ours.load_model(folder, device, dtype, "sdpa")
        self.tokenizer = ours.load_tokenizer(folder)

    def count(self, text: str) -> int:
        return len(self.tokenizer.encode(text))

    def tell(self, requests: dict[int, GenerationRequest]) -> Run:
        run = Run(began=time.monotonic())
        for number, request in requests.items():
            self.tell_one(run, number, request)
        return run

    def tell_one(self, run: Run, number: int, request: GenerationRequest) -> None:
        import torch  # noqa: PLC0415

        built = prompts.build(request, self._narrator, self.count, _no_chat, WINDOW)
        ids = torch.tensor([self.tokenizer.encode(built.text)], device=self._device)
        told = self._model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=built.sampling.max_tokens,
            do_sample=True,
            temperature=SAMPLING.temperature,
            top_k=SAMPLING.top_k,
            top_p=SAMPLING.top_p,
            repetition_penalty=SAMPLING.repetition_penalty,
            eos_token_id=None,
            pad_token_id=0,
            streamer=Ear(run, number),
        )
        new = told[0, ids.shape[1] :]
        run.hear(number, NewText(number, self.tokenizer.decode(new), len(new), "length"))


class Ear:
    """Notes when the first token of a story comes; `generate` hands it the prompt before."""

    def __init__(self, run: Run, number: int) -> None:
        self._run, self._number = run, number
        self._prompt_heard = False

    def put(self, _: Any) -> None:
        if self._prompt_heard:
            self._run.first.setdefault(self._number, time.monotonic())
        self._prompt_heard = True

    def end(self) -> None:
        pass


def _no_chat(*_: Any) -> str:
    raise ValueError("a base model has no chat template")


@dataclass
class Way:
    """One way to tell, and the process it lives in."""

    tell: Tell
    pid: int
    process: EngineProcess | None = None


def ways_to_tell(
    folder: Path, config: InferenceConfig, slots: int, dtype: str, only: Iterable[Engine]
) -> dict[str, Way]:
    """The engines that can be had here, each in a process of its own, without the yardstick."""
    found: dict[str, Way] = {}
    for engine in only:
        narrator = narrator_of(engine, folder, slots, dtype)
        try:
            ensure_model(narrator, config.models_dir)
        except ModelError as problem:
            sys.stderr.write(f"without {engine}: {problem}\n")
            continue
        steps: queue.SimpleQueue[list[NewText]] = queue.SimpleQueue()
        process = EngineProcess(narrator, config, steps.put, None, lambda cause: os._exit(1))
        process.start()
        info = process.wait_ready(PATIENCE)
        say("load_seconds", round(info.load_seconds, 2), way=engine)
        found[engine] = Way(through(process, steps), info.pid, process)
    return found


def narrator_of(engine: Engine, folder: Path, slots: int, dtype: str) -> Narrator:
    own: dict[str, Any] = {"dtype": "int8"} if engine == "openvino" else {}
    if engine == "transformers" and dtype:
        own["dtype"] = dtype
    return Narrator(
        name=f"bench-{engine}",
        line="",
        engine=engine,
        model=str(folder.resolve()),
        context=WINDOW,
        slots=slots,
        sampling=SAMPLING,
        # So that all stories and their next turns stay known.
        options={"cache_tokens": max(16_384, 1024 * slots)},
        **own,
    )


def compare(
    folder: Path,
    config: InferenceConfig,
    rounds: int,
    stories: tuple[int, ...],
    dtype: str,
    engines: tuple[Engine, ...],
) -> None:
    narrator = narrator_of("transformers", folder, max(stories), dtype)
    ways = ways_to_tell(folder, config, max(stories), dtype, engines)
    yardstick = Generate(folder, narrator)
    ways[YARDSTICK] = Way(yardstick.tell, os.getpid())
    say("cores", os.cpu_count() or 0, machine=machine())
    fresh = 0
    for count in stories:
        runs: dict[str, list[dict[Turn, Run]]] = {way: [] for way in ways}
        for turn in range(rounds + 1):
            for name in sorted(ways, reverse=turn % 2 == 1):  # none is always first
                many = 1 if name == YARDSTICK else count
                told = {n: story(n, yardstick.count) for n in range(fresh, fresh + many)}
                fresh += many
                both = tell_twice(ways[name].tell, narrator, told)
                if turn:  # the first round warms up
                    runs[name].append(both)
        report(count, runs)
    for name, way in ways.items():
        say("resident_megabytes", resident_megabytes(way.pid), way=name)
        if way.process is not None:
            way.process.stop(timeout=5)


def report(count: int, runs: dict[str, list[dict[Turn, Run]]]) -> None:
    """Medians over the rounds, and of the ratios to the yardstick's run of the same round."""
    for name, rounds in runs.items():
        for turn in TURNS:
            what = {"way": name, "stories": 1 if name == YARDSTICK else count, "turn": turn}
            speeds = [each[turn].tokens_per_second for each in rounds]
            say("tokens_per_second", round(statistics.median(speeds), 1), **what)
            first = statistics.median(each[turn].first_token_seconds for each in rounds)
            say("first_token_seconds", round(first, 3), **what)
            if name != YARDSTICK:
                yard = [each[turn].tokens_per_second for each in runs[YARDSTICK]]
                ratios = [mine / its for mine, its in zip(speeds, yard, strict=True)]
                say("to_generate", round(statistics.median(ratios), 2), **what)


def machine() -> str:
    """The GPU's name where one is used, else the processor's."""
    import torch  # noqa: PLC0415

    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    about = Path("/proc/cpuinfo")
    if about.exists():
        for line in about.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def main() -> None:
    parser = argparse.ArgumentParser(description="Every installed engine beside plain generate.")
    parser.add_argument("--shape", choices=SHAPES, default="124M")
    parser.add_argument("--model", type=Path, help="a checkpoint's folder instead of a shape")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stories", type=int, nargs="*", default=STORIES)
    parser.add_argument("--dtype", default="", choices=["", "float32", "bfloat16", "float16"])
    parser.add_argument("--engines", nargs="*", default=("openvino", "transformers"))
    parser.add_argument(
        "--models-dir", type=Path, default=Path(os.environ.get("MODELS_DIR", "var/models"))
    )
    given = parser.parse_args()
    models_dir = given.models_dir.resolve()
    folder = given.model or models_dir / f"gpt2-shape-{given.shape}"
    if not folder.exists():
        make(folder, SHAPES[given.shape], words_only=True)
    config = InferenceConfig(redis_url="", narrators_file=Path(), models_dir=models_dir)
    compare(folder, config, given.rounds, tuple(given.stories), given.dtype, tuple(given.engines))


if __name__ == "__main__":
    main()
