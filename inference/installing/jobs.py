"""What game and worker tell each other about narrators that are installed: plain data."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from inference.installing.machine import Machine
from inference.narrators import Narrator

Step = Literal["looking", "fetching", "making", "trying"]


class Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Added(Data):
    """A narrator that was installed, for workers. `sealed` is its server's key, encrypted."""

    narrator: Narrator
    sealed: str = Field(default="", repr=False)
    memory: int = 0  # bytes that it took when it was tried


class Job(Data):
    """Something to be done by one worker. A row that is changed gets another attempt."""

    name: str
    attempt: int
    do: Literal["install", "remove"]
    narrator: Narrator
    sealed: str = Field(default="", repr=False)
    # Whether format and context are to be taken from the model's own file.
    adapt: bool = False


class DesiredState(Data):
    """All that workers should know, as Postgres has it: what is installed, and what is to be done.

    What is not in it does not exist; where nothing is published, nothing is known, and all stays.
    """

    narrators: tuple[Added, ...] = ()
    jobs: tuple[Job, ...] = ()
    # Narrators whose installation failed and may be retried, or that wait to be saved.
    kept: tuple[Narrator, ...] = ()
    # Names of entries that whoever wrote or read this could not read; "" for one without a name.
    unread: frozenset[str] = frozenset()

    def wanting_files(self, but: str) -> list[Narrator]:
        """Every narrator but `but` whose model's files are used, or will be."""
        installed = [each.narrator for each in self.narrators]
        coming = [job.narrator for job in self.jobs if job.do == "install"]
        every = [*installed, *coming, *self.kept]
        return [each for each in every if each.name != but]


class Progress(Data):
    """How far a job is. Bytes where something is fetched or made, 0 elsewhere."""

    attempt: int
    step: Step
    done: int = 0
    total: int = 0


class JobResult(Data):
    """How a job ended; or, with `pinned`, which file exactly it fetches."""

    name: str
    attempt: int
    outcome: Literal["pinned", "ready", "failed", "removed"]
    problem: str = ""  # one line, where it failed
    narrator: Narrator | None = None  # as it was installed: pinned, and fitted to its file
    what: str = ""  # the model in words, or the server
    speed: float = 0.0  # tokens a second, of one story alone
    memory: int = 0  # bytes, at most

    def cut(self) -> "JobResult":
        """With lines as long as they may be kept."""
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
    """What a worker that installs says of itself."""

    machine: Machine
    files: tuple[FoundFile, ...] = ()
    loaded: dict[str, int] = {}  # narrators whose model is loaded, with the bytes they hold
