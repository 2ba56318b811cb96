"""Adventures in text files: what can be read, what is complained of, who is held out."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from inference.finetune.corpus import files_of, parse, read
from inference.finetune.rules import MEASURE, check, sum_of
from inference.finetune.split import side_of
from inference.finetune.trouble import CorpusError

SHIPPED = Path(__file__).resolve().parents[3] / "data" / "adventures"
HEAD = "title: The Well\ntags: cave, short\nauthor: Ada\nlicence: CC0-1.0\n"
OPENING = "You sit on the rim of the well. The bucket is gone."
STORY = f"""{HEAD}
{OPENING}

It is noon.

> You call down into the well.

Your voice comes back with a cough.

> You say "Who is there?"

Something scrapes along the stones.

>

A wet hand lays the bucket on the rim.

=== after 1

> You drop a pebble.

No splash comes. "Ow," says the well.

=== after 0

> You walk away.

The bucket rolls after you.
"""
# One turn is enough for most rules: here no length is minded.
ANY = replace(MEASURE, opening=(1, 999), reply=(1, 999), turns=(1, 99))


def adventure(reply="The rope moves.", action="You wait.", opening=OPENING, file="a.txt", **header):
    fields = {"title": "T", "tags": "t", "author": "A", "licence": "CC0-1.0", **header}
    head = "".join(f"{name}: {value}\n" for name, value in fields.items())
    return parse(f"{head}\n{opening}\n\n> {action}\n\n{reply}\n", file)


def complaints(*adventures, measure=ANY):
    return [str(each) for each in check(adventures, measure)]


# ---- the shape


def test_a_file_holds_an_opening_and_turns_as_they_are_played():
    story = parse(STORY, "well.txt")
    assert (story.title, story.tags, story.author) == ("The Well", ("cave", "short"), "Ada")
    assert story.opening == f"{OPENING}\n\nIt is noon."
    assert [(turn.kind, turn.action) for turn in story.turns[:3]] == [
        ("do", "You call down into the well."),
        ("say", "Who is there?"),
        ("continue", ""),
    ]
    assert [turn.line for turn in story.turns] == [10, 14, 18, 24, 30]
    assert story.turns[3].reply == 'No splash comes. "Ow," says the well.'


def test_a_tree_yields_every_path_from_the_opening_to_a_leaf():
    story = parse(STORY, "well.txt")
    assert [[turn.number for turn in path] for path in story.paths] == [[1, 2, 3], [1, 4], [5]]


def test_a_branch_may_grow_from_a_branch():
    more = STORY + "\n=== after 4\n\n> You throw a coin.\n\nIt is thrown back.\n"
    paths = parse(more, "well.txt").paths
    assert [[turn.number for turn in path] for path in paths] == [[1, 2, 3], [5], [1, 4, 6]]


def test_line_ends_of_windows_are_read_like_others(tmp_path):
    (tmp_path / "well.txt").write_bytes(STORY.replace("\n", "\r\n").encode())
    assert read(tmp_path / "well.txt").turns == parse(STORY, "well.txt").turns


@pytest.mark.parametrize(
    ("change", "to", "line", "what"),
    [
        ("title: The Well\n", "", 1, "the header has no title"),
        ("tags: cave, short\n", "mood: dark\n", 2, "the header has title, tags"),
        ("author: Ada\n", "author: Ada\nauthor: Bob\n", 4, "author is there twice"),
        ("licence: CC0-1.0\n\n", "licence: CC0-1.0\n", 5, "the header has title"),
        ('No splash comes. "Ow," says the well.\n', "", 24, "the action has no reply"),
        ("The bucket rolls after you.\n", "", 30, "the action has no reply"),
        ("> You call", ">You call", 10, "a space belongs between > and the action"),
        ("noon.\n\n>", "noon.\n>", 9, "an empty line belongs before this"),
        ("well.\n\nYour", "well.\nYour", 11, "an empty line belongs before this"),
        ("=== after 1", "=== after 9", 22, "an earlier turn (0 to 2), not to 9"),
        ("=== after 1", "=== after 3", 22, "an earlier turn (0 to 2), not to 3"),
        ("=== after 1", "=== behind 1", 22, "a branch begins with `=== after N`"),
        ("=== after 1\n\n", "=== after 1\n\nHm.\n\n", 24, "a branch begins with an action"),
        ("> You walk away.\n\nThe bucket rolls after you.\n", "", 28, "the branch has no turns"),
        ("=== after 0", "=== after 0\n\n=== after 0", 28, "the branch has no turns"),
        (f"{OPENING}\n\nIt is noon.\n\n", "", 6, "there is no opening"),
    ],
)
def test_what_breaks_the_shape_is_named_with_file_and_line(change, to, line, what):
    assert change in STORY
    broken = STORY.replace(change, to)
    with pytest.raises(CorpusError) as error:
        parse(broken, "well.txt")
    assert what in str(error.value)
    assert str(error.value).startswith(f"well.txt:{line}: ")


def test_a_file_without_turns_is_no_adventure():
    with pytest.raises(CorpusError, match="no turns"):
        parse(f"{HEAD}\n{OPENING}\n", "well.txt")


@pytest.mark.parametrize(
    ("content", "line"),
    [(STORY.replace("noon", "no\u00f6n").encode("latin-1"), 8), (STORY.encode("utf-8-sig"), 1)],
)
def test_another_encoding_is_refused_with_its_line(tmp_path, content, line):
    (tmp_path / "well.txt").write_bytes(content)
    with pytest.raises(CorpusError, match=rf"well\.txt:{line}: "):
        read(tmp_path / "well.txt")


def test_an_empty_folder_is_refused_in_one_line(tmp_path):
    with pytest.raises(CorpusError, match="holds no adventures"):
        files_of(tmp_path)
    with pytest.raises(CorpusError, match="is no folder"):
        files_of(tmp_path / "nowhere")


# ---- the rules


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"reply": "The rope moves and"}, "does not end with a sentence's end"),
        ({"reply": "I pull the rope."}, "the narrator speaks of 'I'"),
        ({"reply": "The rope burns my hand."}, "the narrator speaks of 'my'"),
        ({"reply": "He went to the well. He looked down and said nothing."}, "in the past tense"),
        ({"reply": "The rope moves. You say nothing good, then you shout at it."}, "speaks or"),
        ({"reply": 'The rope moves. "Who is there?" you ask.'}, "speaks or decides"),
        ({"reply": "The rope moves, and you decide to leave."}, "speaks or decides"),
        ({"reply": "The rope moves. What do you do?"}, "asks the player"),
        ({"reply": "The rope moves. Will you pull it?"}, "asks the player"),
        ({"reply": "A chill runs down your spine."}, "told too often"),
        ({"reply": 'The rope says "Ow.'}, "a quotation is not closed"),
        ({"reply": "The rope<|im_end|> moves."}, "template tokens"),
        ({"action": "I wait."}, "would show this action as 'You wait.'"),
        ({"action": "The rope breaks."}, "begins with You"),
        ({"opening": "The well is deep. The bucket is gone."}, "never says you"),
        ({"title": "T" * 61}, "the title is longer"),
        ({"tags": "cave, cave"}, "tags are"),
        ({"licence": "do what you like"}, "SPDX"),
    ],
)
def test_each_slip_is_complained_of(changed, what):
    assert complaints(adventure()) == []
    (found,) = complaints(adventure(**changed))
    assert what in found
    assert found.startswith("a.txt:")


@pytest.mark.parametrize(
    "reply",
    [
        '"I went home," he says. "I told you so. What do you do?"',
        "The man who taught you to shave is at the door. You had it from him.",
        "You say nothing. He holds up a card: I WAS TOLD TO WAIT.",
        '"Will you take it?" she asks, and holds it out.',
    ],
)
def test_what_people_in_the_story_say_is_theirs(reply):
    assert complaints(adventure(reply)) == []


def test_lengths_are_minded():
    found = complaints(adventure(), measure=MEASURE)
    assert [text.split(": ", 1)[1].split(",")[0] for text in found] == [
        "its longest path has 1 turns",
        "the opening has 12 words",
        "the reply has 3 words",
    ]


def test_a_turn_longer_than_the_window_is_complained_of():
    (found,) = complaints(adventure("The rope moves. " * 220 + "It stops."))
    assert found == "a.txt:8: the turn is longer than the window of 1024 tokens"


def test_words_that_stand_twice_in_one_file_are_found():
    twice = "The long rope that hangs in the well begins to move again by itself."
    story = parse(
        f"{HEAD}\n{OPENING}\n\n> You wait.\n\n{twice}\n\n> You pull.\n\nOw. {twice}\n", "a.txt"
    )
    (found,) = complaints(story)
    assert found.startswith("a.txt:14: repeats line 10: ")


def test_the_same_adventure_under_another_name_is_found():
    text = (SHIPPED / "flat-four.txt").read_text()
    other = text.replace("title: Flat Four", "title: Nobody's Bath").replace("Chidi", "Tom")
    (found,) = complaints(parse(text, "a.txt"), parse(other, "b.txt"))
    assert found.startswith("b.txt:1: is nearly the same as a.txt")


def test_two_files_may_not_have_one_title():
    first, second = adventure(), adventure("A bell rings.", opening="You wake.", file="b.txt")
    assert complaints(first, second) == ["b.txt:1: has the same title as a.txt"]


def test_words_may_not_leak_from_training_to_what_measures_it():
    run = "nine geese in blue aprons walk round the table counting the spoons aloud"
    filler = " ".join(f"Word{n} falls off shelf{n} into box{n}." for n in range(30))
    here = adventure(f"{filler} Then {run}.", title=title_on("train"))
    there = adventure(f"Slowly {run}.{filler[::-1]}.", title=title_on("held-out"), file="b.txt")
    assert any("on the other side of the split" in text for text in complaints(here, there))
    same = adventure(f"Slowly {run}.{filler[::-1]}.", title=title_on("train", 1), file="b.txt")
    assert complaints(here, same) == complaints(same)


def title_on(side, which=0):
    return [f"Title {n}" for n in range(99) if side_of(f"Title {n}") == side][which]


# ---- the split


def test_the_split_does_not_depend_on_what_else_is_there():
    sides = [side_of(f"The {n}th Door") for n in range(2000)]
    assert 0.12 < sides.count("held-out") / 2000 < 0.18
    assert side_of("The  MARE Who Answered ") == side_of("The Mare Who Answered")
    # These stay for as long as there is a corpus: figures are compared across years.
    assert side_of("The Mare Who Answered") == "held-out"
    assert side_of("Back in a Minute") == "train"


def test_a_larger_share_only_adds():
    titles = [f"The {n}th Door" for n in range(300)]
    small = {title for title in titles if side_of(title, 0.1) == "held-out"}
    large = {title for title in titles if side_of(title, 0.3) == "held-out"}
    assert small < large


# ---- what is shipped


def test_our_own_adventures_pass():
    adventures = [read(file) for file in files_of(SHIPPED)]
    assert [str(each) for each in check(adventures)] == []
    found = sum_of(adventures)
    assert found.files >= 60
    assert found.words >= 45_000
    assert {each.licence for each in adventures} == {"CC0-1.0"}
    assert all(any(side_of(a.title) == side for a in adventures) for side in ("train", "held-out"))


def test_each_of_ours_stands_in_the_table_of_readers():
    table = (SHIPPED / "README.md").read_text()
    rows = [line for line in table.splitlines() if line.startswith("| [")]
    for story in map(read, files_of(SHIPPED)):
        (row,) = [row for row in rows if f"]({Path(story.file).name})" in row]
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[0].startswith(f"[{story.title}]")
        assert cells[2:5] == [str(story.words), str(len(story.turns)), "author, second reader"]
    assert len(rows) == len(files_of(SHIPPED))


# ---- the command


def run(*args):
    out = StringIO()
    call_command("finetune", *args, stdout=out)
    return out.getvalue()


def test_the_check_sums_up_what_there_is():
    rows = run("check", str(SHIPPED)).splitlines()
    assert rows[0].split() == ["files", "turns", "words", "paths"]
    train, held_out, all_of_them = (list(map(int, row.split()[1:])) for row in rows[1:4])
    assert [a + b for a, b in zip(train, held_out, strict=True)] == all_of_them


def test_the_check_fails_and_names_every_place(tmp_path):
    (tmp_path / "a.txt").write_text(STORY.replace("scrapes along the stones.", "scrapes"))
    (tmp_path / "b.txt").write_bytes(b"title: \xff")
    out = StringIO()
    with pytest.raises(CommandError) as error:
        call_command("finetune", "check", str(tmp_path), stdout=out)
    assert error.value.returncode == 1
    assert f"{tmp_path}/a.txt:16: does not end" in out.getvalue()
    assert f"{tmp_path}/b.txt:1: is not UTF-8" in out.getvalue()


def test_the_check_of_an_empty_folder_is_one_line(tmp_path):
    with pytest.raises(CommandError, match="holds no adventures"):
        run("check", str(tmp_path))
