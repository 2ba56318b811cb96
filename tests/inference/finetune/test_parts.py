"""Adventures with memory, cards, a state, dice and recalled turns: read, checked, asked for."""

import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from game.cards import card_import, options
from game.models import limits
from game.play import dice
from inference.contract.outcomes import OUTCOME_LINES
from inference.contract.request import Card
from inference.contract.world import Person, Thing
from inference.finetune import part_rules
from inference.finetune.corpus import OUTCOMES, parse, words_of
from inference.finetune.playing import Played
from inference.finetune.prepare import samples
from inference.finetune.trouble import CorpusError
from tests.inference.finetune.test_corpus import ANY, complaints
from tests.inference.finetune.test_samples import form

DOCS = Path(__file__).resolve().parents[3] / "docs"
HEAD = """title: The Well
tags: cave, short
author: Ada
licence: CC0-1.0
memory: You are Ada, who digs wells.
note: Dry.
card: the bucket | bucket, pail | It is Bram's bucket.
pinned card: the door | | The door opens inward.
place: the rim
time: noon
person: Bram, here, impatient
person: Teague, dead
carry: lantern
aim: fetch the bucket
fact: The rope was new in spring.
hidden fact: Teague is under the stair.
"""
OPENING = "You sit on the rim of the well. The bucket is gone. Bram counts his eleven marks."
STORY = f"""{HEAD}
{OPENING}

> You call down to Teague.

Your voice comes back with a cough.

> You pull on the rope.
dice: failure
lost: lantern
person: Bram, gone

The knot gives, and the lantern goes down after it.

> You wait.

A frog climbs out and looks at the sun.

> You feed the frog.

It would rather have the fly.

> You measure the shadow.

Four feet. It was three a moment ago.

> You say "Is it late?"

The frog shuts one eye.

> You count the marks.
dice: success at a cost
earlier: Bram counts his eleven marks.
done: fetch the bucket
forget: lantern

Eleven, and one of them is lead. Your thumb goes black with it.

> You spit.

It takes a while to land.
"""


def story(text=STORY, file="well.txt"):
    return parse(text, file)


def changed(before, after):
    assert before in STORY
    return STORY.replace(before, after, 1)


# ---- the shape


def test_a_header_has_what_an_adventure_is_begun_with():
    header = story().header
    assert header.memory == "You are Ada, who digs wells."
    assert header.note == "Dry."
    assert story().cards == (
        Card(title="the bucket", keys=("bucket", "pail"), text="It is Bram's bucket."),
        Card(title="the door", keys=(), text="The door opens inward.", pinned=True),
    )
    assert header.language == "en"


def test_the_words_of_the_dice_are_those_of_play():
    assert {OUTCOMES[label] for label in dice.OUTCOME_LABELS.values()} == set(OUTCOME_LINES)
    turn = story().turns[1]
    assert turn.passage.outcome == dice.OUTCOME_LINES["failure"]


def test_a_card_may_have_bars_in_its_text():
    (card, _) = story(changed("It is Bram's bucket.", "A | B | C")).cards
    assert card.text == "A | B | C"


def test_several_players_act_by_name():
    text = STORY.replace("memory: You are Ada, who digs wells.", "players: Ada, Ada Mae")
    text = text.replace("> You say", "> Ada says").replace("> You ", "> Ada Mae ")
    turns = story(text).turns
    assert (turns[0].player, turns[0].shown) == ("Ada Mae", "Ada Mae call down to Teague.")
    assert (turns[5].kind, turns[5].action, turns[5].player) == ("say", "Is it late?", "Ada")
    assert turns[5].shown == 'Ada says "Is it late?"'
    with pytest.raises(CorpusError, match=r"well\.txt:20: an action names who acts"):
        story(STORY.replace("note: Dry.", "players: Ada, Bram"))


@pytest.mark.parametrize(
    ("before", "after", "line", "what"),
    [
        ("note: Dry.", "note: Dry.\nnote: Wet.", 7, "note is there twice"),
        ("note: Dry.", "note:", 6, "nothing follows note"),
        ("note: Dry.", "mood: dry", 6, "may have language, players, memory"),
        ("note: Dry.", "language: tlh", 6, "language: is one of en, zh"),
        ("note: Dry.", "players: Ada", 6, "at least two players"),
        ("note: Dry.", "before: many", 6, "before: is the number of turns"),
        ("note: Dry.", "summary: She dug.", 6, "say how many, as in `before: 30`"),
        ("| bucket, pail |", "bucket, pail", 7, "a card is `card: its title"),
        ("| bucket, pail |", "| |", 7, "has no key"),
        ("Bram, here, impatient", "Bram, here, away", 11, "contradict each other"),
        ("carry: lantern", "carry:", 13, 'nothing follows "carry:"'),
        ("aim: fetch", f"aim: {'x' * 200} fetch", 14, "characters, and the limit is 200"),
        ("aim: fetch", "aim: a\n" * 5 + "aim: fetch", 19, "more than 5 aims"),
        ("dice: failure", "dice: 7", 25, "dice: is one of disaster, failure, success at a cost"),
        ("dice: failure", "dice: failure\ndice: failure", 26, "dice is there twice"),
        ("dice: failure", "mood: failure", 25, "an empty line belongs before this, or it is one"),
        ("dice: failure", "dice:", 25, "nothing follows dice:"),
        ("> You wait.", ">\ndice: success", 32, "nothing is rolled for Continue"),
        ("> You wait.", "> You wait.\n> You wait.", 32, "an empty line belongs before this"),
        ("earlier: Bram", "earlier: Teague", 49, "no turn before says this, word for word"),
        ("\n\nIt takes a while to land.", "\ndice: success", 55, "the action has no reply"),
    ],
)
def test_a_wrong_part_is_named_with_file_and_line(before, after, line, what):
    with pytest.raises(CorpusError) as error:
        story(changed(before, after))
    assert str(error.value).startswith(f"well.txt:{line}: ")
    assert what in str(error.value)
    assert "\n" not in str(error.value)


def test_characters_are_counted_where_words_have_no_spaces():
    assert words_of("The rope moves.") == 3
    assert words_of("绳子动了一下。") == 4
    assert words_of("Bram 拉绳子。") == 3


# ---- what the narrator is asked


def test_the_state_is_what_the_author_declares_and_what_rules_read():
    text = changed("A frog climbs out and looks at the sun.", "You take the spoon.")
    played = Played(story(text))
    turns = story(text).turns
    world = played.request(turns[0]).context.world
    assert (world.place, world.time, world.aims) == ("the rim", "noon", ("fetch the bucket",))
    assert world.people == (
        Person(name="Bram", here=True, mood="impatient"),
        Person(name="Teague", life="dead"),
    )
    assert world.hidden == ("Teague is under the stair.",)
    world = played.request(turns[2]).context.world
    assert world.things == (Thing(name="lantern", held="lost"),)
    assert world.people[0].life == "gone"
    world = played.request(turns[3]).context.world
    assert Thing(name="spoon", held="carried") in world.things
    world = played.request(turns[7]).context.world
    assert world.aims == ()
    assert [thing.name for thing in world.things] == ["spoon"]


def test_where_nothing_is_declared_nothing_is_known():
    head = "".join(f"{line}\n" for line in HEAD.splitlines()[:4])
    plain = story(
        f"{head}\n{OPENING}\n\n> You take the spoon.\n\nMara arrives.\n\n> You go.\n\nMud.\n"
    )
    assert all(Played(plain).request(turn).context.world is None for turn in plain.turns)


def test_a_turn_that_is_recalled_has_left_the_prompt_with_all_before_it():
    long = story()
    before, recalling, after = (Played(long).request(long.turns[n]).context for n in (5, 6, 7))
    assert (len(before.story), before.turns, before.earlier) == (6, 6, ())
    assert before.story[0].reply == OPENING
    assert [each.text for each in recalling.earlier] == ["Bram counts his eleven marks."]
    assert (recalling.earlier[0].number, recalling.earlier[0].by_action) == (0, True)
    assert recalling.story[0].action == "You call down to Teague."
    assert recalling.turns == 7
    assert after.story[0].action == "You call down to Teague.", "it does not come back"
    assert after.earlier == ()


def test_what_was_told_before_the_opening_may_be_recalled():
    text = changed("note: Dry.", "before: 30\nsummary: Ada dug for a week.")
    text = text.replace("earlier: Bram counts", "earlier: Bram once counted")
    found = Played(story(text)).request(story(text).turns[6]).context
    assert found.summary == "Ada dug for a week."
    assert found.story[0].reply == OPENING
    assert (found.turns, found.earlier[0].number) == (37, 0)


# ---- the samples


@pytest.mark.parametrize("format", ["transcript", "chat"])
@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("every", [1, 3])
def test_each_reply_is_learnt_once_whatever_parts_there_are(format, beside, every):
    made = list(samples(story(), form(format, cards_beside_action=beside), every=every))
    assert sorted(number for each in made for number in each.turns) == list(range(1, 9))
    for sample in made:
        for number, (begin, end) in zip(sample.turns, sample.spans, strict=True):
            assert sample.text[begin:end].startswith(story().turns[number - 1].reply)
    # Without cards beside the action the state stands far from it, and moves but rarely.
    if beside:  # else the state stands far from the action, and often stays where it is
        assert len(made) == 8 if every == 1 else len(made) < 8


def test_most_turns_may_be_learnt_within_others_and_what_is_recalled_never():
    plain = story(changed("note: Dry.\n", ""))
    made = list(samples(plain, form("chat", cards_beside_action=True), every=3))
    assert [each.turns for each in made] == [(2,), (1, 3, 4, 5), (6,), (7,), (8,)]


# ---- the rules


def said(text):
    return complaints(story(text), measure=ANY)


def test_the_parts_of_a_good_adventure_pass():
    assert said(STORY) == []
    # What rules read in the same turn may be forgotten, too.
    read = changed("A frog climbs out", "You take the spoon. A frog climbs out")
    assert said(read.replace("> You wait.", "> You wait.\nforget: spoon")) == []


def test_the_examples_of_the_pages_are_adventures():
    for page in ("finetuning", "writing-adventures"):
        text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
        examples = re.findall(r"```text\n(title: .*?)```", text, re.DOTALL)
        assert examples
        for example in examples:
            assert said(example) == [], page


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("bucket, pail", "pail", "7: the card 'the bucket' never fires"),
        (
            "card: the bucket",
            "card: The Door | rim | Oak.\ncard: the bucket",
            "'the door' is there",
        ),
        ("note: Dry.", f"note: {'x' * 2001}", "6: note is longer than 2,000 characters"),
        ("It is Bram's bucket.", "x" * 2001, "7: the card's text is longer"),
        ("bucket, pail", f"bucket, {'x' * 201}", "7: a card has at most 50 keys of 200"),
        (
            "A frog",
            '"No," says Teague. A frog',
            "33: the reply contradicts the state before it: Teag",
        ),
        ("person: Bram, gone", "person: Brahm, gone", "27: neither the state nor this turn's text"),
        ("forget: lantern", "forget: spoon", "51: forget: 'spoon' is not in the state"),
        ("done: fetch the bucket", "done: sleep", "50: done: 'sleep' is not in the state"),
        ("fact: The rope was new", "fact: Geese swam here", "15: no prompt ever says 'Geese"),
        ("> You call down to Teague.", "> You call.", "12: no prompt ever says 'Teague is dead.'"),
        (
            "earlier: Bram counts his eleven marks.",
            "earlier: A frog climbs",
            "49: recalls what was",
        ),
    ],
)
def test_each_slip_in_a_part_is_complained_of(before, after, what):
    (found,) = said(changed(before, after))
    assert what in found


def test_players_who_never_act_and_a_you_that_is_nobody_are_found():
    text = STORY.replace("memory: You are Ada, who digs wells.", "players: Ada, Bo").replace(
        "> You ", "> Ada "
    )
    found = said(text)
    assert any("the player 'Bo' never acts" in each for each in found)
    assert any("'You' may be any of the players: name them" in each for each in found)


GERMAN = """title: Der Brunnen
tags: Höhle
author: Ada
licence: CC0-1.0
language: de
place: der Brunnen

Du sitzt auf dem Rand des Brunnens. Der Eimer ist weg, und das Seil mit ihm. Es war ein gutes Seil.

> Du ziehst am Seil.
dice: failure

Der Knoten gibt nach, und die Laterne fällt dem Eimer hinterher, ohne dass du etwas tun kannst.

> You say "Wer ist da?"

„Niemand“, sagt jemand unten, und dann ist es so still wie vorher, nur dass du nicht allein bist.
"""
CHINESE = """title: 井
tags: 洞穴
author: Ada
licence: CC0-1.0
language: zh

你坐在井沿上。水桶不见了，绳子也跟着不见了。那是一根好绳子。

> 你拉了拉绳子。

绳结松开了，灯笼跟着掉下去，转着圈，越来越小，最后看不见了。

> You say "谁在那儿？"

“没有人，”下面有人说。然后又安静了，只是你不再是一个人。
"""


@pytest.mark.parametrize("text", [GERMAN, CHINESE])
def test_adventures_in_other_languages_are_read_by_their_own_rules(text):
    assert said(text) == []


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("language: de", "language: fr", "5: this reads as German, not French: say `language"),
        ("language: de\n", "", "1: this reads as German, not English: say `language"),
        ("Der Knoten gibt", "Ich lache. Der Knoten gibt", "the narrator speaks of 'Ich'"),
        ("Der Knoten gibt", "Du fragst, wie spät es ist. Der Knoten gibt", "speaks or decides"),
        ("etwas tun kannst.", "etwas tun kannst. Was tust du?", "asks the player"),
        (
            "Der Knoten gibt nach, und die Laterne fällt dem Eimer hinterher, ohne dass du etwas",
            "The knot gives, and the lantern goes down after the bucket with a sound like that of "
            "a plate in the house of your aunt, and there is nothing that you",
            "13: this reads as English, not German",
        ),
    ],
)
def test_a_slip_in_another_language_is_found(before, after, what):
    assert before in GERMAN
    assert any(what in each for each in said(GERMAN.replace(before, after, 1)))


def test_what_is_repeated_is_found_in_chinese_too():
    twice = "绳结松开了，灯笼跟着掉下去，转着圈，越来越小，最后看不见了"
    (found,) = said(CHINESE.replace("“没有人，”下面有人说", f"{twice}。“没有人，”下面有人说"))
    assert "repeats line 11" in found


def test_the_limits_are_those_of_play():
    assert part_rules.LONGEST_TEXT == limits.LONGEST_TEXT
    assert part_rules.LONGEST == {
        "memory": limits.LONGEST_MEMORY,
        "note": limits.LONGEST_NOTE,
        "summary": limits.LONGEST_SUMMARY,
    }
    assert part_rules.LONGEST_CARD == limits.LONGEST_NOTE
    assert part_rules.LONGEST_TITLE == card_import.LONGEST_TITLE
    assert part_rules.LONGEST_KEY == options.LONGEST_KEY
    assert part_rules.MOST_KEYS == options.MOST_KEYS


# ---- for writers


def test_a_writer_sees_what_the_narrator_is_given(tmp_path):
    file = tmp_path / "well.txt"
    file.write_text(STORY, encoding="utf-8")
    out = StringIO()
    call_command("finetune", "show", str(file), stdout=out)
    shown = out.getvalue().splitlines()
    assert shown[0] == "turn 1, line 20: > You call down to Teague."
    place = shown.index("turn 7, line 47: > You count the marks.")
    assert shown[place + 1 : place + 7] == [
        "    the story from turn 1 on",
        "    card: the door",
        "    Earlier: Bram counts his eleven marks.",
        "    Now: Teague is under the stair. Open aim: fetch the bucket. Place: the rim, noon.",
        "    dice: The attempt succeeds: what was attempted happens, but at a cost.",
        "turn 8, line 55: > You spit.",
    ]


def test_samples_stay_where_one_adventure_is_wrong(tmp_path):
    corpus, out = tmp_path / "corpus", tmp_path / "out"
    corpus.mkdir()
    (corpus / "well.txt").write_text(STORY, encoding="utf-8")
    call_command("finetune", "prepare", str(corpus), "--out", str(out), stdout=StringIO())
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    (corpus / "bad.txt").write_text(changed("dice: failure", "dice: 7"), encoding="utf-8")
    with pytest.raises(CommandError, match=r"bad\.txt:25: dice: is one of disaster"):
        call_command("finetune", "prepare", str(corpus), "--out", str(out), stdout=StringIO())
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before
