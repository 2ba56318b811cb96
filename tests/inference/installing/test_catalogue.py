"""The narrators that can be installed, what they need, and whether a machine has it."""

import io
import os

import pytest
from django.core.management import call_command

from inference.installing import machine
from inference.installing.catalogue import Entry, catalogue
from inference.installing.estimates import estimate
from inference.installing.machine import Machine
from inference.models import resources
from inference.models.sources import hub_file
from inference.narrators import load_narrators

LAPTOP = Machine(
    memory=8_000_000_000,
    memory_free=6_000_000_000,
    cores=4,
    disk_free=50_000_000_000,
    read_speed=54e9,
)


def test_every_entry_can_be_used_as_it_stands(settings):
    names = [entry.narrator.name for entry in catalogue().entries]
    assert len(set(names)) == len(names) >= 6
    assert not set(names) & set(load_narrators(settings.BASE_DIR / "narrators.yaml").names)
    for entry in catalogue().entries:
        assert entry.narrator.engine == "llama" and hub_file(entry.narrator.model)
        assert entry.licence and entry.about and (entry.tried or entry.untried)


def test_an_entry_without_a_digest_says_so():
    for entry in catalogue().entries:
        assert entry.pinned or "no digest is known" in entry.untried


def test_every_pinned_entry_is_free_to_use():
    for entry in catalogue().entries:
        free = {"Apache-2.0", "MIT"} if entry.pinned else {"Apache-2.0", "MIT", "check its page"}
        assert entry.licence in free
        for terms in ("llama-3", "gemma", "qwen2.5-3b"):
            assert terms not in f"{entry.about} {entry.narrator.model}".lower()


def test_an_entry_must_say_what_was_done_with_it():
    [first, *_] = catalogue().entries
    with pytest.raises(ValueError, match="neither what was tried nor what was not"):
        Entry.model_validate({**first.model_dump(), "tried": "", "untried": ""})


def entry(name):
    found = catalogue().get(name)
    assert found is not None
    return found


def test_speed_is_estimated_from_what_was_measured_with_a_file_of_the_same_size():
    assert estimate(entry("nib"), LAPTOP).tokens_per_second == pytest.approx(28, rel=0.05)
    twice = LAPTOP.model_copy(update={"read_speed": 108e9})
    assert estimate(entry("nib"), twice).tokens_per_second == pytest.approx(56, rel=0.05)


def test_a_model_that_is_too_large_is_said_to_be():
    assert estimate(entry("nib"), LAPTOP).problem == ""
    assert "this machine has 8.0 GB" in estimate(entry("skald"), LAPTOP).problem
    busy = LAPTOP.model_copy(update={"memory_free": 1_000_000_000})
    assert "1.0 GB of 8.0 GB are free" in estimate(entry("nib"), busy).problem
    full = LAPTOP.model_copy(update={"disk_free": 1_000_000_000})
    assert "the models folder has 1.0 GB left" in estimate(entry("nib"), full).problem


def test_memory_and_cores_of_a_container_are_its_limits(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("4000000000\n")
    (tmp_path / "memory.current").write_text("1500000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 500000000\n")
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    (tmp_path / "meminfo").write_text("MemTotal: 16000000 kB\nMemAvailable: 12000000 kB\n")
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "cgroup").write_text("0::/\n")
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    monkeypatch.setattr(resources, "CGROUPS", tmp_path)
    monkeypatch.setattr(resources, "PROC", tmp_path)
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 1024, "SC_PHYS_PAGES": 16_000_000}.get)
    assert machine.memory() == (4_000_000_000, 3_000_000_000)
    assert machine.cores() == 1
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.memory() == (16_384_000_000, 12_288_000_000)


def test_suggest_says_what_this_machine_has_and_what_each_would_need(monkeypatch):
    monkeypatch.setattr(machine, "look", lambda folder, read_speed: LAPTOP)
    said = io.StringIO()
    call_command("narrators", "suggest", stdout=said)
    text = said.getvalue()
    assert "memory: 8.0 GB, 6.0 GB free; cores: 4" in text
    assert "licence: Apache-2.0; 1.1 GB to fetch; 2.5 GB of memory; about 21 words a second" in text
    assert "not here: it needs 14.5 GB of memory" in text
    assert "estimates" in text
