"""Samples for training: what serving gives to the narrator, and each reply learnt once."""

import itertools
import json
import shutil
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from inference import prompts
from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.finetune.corpus import files_of, parse, read
from inference.finetune.prepare import Form, chatml, samples
from inference.finetune.trouble import CorpusError
from tests.inference.finetune.test_corpus import HEAD, OPENING, SHIPPED, STORY
from tests.prompting import count, narrator

FORMATS = ("transcript", "chat")
ENDS = {"transcript": "\n>", "chat": "<|im_end|>"}


def form(format, window=4096, **more):
    return Form(narrator(format, **more), count, chatml, window)


def served(story, turn, form):
    """The prompt that play would build for this turn of a story."""
    path = story.path_to(turn)
    request = GenerationRequest(
        adventure="a",
        turn="t",
        attempt=1,
        narrator="n",
        context=StoryContext(
            story=(Passage(kind="opening", reply=story.opening), *(t.passage for t in path[:-1])),
            turns=len(path),  # of the path before it, with the opening, as the game counts
            action=turn.passage.model_copy(update={"reply": ""}),
        ),
    )
    return prompts.build(request, form.narrator, form.count, form.render_chat, form.window).text


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("window", [4096, 700])
def test_every_reply_is_learnt_after_exactly_the_prompt_that_serving_builds(format, window):
    """Also where the window is too small for the whole story, and serving cuts it.

    Adventures with memory, cards and state: tests/game/training/test_corpus_as_played.py.
    """
    reading = form(format, window, max_tokens=120)
    plain = [file for file in files_of(SHIPPED)[::4] if "\nmemory:" not in file.read_text()]
    assert len(plain) > 10
    for story in [parse(STORY, "well.txt"), *map(read, plain)]:
        for sample in samples(story, reading):
            for number, (begin, end) in zip(sample.turns, sample.spans, strict=True):
                turn = story.turns[number - 1]
                assert sample.text[:begin] == served(story, turn, reading)
                assert sample.text[begin:end].startswith(turn.reply)


@pytest.mark.parametrize("format", FORMATS)
def test_a_reply_is_learnt_with_what_ends_it(format):
    (sample, *_) = samples(parse(STORY, "well.txt"), form(format))
    told = [sample.text[begin:end] for begin, end in sample.spans]
    assert told[0] == "Your voice comes back with a cough." + ENDS[format]
    assert told[2] == "A wet hand lays the bucket on the rim." + ENDS[format]
    # In a transcript Continue goes on where the reply stood: nothing says that it ended.
    ended = ENDS["chat"] if format == "chat" else ""
    assert told[1] == "Something scrapes along the stones." + ended


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("window", [4096, 400])
def test_each_reply_is_learnt_once_also_where_branches_share_it(format, window):
    for story in [parse(STORY, "well.txt"), read(SHIPPED / "sign-for-it.txt")]:
        made = list(samples(story, form(format, window)))
        learnt = [number for sample in made for number in sample.turns]
        assert sorted(learnt) == [turn.number for turn in story.turns]
        assert all(count(sample.text) <= window for sample in made)


def test_what_a_branch_shares_is_there_to_be_read():
    first, second, third = samples(parse(STORY, "well.txt"), form("transcript"))
    assert (first.turns, second.turns, third.turns) == ((1, 2, 3), (4,), (5,))
    assert second.text == (
        f"{OPENING}\n\nIt is noon.\n> You call down into the well.\nYour voice comes back with a "
        'cough.\n> You drop a pebble.\nNo splash comes. "Ow," says the well.\n>'
    )
    begin, end = second.spans[0]
    assert second.text[begin:end] == 'No splash comes. "Ow," says the well.\n>'


def test_a_long_path_is_several_samples_and_not_one_for_each_turn():
    story = read(SHIPPED / "frijol.txt")
    assert len(list(samples(story, form("transcript")))) == 1
    made = list(samples(story, form("transcript", 700, max_tokens=120)))
    assert 1 < len(made) < len(story.turns) / 2
    assert story.opening in made[0].text
    assert story.opening not in made[-1].text


def test_the_opening_and_the_actions_are_not_learnt():
    (sample, *_) = samples(parse(STORY, "well.txt"), form("chat"))
    learnt = "".join(sample.text[begin:end] for begin, end in sample.spans)
    for text in (OPENING, "You call down", "Who is there?", prompts.STYLE, prompts.BEGIN):
        assert text in sample.text
        assert text not in learnt


def test_what_is_begun_for_a_narrator_is_learnt_by_it():
    helped = form("chat", begun={"do": "You"})
    assert list(samples(parse(STORY, "w"), helped)) == list(
        samples(parse(STORY, "w"), form("chat"))
    )


def test_a_template_that_rewrites_what_was_said_gives_a_sample_a_turn():
    def rewriting(messages, begun):
        return chatml(messages, begun).replace("cough", "COUGH")

    story = parse(STORY, "well.txt")
    made = list(samples(story, Form(narrator("chat"), count, rewriting, 4096)))
    assert [sample.turns for sample in made] == [(1,), (2,), (3,), (4,), (5,)]


def test_a_template_that_does_not_show_where_an_answer_ends_is_refused():
    plain = Form(
        narrator("chat"), count, lambda messages, begun: "".join(m.content for m in messages), 4096
    )
    with pytest.raises(ValueError, match="where an answer ends"):
        list(samples(parse(STORY, "well.txt"), plain))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("place", ["action", "reply"])
def test_a_turn_longer_than_the_window_stops_with_its_line(format, place):
    long = "The rope moves up and down. " * 60
    action, reply = ("You " + long, "Yes.") if place == "action" else ("You pull.", long)
    story = parse(f"{HEAD}\n{OPENING}\n\n> {action.strip()}\n\n{reply.strip()}\n", "well.txt")
    with pytest.raises(CorpusError, match=r"well\.txt:8: turn 1 is longer than the window of 300"):
        list(samples(story, form(format, 300)))


def test_samples_are_the_same_every_time(tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for file in files_of(SHIPPED)[:12]:
        shutil.copy(file, corpus)
    for folder in ("one", "two"):
        out = str(tmp_path / folder)
        call_command("finetune", "prepare", str(corpus), "--out", out, stdout=StringIO())
    names = sorted(file.name for file in (tmp_path / "one").iterdir())
    sides = ("held-out", "train")
    assert names == [f"{f}-{side}.jsonl" for f, side in itertools.product(sorted(FORMATS), sides)]
    for name in names:
        one = (tmp_path / "one" / name).read_bytes()
        assert one == (tmp_path / "two" / name).read_bytes()
        for line in one.decode().splitlines():
            sample = json.loads(line)
            assert f"{sample['format']}-{sample['side']}.jsonl" == name
            assert len(sample["spans"]) == len(sample["turns"]) > 0


def test_preparing_what_cannot_be_read_says_where(tmp_path):
    (tmp_path / "a.txt").write_text("title: Nothing\n")
    with pytest.raises(CommandError, match=r"a\.txt:1: the header has no tags"):
        call_command("finetune", "prepare", str(tmp_path), "--out", str(tmp_path / "out"))


def test_preparing_needs_a_place_to_write(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("finetune", "prepare", str(SHIPPED), "--out", str(tmp_path / "taken"))


def test_a_narrators_own_style_and_template_are_used(tmp_path, settings):
    file = tmp_path / "narrators.yaml"
    file.write_text(
        "narrators:\n  - {name: p, line: x, engine: scripted, format: transcript, context: 4096}\n"
    )
    settings.INFERENCE = replace(settings.INFERENCE, narrators_file=file)
    out = tmp_path / "out"
    call_command(
        "finetune", "prepare", str(SHIPPED), "--out", str(out), "--narrator", "p", stdout=StringIO()
    )
    assert sorted(each.name for each in Path(out).iterdir()) == [
        "transcript-held-out.jsonl",
        "transcript-train.jsonl",
    ]
    with pytest.raises(CommandError, match="reads transcript, not chat"):
        call_command(
            *("finetune", "prepare", str(SHIPPED), "--out", str(out)),
            *("--narrator", "p", "--format", "chat"),
        )
