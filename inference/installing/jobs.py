"""The messages of game and worker about installed narrators: plain data."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from inference.installing.machine import Machine
from inference.narrators import Narrator

Step = Literal["looking", "fetching", "making", "trying"]


class Data(BaseModel):
    """A frozen value that refuses unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Added(Data):
    """A narrator that was installed, for workers. `sealed` is its server's key, encrypted."""

    narrator: Narrator
    sealed: str = Field(default="", repr=False)
    memory: int = 0  # bytes that it took when it was tried


class Job(Data):
    """A job for one worker. When the narrator's row changes, its job gets another attempt."""

    name: str
    attempt: int
    do: Literal["install", "remove"]
    narrator: Narrator
    sealed: str = Field(default="", repr=False)
    # Whether format and context are to be taken from the model's own file.
    adapt: bool = False


class DesiredState(Data):
    """What Postgres has for workers: what is installed, and what is to be done.

    A narrator that is not in it is removed; while no state is published, everything stays.
    """

    narrators: tuple[Added, ...] = ()
    jobs: tuple[Job, ...] = ()
    # Narrators whose installation failed and may be retried, or that wait to be saved.
    kept: tuple[Narrator, ...] = ()
    # Names of entries that another version could not read; "" for one without a name.
    unread: frozenset[str] = frozenset()

    def wanting_files(self, but: str) -> list[Narrator]:
        """Every narrator but `but` whose model's files are used, or will be."""
        installed = [each.narrator for each in self.narrators]
        coming = [job.narrator for job in self.jobs if job.do == "install"]
        every = [*installed, *coming, *self.kept]
        return [each for each in every if each.name != but]


class Progress(Data):
    """The progress of a job, in bytes; 0 in steps that count none."""

    attempt: int
    step: Step
    done: int = 0
    total: int = 0


class JobResult(Data):
    """The result of a job; or, with `pinned`, the exact file that it fetches."""

    name: str
    attempt: int
    outcome: Literal["pinned", "ready", "failed", "removed"]
    problem: str = ""  # one line, where it failed
    narrator: Narrator | None = None  # as it was installed: pinned, and fitted to its file
    what: str = ""  # the model in words, or the server
    speed: float = 0.0  # tokens a second, of one story alone
    memory: int = 0  # bytes, at most

    def cut(self) -> "JobResult":
        """The result with its texts cut to the lengths that are stored."""
        return self.model_copy(update={"problem": self.problem[:400], "what": self.what[:300]})


class FoundFile(Data):
    """A GGUF in MODELS_DIR that no narrator of a list uses."""

    file: str
    size: int
    family: str = ""
    parameters: int = 0
    context: int = 0
    chat: bool = False  # whether it brings a chat template
    problem: str = ""  # why it cannot be used


class MachineReport(Data):
    """The report of a worker that installs narrators."""

    machine: Machine
    files: tuple[FoundFile, ...] = ()
    loaded: dict[str, int] = {}  # narrators whose model is loaded, with the bytes they hold
