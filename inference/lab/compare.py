"""Every engine that is installed on the same prompts: `python -m inference.lab.compare`.

Told is a GPT-2 of a published shape with random weights, which are as fast as trained ones, a
checkpoint's folder (`--model`), or a narrator of the file (`--narrator smol`). Beside them stand:

- `generate`: plain transformers, one story at a time, which is the yardstick for a checkpoint;
- `library`: a bare loop over openvino-genai or llama.cpp, without a process, a prompt or a word of
  ours;
- `llama.cpp`: its server on the very same GGUF, asked by the engine `openai` in a bare loop: what
  it counts of a prompt before it asks is no fault of the server's.

All take turns in each round, and a ratio is of runs of the same round, since a machine is not as
fast in one minute as in the next. Prints one JSON object a figure.
"""

import argparse
import os
import platform
import queue
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from inference import prompts
from inference.config import InferenceConfig
from inference.contract.request import GenerationRequest, Passage
from inference.contract.sampling import SamplingParams
from inference.engines.base import NewText
from inference.engines.openai import OpenAIEngine
from inference.engines.process import EngineProcess
from inference.lab import llama_cpp
from inference.lab.bench import (
    PATIENCE,
    TOLD_TOKENS,
    Run,
    Tell,
    Turn,
    asked,
    bare,
    resident_megabytes,
    say,
    story,
    tell_twice,
    through,
)
from inference.lab.shapes import SHAPES, make
from inference.models.store import ModelError, ensure_model
from inference.narrators import Narrator, load_narrators

Engine = Literal["openvino", "transformers"]  # those that tell a checkpoint

STORIES = (1, 8, 16, 32)
WINDOW = 1024
# Of a story that is told on while a stranger's prompt is read.
LONG_TOLD = 500
UNDER_WAY = 8  # tokens
STRANGER_TOKENS = 1000
RUNNING, STRANGER = 1, 2
TURNS: tuple[Turn, ...] = ("cold", "next")
GENERATE, LIBRARY, LLAMA = "generate", "library", "llama.cpp"
BESIDE = (GENERATE, LIBRARY, LLAMA)  # what the engines are measured by

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


class LlamaLibrary:
    """llama.cpp by itself: ids in, its own events out, counted and no more."""

    def __init__(self, narrator: Narrator, config: InferenceConfig) -> None:
        from inference.engines import llama as ours  # noqa: PLC0415  heavy

        self._ours = ours.load(narrator, config)
        self._narrator = narrator
        self.count = self._ours.count

    def tell(self, requests: dict[int, GenerationRequest]) -> Run:
        asked = {number: self._body(request) for number, request in requests.items()}
        run = Run(began=time.monotonic())
        ended = threading.Barrier(len(asked) + 1)

        def tell_one(number: int, body: dict[str, Any]) -> None:
            said: list[str] = []

            def hear(event: dict[str, Any]) -> bool:
                if event.get("choices"):
                    if event["choices"][0]["text"]:
                        run.first.setdefault(number, time.monotonic())
                    said.append(event["choices"][0]["text"])
                if event.get("usage"):
                    run.tokens += event["usage"]["completion_tokens"]
                return False

            self._ours._server.handle_completions(body, hear)
            run.replies[number] = "".join(said)
            ended.wait()

        for number, body in asked.items():
            threading.Thread(target=tell_one, args=(number, body)).start()
        ended.wait()
        run.ended = time.monotonic()
        return run

    def _body(self, request: GenerationRequest) -> dict[str, Any]:
        from inference.engines.llama.requests import request_body  # noqa: PLC0415  heavy

        ours = self._ours
        built = prompts.build(
            request, self._narrator, ours.count, ours.render_chat, ours.context_tokens
        )
        prompt = ours._prompt_ids(built.text)
        body = request_body(prompt, built.sampling, None, [], ours.context_tokens)
        # What our own way needs, and the library by itself does without.
        for field in ("return_progress", "return_tokens", "verbose"):
            del body[field]
        return {**body, "stream_options": {"include_usage": True}}


class Library:
    """A bare loop over openvino-genai: ids in, ids out, and the words only when all are told."""

    def __init__(self, narrator: Narrator, config: InferenceConfig) -> None:
        from inference.engines import openvino as ours  # noqa: PLC0415  heavy

        self._ours = ours.load(narrator, config)
        self._narrator = narrator
        self._asked = 0
        self.count = self._ours.count

    def tell(self, requests: dict[int, GenerationRequest]) -> Run:
        ours, pipeline = self._ours, self._ours._pipeline
        asked = {number: self._ready(request) for number, request in requests.items()}
        told: dict[int, list[int]] = {number: [] for number in asked}
        run = Run(began=time.monotonic())
        handles = {}
        for number, (prompt, generation) in asked.items():
            self._asked += 1
            handles[number] = pipeline.add_request(self._asked, prompt, generation)
        while pipeline.has_non_finished_requests():
            pipeline.step()
            now = time.monotonic()
            for number, handle in handles.items():
                while handle.can_read():
                    for output in handle.read().values():
                        told[number] += output.generated_ids
                        run.first.setdefault(number, now)
        run.ended = time.monotonic()
        run.tokens = sum(map(len, told.values()))
        run.replies = {number: ours._tokenizer.decode(ids) for number, ids in told.items()}
        return run

    def _ready(self, request: GenerationRequest) -> tuple[Any, Any]:
        import numpy as np  # noqa: PLC0415
        import openvino  # noqa: PLC0415

        ours = self._ours
        built = prompts.build(
            request, self._narrator, ours.count, ours.render_chat, ours.context_tokens
        )
        ids = np.array([ours._encode(built.text)], dtype=np.int64)
        return openvino.Tensor(ids), ours._generation(built.sampling)


@dataclass
class Way:
    """One way to tell, and the process it lives in; 0 where that is none of its own."""

    tell: Tell
    pid: int = 0
    one_at_a_time: bool = False


class Ways:
    """The ways that can be had here, each engine in a process of its own, for a `with` block."""

    def __init__(self, config: InferenceConfig) -> None:
        self.config = config
        self.found: dict[str, Way] = {}
        self._stack = ExitStack()

    def __enter__(self) -> "Ways":
        return self

    def __exit__(self, *args: Any) -> None:
        self._stack.close()

    def add(self, name: str, narrator: Narrator) -> None:
        """An engine, as a worker has it. One whose model cannot be had is left out, and says so."""
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
        info = process.wait_ready(PATIENCE)
        say("load_seconds", round(info.load_seconds, 2), way=name)
        self.found[name] = Way(through(process, steps), info.pid)

    def add_llama(self, narrator: Narrator, model: Path) -> None:
        """llama.cpp's server on the same file, where the package is installed."""
        if not llama_cpp.at_hand():
            sys.stderr.write("without llama.cpp: xllamacpp is not installed\n")
            return
        served = llama_cpp.serving(model, narrator.context, narrator.slots)
        address, pid = self._stack.enter_context(served)
        own: dict[str, Any] = {"engine": "openai", "model": address, "options": {}, "sha256": None}
        asked = narrator.model_copy(update={**own, "name": "bench-llama", "dtype": None})
        engine = OpenAIEngine(asked)
        self._stack.callback(engine.close)
        self.found[LLAMA] = Way(bare(engine, asked), pid)


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
        options=room_for(slots),
        **own,
    )


def room_for(slots: int, engine: str = "openvino") -> dict[str, Any]:
    """Options with which all stories and their next turns stay known."""
    return {} if engine == "llama" else {"cache_tokens": max(16_384, 1024 * slots)}


def compare_checkpoint(
    folder: Path, config: InferenceConfig, given: argparse.Namespace, engines: Iterable[Engine]
) -> None:
    """The engines that tell a checkpoint beside plain `generate`, and openvino's bare loop."""
    slots = max(given.stories)
    with Ways(config) as ways:
        for engine in engines:
            ways.add(engine, narrator_of(engine, folder, slots, given.dtype))
        narrator = narrator_of("transformers", folder, slots, given.dtype)
        if "openvino" in ways.found:
            own = narrator_of("openvino", folder, slots, "")
            ways.found[LIBRARY] = Way(Library(own, config).tell)
        yardstick = Generate(folder, narrator)
        ways.found[GENERATE] = Way(yardstick.tell, one_at_a_time=True)
        compare(ways.found, narrator, yardstick.count, given)


def compare_narrator(
    narrator: Narrator, config: InferenceConfig, given: argparse.Namespace
) -> None:
    """A narrator of the file beside its library's bare loop and llama.cpp on the same GGUF."""
    slots = max(given.stories)
    ours = narrator.model_copy(
        update={
            "slots": slots,
            "context": WINDOW,
            "options": {**narrator.options, **room_for(slots, narrator.engine)},
            # As long as elsewhere, where the model does not end its reply before that.
            "sampling": narrator.sampling.model_copy(update={"max_tokens": TOLD_TOKENS}),
        }
    )
    with Ways(config) as ways:
        ways.add(ours.engine, ours)
        library = (LlamaLibrary if ours.engine == "llama" else Library)(ours, config)
        ways.found[LIBRARY] = Way(library.tell)
        model = ensure_model(ours, config.models_dir)
        if model.is_file() and ours.engine != "llama":
            ways.add_llama(ours, model)
        compare(ways.found, ours, library.count, given)
    if given.pauses:
        measure_pauses(ours, config, library.count, given.rounds)


def measure_pauses(
    narrator: Narrator, config: InferenceConfig, count: Callable[[str], int], rounds: int
) -> None:
    """How long a story under way waits for its next word while a stranger's prompt is read."""
    asked = narrator.model_copy(
        update={
            "slots": 2,
            "context": 2 * WINDOW,
            "sampling": narrator.sampling.model_copy(update={"max_tokens": LONG_TOLD}),
        }
    )
    heard: queue.SimpleQueue[tuple[float, list[NewText]]] = queue.SimpleQueue()
    process = EngineProcess(
        asked,
        config,
        lambda texts: heard.put((time.monotonic(), texts)),
        None,
        lambda _: os._exit(1),
    )
    process.start()
    process.wait_ready(PATIENCE)
    gaps: list[float] = []
    slower: list[float] = []
    for turn in range(rounds + 1):
        alone, _ = first_word(process, heard, asked, strangers_story(4 * turn, count), None)
        running = strangers_story(4 * turn + 1, count)
        beside, waits = first_word(
            process, heard, asked, strangers_story(4 * turn + 2, count), running
        )
        if turn:  # the first round warms up
            gaps += waits
            slower.append(beside / alone)
    process.stop(timeout=5)
    gaps.sort()
    what = {"way": narrator.engine, "prompt": STRANGER_TOKENS}
    say("pause_seconds_p99", round(gaps[int(0.99 * (len(gaps) - 1))], 2), **what)
    say("pause_seconds_longest", round(gaps[-1], 2), **what)
    say("first_word_to_alone", round(statistics.median(slower), 2), **what)


def first_word(
    process: EngineProcess,
    heard: "queue.SimpleQueue[tuple[float, list[NewText]]]",
    narrator: Narrator,
    stranger: list[Passage],
    running: list[Passage] | None,
) -> tuple[float, list[float]]:
    """Seconds to a stranger's first word, and between those of a running story meanwhile.

    A model may end the running story early: it is then asked again, and the time until it tells
    on, which no player would wait, is not counted.
    """
    waits: list[float] = []
    current = RUNNING  # odd numbers are the running story's
    last: float | None = None
    asked_to_run = running and asked(narrator, running, "walk on", narrator.sampling.max_tokens)
    if asked_to_run:
        process.submit(current, asked_to_run)
    told = 0
    while asked_to_run and told < UNDER_WAY:
        last, texts = heard.get(timeout=PATIENCE)
        for text in texts:
            told += text.tokens
            if text.finish == "error":
                raise RuntimeError(text.error)
            if text.finish:
                told, current = 0, current + 2
                process.submit(current, asked_to_run)
    began, first = time.monotonic(), 0.0
    process.submit(STRANGER, asked(narrator, stranger, "look around", 8))
    waiting_for = {STRANGER} | ({current} if asked_to_run else set())
    while waiting_for:
        now, texts = heard.get(timeout=PATIENCE)
        for text in texts:
            if text.request == current and text.tokens and not first:
                if last is not None:
                    waits.append(now - last)
                last = now
            elif text.request == STRANGER and text.tokens and not first:
                first = now - began
                if last is not None:
                    waits.append(now - last)  # the running story's wait that goes on
                process.cancel(current)
            if text.finish == "error":
                raise RuntimeError(text.error)
            if text.finish:
                waiting_for.discard(text.request)
            if text.finish and text.request == current and asked_to_run and not first:
                last, current = None, current + 2
                process.submit(current, asked_to_run)
                waiting_for.add(current)
    return first, waits


def strangers_story(number: int, count: Callable[[str], int]) -> list[Passage]:
    """A long story like no other."""
    parts = [story(100 + 7 * number + part, count)[0].reply for part in range(3)]
    while count(" ".join(parts)) > STRANGER_TOKENS:
        parts[-1] = parts[-1].rpartition(". ")[0] + "."
    return [Passage(kind="opening", reply=" ".join(parts))]


def compare(
    ways: dict[str, Way],
    narrator: Narrator,
    count_tokens: Callable[[str], int],
    given: argparse.Namespace,
) -> None:
    """Have all of them tell so many stories at once, round by round, and print the figures."""
    say("cores", os.cpu_count() or 0, machine=machine())
    fresh = 0
    for count in given.stories:
        runs: dict[str, list[dict[Turn, Run]]] = {way: [] for way in ways}
        for turn in range(given.rounds + 1):
            for name in sorted(ways, reverse=turn % 2 == 1):  # none is always first
                many = 1 if ways[name].one_at_a_time else count
                told = {n: story(n, count_tokens) for n in range(fresh, fresh + many)}
                fresh += many
                both = tell_twice(ways[name].tell, narrator, told)
                if turn:  # the first round warms up
                    runs[name].append(both)
        report(count, runs)
    for name, way in ways.items():
        if way.pid:
            say("resident_megabytes", resident_megabytes(way.pid), way=name)


def report(count: int, runs: dict[str, list[dict[Turn, Run]]]) -> None:
    """Medians over the rounds, and of the ratios to what stands beside in the same round."""
    for name, rounds in runs.items():
        for turn in TURNS:
            what = {"way": name, "stories": 1 if name == GENERATE else count, "turn": turn}
            speeds = [each[turn].tokens_per_second for each in rounds]
            say("tokens_per_second", round(statistics.median(speeds), 1), **what)
            first = statistics.median(each[turn].first_token_seconds for each in rounds)
            say("first_token_seconds", round(first, 3), **what)
            for base in BESIDE:
                if name not in BESIDE and base in runs:
                    its = [each[turn].tokens_per_second for each in runs[base]]
                    ratios = [mine / other for mine, other in zip(speeds, its, strict=True)]
                    say(f"to_{base}", round(statistics.median(ratios), 2), **what)


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
    parser = argparse.ArgumentParser(description="Every installed engine, on the same prompts.")
    told = parser.add_mutually_exclusive_group()
    told.add_argument("--shape", choices=SHAPES, default="124M")
    told.add_argument("--model", type=Path, help="a checkpoint's folder instead of a shape")
    told.add_argument("--narrator", help="a narrator of the file, beside llama.cpp")
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
