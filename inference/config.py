"""Where inference finds things. Given by the host; inference reads no settings of its own."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class InferenceConfig:
    """Addresses and folders that workers and the story log need."""

    redis_url: str
    narrators_file: Path
    models_dir: Path
    narrator: str = ""  # the default, in place of the one that the file names
    memory_mb: int = 0  # what the models of one worker may hold together; 0 is all there is
    drain_seconds: int = 20  # for turns under way when a worker is asked to go; 0 is none
    read_ahead: bool = True  # whether idle workers read what next prompts begin with
    # Opens the keys of servers that were connected from the operator's page.
    secret: str = field(default="", repr=False)
