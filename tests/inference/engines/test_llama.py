"""The llama engine on the built-in narrator's own file: adapters, and what only it does."""

import gc
import os
import subprocess
import sys

import pytest
from django.conf import settings

from inference.config import InferenceConfig
from inference.contract.sampling import SamplingParams
from inference.engines.base import Message
from inference.models.store import adapter_file, ensure_model
from inference.narrators import Narrator, load_narrators
from tests.inference.engines.test_engines import joined, tell_all

pytestmark = pytest.mark.model

GREEDY = SamplingParams(max_tokens=16, temperature=0, repetition_penalty=1)
SYSTEM = Message("system", "You tell a story in the second person and present tense.")


@pytest.fixture(scope="module")
def models():
    return settings.INFERENCE.models_dir


@pytest.fixture(scope="module")
def config(models):
    return InferenceConfig(
        redis_url="", narrators_file=settings.BASE_DIR / "narrators.yaml", models_dir=models
    )


@pytest.fixture(scope="module")
def smol():
    return load_narrators(settings.BASE_DIR / "narrators.yaml").get("smol")


@pytest.fixture(scope="module")
def base(smol, models):
    """The built-in model as it was before it learned."""
    return ensure_model(smol.model_copy(update={"adapter": ""}), models)


def told_by_llama(model, adapter="", **more) -> Narrator:
    given = {"format": "chat", "slots": 2, "context": 512, "options": {"threads": 1}, **more}
    return Narrator(
        name="tiny", line="", engine="llama", model=str(model), adapter=adapter, **given
    )


def loaded(narrator, config):
    from inference.engines import llama

    return llama.load(narrator, config)


def greedy(engine, action: str) -> str:
    prompt = engine.render_chat([SYSTEM, Message("user", action)], "You")
    request = engine.submit(prompt, GREEDY)
    return joined(tell_all(engine)[request])


def first_words(text: str) -> list[str]:
    """Before rounding can make a difference: Q8_0 rounds what was merged, and not the adapter."""
    return text.split()[:6]


def test_an_adapter_is_told_with_beside_the_file_as_if_it_were_merged(smol, base, models, config):
    action = "I open the door of the old mill."
    learned = greedy(loaded(told_by_llama(base, "shipped:tales"), config), action)
    merged = greedy(loaded(told_by_llama(ensure_model(smol, models)), config), action)
    untaught = greedy(loaded(told_by_llama(base), config), action)
    assert first_words(learned) == first_words(merged)
    assert first_words(learned) != first_words(untaught)


def test_an_adapter_that_is_a_gguf_is_taken_as_it_is(base, models, config):
    made = adapter_file(told_by_llama(base, "shipped:tales"), models)
    ensure_model(told_by_llama(base, "shipped:tales"), models)
    narrator = told_by_llama(base, str(made))
    assert adapter_file(narrator, models) == made
    assert " step" in greedy(loaded(narrator, config), "I open the door of the old mill.")


@pytest.mark.parametrize(("before", "after"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_its_threads_sleep_while_they_wait_unless_the_host_says_otherwise(before, after):
    """OpenMP reads it when the library is loaded: a process of its own shows what it finds."""
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    environment |= {"OMP_DISPLAY_ENV": "TRUE", **({"OMP_WAIT_POLICY": before} if before else {})}
    program = [sys.executable, "-c", "import inference.engines.llama"]
    heard = subprocess.run(program, env=environment, capture_output=True, text=True, check=True)
    assert f"OMP_WAIT_POLICY = '{after}'" in heard.stderr


def test_the_library_s_server_outlives_an_engine_that_is_collected(base, config):
    """Its destructor was seen to wait for ever, the interpreter's lock in hand."""
    from inference.engines import llama

    engine = llama.load(told_by_llama(base), config)
    server = engine._server
    del engine
    gc.collect()
    assert sys.getrefcount(server) > 2  # `server`, the argument, and one more that stays


IN_MID_REPLY = """
import sys
from pathlib import Path
from inference.config import InferenceConfig
from inference.engines import llama
from inference.narrators import Narrator
from inference.contract.sampling import SamplingParams

narrator = Narrator.model_validate_json(sys.argv[1])
config = InferenceConfig(redis_url="", narrators_file=Path("x"), models_dir=Path(sys.argv[2]))
engine = llama.load(narrator, config)
long = SamplingParams(max_tokens=400)
numbers = [engine.submit(f"Tale {number}: once", long) for number in (1, 2)]
told = 0
while told < 4:
    told += sum(text.tokens for text in engine.step())
engine.cancel(numbers[0])
engine.step()
"""


def test_a_program_that_ends_in_the_middle_of_replies_ends_cleanly(base, config):
    """Python unwinds threads at its end, which aborted it where they were inside the library."""
    entry = told_by_llama(base).model_dump_json(exclude={"engine_reason"})
    program = [sys.executable, "-c", IN_MID_REPLY, entry, str(config.models_dir)]
    heard = subprocess.run(program, capture_output=True, text=True, timeout=120)
    assert (heard.returncode, heard.stderr) == (0, "")
