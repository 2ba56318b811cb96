"""What engines are compared with: plain `generate` and bare loops over the libraries.

Each takes requests by number and returns a `Run`, as `inference.lab.bench.Runner` does.
"""

import threading
import time
from pathlib import Path
from typing import Any

from inference import prompts
from inference.config import InferenceConfig
from inference.contract.request import GenerationRequest
from inference.contract.sampling import SamplingParams
from inference.engines.base import NewText
from inference.lab.bench import REPLY_TOKENS, Run
from inference.narrators import Narrator

CONTEXT_TOKENS = 1024

# Random weights make all tokens about equally likely. With a top k, sampling costs what it does
# with a trained model, which has few likely tokens.
SAMPLING = SamplingParams(
    temperature=0.8, top_k=50, repetition_penalty=1.1, max_tokens=REPLY_TOKENS
)


class PlainGenerate:
    """transformers' `generate`, one story at a time, without a cache between turns."""

    def __init__(self, folder: Path, narrator: Narrator) -> None:
        from inference.engines import transformers as engines  # noqa: PLC0415  torch

        device = engines.pick_device(narrator.device)
        self._device = device
        self._narrator = narrator
        dtype = engines.pick_dtype(narrator.dtype, device)
        self._model = engines.load_model(folder, device, dtype, "sdpa")
        self.tokenizer = engines.load_tokenizer(folder)

    def count(self, text: str) -> int:
        """The number of tokens of `text`."""
        return len(self.tokenizer.encode(text))

    def run_all(self, requests: dict[int, GenerationRequest]) -> Run:
        """Generate the replies one after the other."""
        run = Run(started=time.monotonic())
        for number, request in requests.items():
            self._generate(run, number, request)
        return run

    def _generate(self, run: Run, number: int, request: GenerationRequest) -> None:
        import torch  # noqa: PLC0415

        built = prompts.build(request, self._narrator, self.count, _no_chat, CONTEXT_TOKENS)
        ids = torch.tensor([self.tokenizer.encode(built.text)], device=self._device)
        generated = self._model.generate(
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
            streamer=FirstTokenTimer(run, number),
        )
        new = generated[0, ids.shape[1] :]
        run.add(number, NewText(number, self.tokenizer.decode(new), len(new), "length"))


class FirstTokenTimer:
    """A streamer that notes when the first token comes. `generate` passes it the prompt first."""

    def __init__(self, run: Run, number: int) -> None:
        self._run, self._number = run, number
        self._prompt_passed = False

    def put(self, _: Any) -> None:
        """Called with the prompt, then with each token."""
        if self._prompt_passed:
            self._run.first_token.setdefault(self._number, time.monotonic())
        self._prompt_passed = True

    def end(self) -> None:
        """Called at the end of the reply."""


def _no_chat(*_: Any) -> str:
    raise ValueError("a base model has no chat template")


class LlamaLibrary:
    """A bare loop over llama.cpp: token numbers in, its events out."""

    def __init__(self, narrator: Narrator, config: InferenceConfig) -> None:
        from inference.engines import llama  # noqa: PLC0415  heavy

        self._engine = llama.load(narrator, config)
        self._narrator = narrator
        self.count = self._engine.count

    def run_all(self, requests: dict[int, GenerationRequest]) -> Run:
        """Generate all replies at once, each on a thread."""
        bodies = {number: self._body(request) for number, request in requests.items()}
        run = Run(started=time.monotonic())
        ended = threading.Barrier(len(bodies) + 1)

        def generate(number: int, body: dict[str, Any]) -> None:
            pieces: list[str] = []

            def on_event(event: dict[str, Any]) -> bool:
                if event.get("choices"):
                    if event["choices"][0]["text"]:
                        run.first_token.setdefault(number, time.monotonic())
                    pieces.append(event["choices"][0]["text"])
                if event.get("usage"):
                    run.tokens += event["usage"]["completion_tokens"]
                return False

            self._engine._server.handle_completions(body, on_event)
            run.replies[number] = "".join(pieces)
            ended.wait()

        for number, body in bodies.items():
            threading.Thread(target=generate, args=(number, body)).start()
        ended.wait()
        run.ended = time.monotonic()
        return run

    def _body(self, request: GenerationRequest) -> dict[str, Any]:
        from inference.engines.llama.requests import request_body  # noqa: PLC0415  heavy

        engine = self._engine
        built = prompts.build(
            request, self._narrator, engine.count, engine.render_chat, engine.context_tokens
        )
        prompt = engine._prompt_ids(built.text)
        body = request_body(prompt, built.sampling, None, [], engine.context_tokens)
        # Fields that the engine needs and a bare loop does not.
        for field in ("return_progress", "return_tokens", "verbose"):
            del body[field]
        return {**body, "stream_options": {"include_usage": True}}


class OpenVinoLibrary:
    """A bare loop over openvino-genai: token numbers in and out, decoded at the end only."""

    def __init__(self, narrator: Narrator, config: InferenceConfig) -> None:
        from inference.engines import openvino  # noqa: PLC0415  heavy

        self._engine = openvino.load(narrator, config)
        self._narrator = narrator
        self._last_request = 0
        self.count = self._engine.count

    def run_all(self, requests: dict[int, GenerationRequest]) -> Run:
        """Generate all replies in one batch."""
        engine, pipeline = self._engine, self._engine._pipeline
        inputs = {number: self._input(request) for number, request in requests.items()}
        generated: dict[int, list[int]] = {number: [] for number in inputs}
        run = Run(started=time.monotonic())
        handles = {}
        for number, (prompt, generation) in inputs.items():
            self._last_request += 1
            handles[number] = pipeline.add_request(self._last_request, prompt, generation)
        while pipeline.has_non_finished_requests():
            pipeline.step()
            now = time.monotonic()
            for number, handle in handles.items():
                while handle.can_read():
                    for output in handle.read().values():
                        generated[number] += output.generated_ids
                        run.first_token.setdefault(number, now)
        run.ended = time.monotonic()
        run.tokens = sum(map(len, generated.values()))
        run.replies = {number: engine._tokenizer.decode(ids) for number, ids in generated.items()}
        return run

    def _input(self, request: GenerationRequest) -> tuple[Any, Any]:
        import numpy as np  # noqa: PLC0415
        import openvino  # noqa: PLC0415

        engine = self._engine
        built = prompts.build(
            request, self._narrator, engine.count, engine.render_chat, engine.context_tokens
        )
        ids = np.array([engine._encode(built.text)], dtype=np.int64)
        return openvino.Tensor(ids), engine._generation(built.sampling)
