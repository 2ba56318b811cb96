"""Where inference finds things. Given by the host; inference reads no settings of its own."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class InferenceConfig:
    """Addresses and folders that workers and the story log need."""

    redis_url: str
    narrators_file: Path
    models_dir: Path
