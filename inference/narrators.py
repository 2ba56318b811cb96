"""Narrators by name, as narrators.yaml lists them: model, engine, prompt format, sampling."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from inference.config import InferenceConfig
from inference.config_file import ConfigFile
from inference.contract.request import Kind
from inference.contract.sampling import SamplingParams
from inference.engines.abilities import ignored_by, names
from inference.engines.auto import chosen_engine
from inference.engines.servers import Server, address_problem, host_beyond
from inference.models.sources import SCHEMES, hub_folder, is_remote

Dtype = Literal["float32", "bfloat16", "float16", "int8", "int4"]

# What weights each engine that has some can be loaded in. openvino's concern an export alone: a
# GGUF stays as it is in its file.
DTYPES: dict[str, tuple[Dtype, ...]] = {
    "openvino": ("int8", "int4", "float16", "float32"),
    "transformers": ("float32", "bfloat16", "float16"),
}


class Reference(BaseModel):
    """What a model must say greedily: proof that its weights were read as they are meant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: str
    text: str = Field(pattern=r"\S")


class Narrator(BaseModel):
    """A named model with its engine, prompt format and sampling."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    title: str = Field(default="", max_length=40)  # what players call it; the name where empty
    line: str = Field(max_length=200)  # what players read about it
    builtin: bool = False  # comes with Grue: fetched without asking on the first start
    small: bool = False  # a very small model: players are told that its stories wander
    # In the file it may be `auto`, which stands for llama or openvino: inference/engines/auto.py.
    engine: Literal["openvino", "llama", "transformers", "openai", "scripted"]
    # Why `auto` stands for this engine; set here, and not in the file.
    engine_reason: str = Field(default="", exclude=True)
    # Where it comes from (`inference.models.sources`), or the path of a GGUF file or of a
    # checkpoint's folder, absolute or in MODELS_DIR; for openai the address of a server:
    # http://127.0.0.1:8080/v1. In the file it may be a list of sources, which are tried in turn.
    model: str = ""
    mirrors: tuple[str, ...] = Field(default=(), max_length=8)  # the rest of that list
    bytes: int = Field(default=0, ge=0)  # of the file: room is looked for before it is fetched
    # MB that must be free for it, where it is one of several defaults; or the next of them tells.
    memory_mb: int = Field(default=0, ge=0, le=10_000_000)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")  # where it is a file
    # Folder of a PEFT LoRA adapter, for transformers or a GGUF: absolute, in MODELS_DIR, or
    # `shipped:NAME`, which came with Grue. For llama also an adapter as a GGUF file.
    adapter: str = ""
    revision: str = Field(default="", max_length=80)  # the host's name for this state of it
    device: str = Field(default="", pattern=r"^[A-Za-z0-9:._-]*$")  # the engine's where empty
    dtype: Dtype | None = None  # of the weights; the engine's where missing
    format: Literal["transcript", "chat"] = "transcript"
    style: str = ""  # what a chat model is told to be; prompts.STYLE where empty
    # What a chat model reads after the newest action, and forgets with the next.
    reminder: str = Field(default="", max_length=1000)
    # "stalled": only where the newest reply brought hardly a new word, or the player does nothing.
    reminder_when: Literal["always", "stalled"] = "always"
    # Whether cards and note stand beside the actions that they belong to, and not some turns before
    # the end: then a prompt grows at its end alone (inference/prompts/placing.py).
    cards_beside_action: bool = False
    # How a reply is shown. A sentence waits for its end, and one that goes wrong is never begun.
    shows: Literal["words", "sentences"] = "words"
    example: bool = False  # whether a chat model is shown a few turns of another story first
    begun: dict[Kind, str] = {}  # how the reply to a kind of action begins; small models need it
    context: int = Field(default=2048, ge=256)  # tokens: prompt and reply together
    slots: int = Field(default=16, ge=1, le=256)  # turns told at once
    step_seconds: int = Field(default=120, ge=1)  # a step that takes longer counts as hung
    sampling: SamplingParams = SamplingParams()
    bans: Literal["", "worn"] = (
        ""  # "worn": it does not tell the phrases of inference/reply/worn.txt
    )
    summaries: Literal["narrator", "extract"] = "narrator"  # who tells what happened before
    # Who reads the state of the world (docs/world.md): rules over the text; or these and, while a
    # worker is idle, the narrator itself. "none": it is not told of the state.
    state: Literal["none", "rules", "narrator"] = "rules"
    # Whether a reply may repeat those before it; canned ones do, and nobody else should.
    may_repeat: bool | None = None
    reference: Reference | None = None
    options: dict[str, Any] = {}  # for the engine alone
    visible: Literal["everyone", "staff"] = "everyone"  # who may choose it
    weight: float = Field(default=0, ge=0)  # its share of new adventures; all 0: the default's
    server: Server = Server()  # for openai

    @model_validator(mode="before")
    @classmethod
    def choose_engine(cls, given: Any) -> Any:
        """`engine: auto` chooses by the first source. Raises ValueError without a model."""
        if not isinstance(given, dict):
            return given
        if "engine_reason" in given:
            raise ValueError("engine_reason is not a setting that narrators know")
        if given.get("engine") != "auto":
            return given
        model = given.get("model")
        first = model[0] if isinstance(model, list) and model else model
        if not isinstance(first, str) or not first:
            raise ValueError("`engine: auto` wants a model")
        engine, reason = chosen_engine(first)
        return {**given, "engine": engine, "engine_reason": reason}

    @model_validator(mode="before")
    @classmethod
    def split_sources(cls, given: Any) -> Any:
        """A list of sources: the first is the model, the others its mirrors."""
        if isinstance(given, dict) and isinstance(sources := given.get("model"), list):
            first, *rest = sources or [""]
            return {**given, "model": first, "mirrors": rest}
        return given

    @model_validator(mode="before")
    @classmethod
    def ban_worn_phrases(cls, given: Any) -> Any:
        """`bans: worn` is a setting of the sampling."""
        if not isinstance(given, dict) or given.get("bans") != "worn":
            return given
        sampling = given.get("sampling") or {}
        if isinstance(sampling, SamplingParams):
            return {**given, "sampling": sampling.model_copy(update={"worn": True})}
        return (
            {**given, "sampling": {**sampling, "worn": True}}
            if isinstance(sampling, dict)
            else given
        )

    @field_validator("mirrors")
    @classmethod
    def check_mirrors(cls, mirrors: tuple[str, ...]) -> tuple[str, ...]:
        """Every mirror is a hub or a package index. Raises ValueError."""
        for each in mirrors:
            if not is_remote(each):
                raise ValueError("of several sources each is hf:… or pypi:…")
            cls.check_source(each)
        return mirrors

    @field_validator("model")
    @classmethod
    def check_source(cls, model: str) -> str:
        """A source with a scheme has its form. Raises ValueError."""
        for scheme, (form, example) in SCHEMES.items():
            if model.startswith(f"{scheme}:") and not form.fullmatch(model):
                raise ValueError(f"wants {example}")
        return model

    @field_validator("dtype")
    @classmethod
    def check_dtype(cls, dtype: Dtype | None, info: ValidationInfo) -> Dtype | None:
        """The engine supports the type of weights. Raises ValueError."""
        engine = info.data.get("engine")
        if dtype and engine in DTYPES and dtype not in DTYPES[engine]:
            raise ValueError(f"the {engine} engine has {', '.join(DTYPES[engine])}")
        return dtype

    @model_validator(mode="after")
    def check_for_engine(self) -> "Narrator":
        """Check that the settings go together and that the engine supports them."""
        self._check_model()
        self._check_sampling()
        if self.state == "narrator" and self.engine == "transformers":
            raise ValueError(
                "state: the transformers engine cannot keep to a schema: write `rules`, or take "
                "`engine: llama`"
            )
        if self.engine != "openai":
            if self.server != Server():
                raise ValueError("server is for the openai engine")
            if self.sampling.stop:
                raise ValueError("sampling.stop is for the openai engine")
        return self

    def _check_model(self) -> None:
        if self.engine in DTYPES and not self.model:
            raise ValueError(f"the {self.engine} engine wants a model")
        merges = self.engine == "openvino" and self.model.lower().endswith(".gguf")
        if self.adapter and self.engine not in ("transformers", "llama") and not merges:
            raise ValueError("an adapter is for the transformers engine, or for a GGUF")
        if self.mirrors and not (self.sha256 and is_remote(self.model)):
            raise ValueError(
                "a list of sources wants the sha256 that the file has from all of them"
            )
        if self.sha256 and hub_folder(self.model):
            raise ValueError("sha256 is of a file; a revision fixes a model on the hub")
        if self.engine == "openai" and (problem := address_problem(self.model)):
            raise ValueError(f"model: {problem}")

    def _check_sampling(self) -> None:
        ignored = [each for each in ignored_by(self.engine, self.sampling) if each != "stop"]
        if ignored:
            raise ValueError(
                f"sampling: the {self.engine} engine does not know {names(ignored)}: "
                "leave it out, or take `engine: llama`"
            )

    @property
    def words_go_to(self) -> str:
        """The host that players' words are sent to; empty where they stay on this machine."""
        return host_beyond(self.model) if self.engine == "openai" else ""

    @property
    def fingerprint(self) -> str:
        """Which narrator exactly: another model, format or sampling is another one."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]

    @property
    def repeats_itself(self) -> bool:
        """Whether replies are not compared with earlier ones, as those of canned text."""
        return self.engine == "scripted" if self.may_repeat is None else self.may_repeat

    @property
    def shown_name(self) -> str:
        """The name on pages: the title, else the name."""
        return self.title or self.name


class NarratorsError(Exception):
    """What is wrong with a narrators file, in one line that names the place."""


class UnknownNarrator(Exception):
    """No narrator has this name."""


class Narrators(BaseModel):
    """The narrators of a file, in its order. The default is the first unless it names others.

    `default` may be a list: the first of it that can tell, does. The others stand in for it where
    it is not there yet, or where no machine has the memory for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    default_names: tuple[str, ...] = Field(default=(), alias="default", max_length=8)
    narrators: list[Narrator] = Field(min_length=1)

    @field_validator("default_names", mode="before")
    @classmethod
    def as_tuple(cls, given: Any) -> Any:
        """One default may be written as a string."""
        if isinstance(given, str):
            return (given,) if given else ()
        return given

    @property
    def default(self) -> Narrator:
        """The one that tells where nothing else was chosen, if it can."""
        return self.defaults[0]

    @property
    def defaults(self) -> tuple[Narrator, ...]:
        """Those of whom the first that can tell is the default."""
        return tuple(map(self.get, self.default_names)) or (self.narrators[0],)

    def with_default(self, name: str) -> "Narrators":
        """These, with another default; what only stood in for the old one is left out.

        Raises UnknownNarrator.
        """
        self.get(name)
        left_out = {each.name for each in self.defaults if each.name != name}
        # What the host wrote for its players stays; a list of defaults is ours to choose from.
        kept = [
            each
            for each in self.narrators
            if len(self.default_names) < 2 or each.name not in left_out
        ]
        return self.model_copy(update={"default_names": (name,), "narrators": kept})

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the order of the file."""
        return tuple(narrator.name for narrator in self.narrators)

    def get(self, name: str) -> Narrator:
        """The narrator of this name. Raises UnknownNarrator."""
        for narrator in self.narrators:
            if narrator.name == name:
                return narrator
        raise UnknownNarrator(f"there is no narrator {name!r}; there are {', '.join(self.names)}")

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __len__(self) -> int:
        return len(self.narrators)


def load_narrators(file: Path) -> Narrators:
    """The narrators of `file`, read again when it changes; the last good ones while it is wrong.

    Raises NarratorsError where it was never right.
    """
    return _files.read(file)


def narrators_of(config: InferenceConfig) -> Narrators:
    """The host's narrators, with the default that the setting NARRATOR names.

    Raises NarratorsError.
    """
    found = load_narrators(config.narrators_file)
    if not config.narrator:
        return found
    try:
        return found.with_default(config.narrator)
    except UnknownNarrator:
        raise NarratorsError(
            f"NARRATOR wants one of {', '.join(found.names)} (it is {config.narrator!r})"
        ) from None


def narrators_problem(file: Path) -> str:
    """What is wrong with the file as it is now, with its line; "" where it is right."""
    return _files.problem(file)


def parse_narrators(text: str, called: str) -> Narrators:
    """The narrators of a YAML text; an error names the file as `called`, and the line."""
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise NarratorsError(f"{called}, line {line}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise NarratorsError(f"{called}: {' '.join(str(error).split())}") from error
    if not isinstance(node, yaml.MappingNode):
        raise NarratorsError(f"{called}, line 1: wants `narrators:` and a list of them")
    for key in repeated_keys(node):
        raise NarratorsError(f"{called}, line {line_of(key)}: {key.value!r} is there twice")
    try:
        found = Narrators.model_validate(loader.construct_document(node))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise NarratorsError(f"{called}, line {line}: {error.problem}") from error
    except ValidationError as error:
        raise NarratorsError(first_complaint(error, node, called)) from error
    entries = narrator_nodes(node)
    for index, narrator in enumerate(found.narrators):
        if narrator.name in found.names[:index]:
            line = line_of(entries[index])
            raise NarratorsError(f"{called}, line {line}: {narrator.name!r} is there twice")
    for name in found.default_names:
        if name not in found:
            line = line_of(at(node, ("default",)))
            raise NarratorsError(f"{called}, line {line}: default: there is no narrator {name!r}")
    return found


_files = ConfigFile(parse_narrators, NarratorsError, "the narrators")


def first_complaint(error: ValidationError, node: yaml.Node, called: str) -> str:
    """The first thing that pydantic minds, with the line of the file where it stands."""
    detail = error.errors()[0]
    where = detail["loc"]
    what = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "missing":
        what = "is missing"
    elif detail["type"] == "extra_forbidden":
        what = "is not a setting that narrators know"
    given = detail["input"]
    shown = f" (it is {given!r})" if isinstance(given, str | int | float) else ""
    name = ".".join(str(step) for step in where if step != "narrators" and isinstance(step, str))
    return f"{called}, line {line_of(at(node, where))}: {name + ': ' if name else ''}{what}{shown}"


def at(node: yaml.Node, path: tuple[int | str, ...]) -> yaml.Node:
    """The deepest node on `path` that the file has."""
    for step in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
        elif isinstance(node, yaml.MappingNode):
            inner = [value for key, value in node.value if key.value == step]
            if not inner:
                break
            node = inner[0]
        else:
            break
    return node


def narrator_nodes(node: yaml.Node) -> list[yaml.Node]:
    """The YAML nodes of the narrators, in order; none where the list is no list."""
    entries = at(node, ("narrators",))
    return list(entries.value) if isinstance(entries, yaml.SequenceNode) else []


def repeated_keys(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Keys that a mapping has twice, at any depth: YAML would keep the last and say nothing."""
    if isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            yield from repeated_keys(entry)
    elif isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    yield key
                seen.add(key.value)
            yield from repeated_keys(value)


def line_of(node: yaml.Node) -> int:
    """The line of a node in its file, from 1."""
    return int(node.start_mark.line) + 1
