"""The narrators that ship with Grue as entries to be installed: catalogue.yaml beside this file."""

from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from inference.narrators import Narrator

FILE = Path(__file__).with_name("catalogue.yaml")


class Entry(BaseModel):
    """A narrator that can be installed, with what a host should know before."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    narrator: Narrator
    licence: str = Field(max_length=60)
    about: str = Field(max_length=200)  # which model it is, for hosts
    # Keys and values that llama.cpp keeps for one token, in all layers together.
    cache_values: int = Field(ge=1)
    tried: str = Field(default="", max_length=200)
    untried: str = Field(default="", max_length=200)  # exactly what was not tried
    expected_bytes: int = Field(default=0, ge=0)  # where the hub alone knows the size

    @property
    def size(self) -> int:
        """Bytes to fetch; about, where no size is pinned."""
        return self.narrator.bytes or self.expected_bytes

    @property
    def pinned(self) -> bool:
        """Whether the entry has the digest of its file. Otherwise the hub's is taken."""
        return self.narrator.sha256 is not None

    @model_validator(mode="after")
    def says_what_was_done(self) -> "Entry":
        """Refuse an entry without a size, or without what was tried. Raises ValueError."""
        if not (self.tried or self.untried):
            raise ValueError("says neither what was tried nor what was not")
        if not self.size:
            raise ValueError("says no size")
        return self


class Catalogue(BaseModel):
    """All entries, from small to large."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    entries: tuple[Entry, ...]

    def get(self, name: str) -> Entry | None:
        """The entry of a narrator; None where there is none."""
        return next((each for each in self.entries if each.narrator.name == name), None)


@cache
def catalogue() -> Catalogue:
    """The entries that ship with this version."""
    return Catalogue.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))
