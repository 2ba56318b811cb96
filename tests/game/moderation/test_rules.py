"""Rules: how they are written, what they find, and how little they cost."""

import codecs
import time
from pathlib import Path

import pytest
import yaml

from game.moderation.rulebook import SHIPPED, RulesError, parse_rules, rulebook
from inference.contract.screening import Rule, Screening
from inference.screening import Listener, PatternError, Screen, found_in, screen_for

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def screen(*patterns, unless=(), severity="block", **lists):
    rule = Rule(name="rule", severity=severity, patterns=patterns, unless=unless)
    return Screen(Screening(version="1", rules=(rule,), lists=lists))


def words(text, *patterns, **given):
    """What a rule finds in a text, in the text's own words."""
    return [each.words for each in found_in(text, screen(*patterns, **given))]


@pytest.mark.parametrize(
    ("pattern", "found", "passes"),
    [
        ("kill", ["Kill!", "to kill, and"], ["skill", "killer", "ki lo"]),
        ("kill*", ["killer", "killing"], ["skill"]),
        ("kill|stab him", ["kill him", "stab HIM"], ["kill her", "stab and kill"]),
        ("kill ...2 him", ["kill him", "kill all of him"], ["kill most part of him", "kill. Him"]),
        ("kill ... him", ["kill most part of him"], ["kill the most part of him"]),
        ("kill the? king", ["kill king", "kill the king"], ["kill a king"]),
        ("old !laptop|car", ["old", "old man", "old."], ["old laptop", "old car."]),
        ("(run over|hit) him", ["run over him", "hit him"], ["run him"]),
        ("room <n>", ["room 7", "room 1204"], ["room seven"]),
        ("call <n3> <n4>", ["call 555-1234"], ["call 555-12345", "call 55-1234"]),
        ("自殺", ["我想自殺嗎"], ["自己"]),
        ("убить", ["Убить!"], ["убитый"]),
    ],
)
def test_a_pattern_finds_what_it_says_and_nothing_else(pattern, found, passes):
    assert [text for text in found if not words(text, pattern)] == []
    assert [text for text in passes if words(text, pattern)] == []


@pytest.mark.parametrize(
    "disguised",
    [
        "KILL",
        "k1ll",
        "k!ll",
        "kіll",  # a Cyrillic і
        "ｋｉｌｌ",
        "𝓴𝓲𝓵𝓵",
        "ki\u200bll",
        "k\u00adill",
        "kíll",
        "kiiiill",
        "k i l l",
        "k.i.l.l",
        "k-i-l-l",
        "k_i_l_l",
        "kill's",
        "“kill”",
    ],
)
def test_a_disguised_word_is_found(disguised):
    assert words(f"now {disguised} him", "kill")


@pytest.mark.parametrize(
    "spelled",
    [
        "e.a.t q.u.i.n.c.e",
        "e.a.t. q.u.i.n.c.e.",
        "E-A-T Q-U-I-N-C-E-S",
        "e a t q u i n c e",
        "e.a.t.q.u.i.n.c.e",
        "eat q.u.i.n.c.e",
        "e_a_t quince",
        "w e e a t q u i n c e",
        "е.а.т q.u.i.n.c.e",  # Cyrillic
        "e.a.a.a.t q.u.i.i.i.n.c.e",
        "e a t m y q u i n c e",
        "e.a.t t.h.e v.e.r.y ripe q.u.i.n.c.e",
        "x x x x x x x x x x x x x x x x x x x x x x x x x x x x e a t q u i n c e",
        "r.u.n o.v.e.r h.i.m",
    ],
)
def test_words_that_are_spelled_out_in_a_row_are_found(spelled):
    assert words(f"now {spelled}", "eat ...3 quince*|plum", "run over him")


@pytest.mark.parametrize(
    "harmless",
    ["b.e.a.t q.u.i.n.c.e", "c-h-e-a-t quince", "s.k.i.l.l.e.d", "U.S.A. and F.B.I. Eat. Quince",
     "I a m a n a p e", "e.a.t bread. Q.u.i.n.c.e is fine"],
)  # fmt: skip
def test_a_spelled_out_word_begins_where_it_begins(harmless):
    assert not words(harmless, "eat ...3 quince*", "kill")


def test_spelled_out_words_cost_little():
    heard = screen("eat ...3 (quince*|plum|of pears)", "kill", "bomb kit")
    began = time.process_time()
    for text in ("e a t x ", "k i l ", "q u i n z "):
        found_in(text * 3_000, heard)
    assert time.process_time() - began < 3, "a character costs microseconds"


@pytest.mark.parametrize("harmless", ["kiln", "chill", "skills", "k 1 l", "Kil", "kil l"])
def test_what_only_resembles_a_word_is_not_it(harmless):
    assert not words(harmless, "kill")


def test_unless_counts_anywhere_in_the_sentence_of_a_whole_text():
    assert not words("they kill in the play", "kill", unless=("in the play",))
    assert words("they kill. It was in the play", "kill", unless=("in the play",))


def test_a_list_stands_for_its_words():
    assert words("eat the plums", "eat ... <fruit>", fruit=("plum*", "dried fig"))
    assert words("eat a dried fig", "eat ... <fruit>", fruit=("plum*", "dried fig"))


@pytest.mark.parametrize(
    "wrong",
    ["", "... kill", "kill ...", "kill ...99 him", "kill?", "!kill", "a? !b c", "(kill", "a !b? c",
     "a !(two words) b", "a|| b"],
)  # fmt: skip
def test_a_pattern_that_makes_no_sense_says_why(wrong):
    with pytest.raises(PatternError):
        screen(wrong)


def test_what_may_become_something_waits_and_is_let_go():
    listener = Listener(screen("kill ...2 him"))
    waits = []
    for word in ["They", "kill", "some", "time", "with", "him.", "Then", "kill", "him"]:
        listener.hear(word)
        waits.append(listener.waits)
    assert waits == [False, True, True, True, False, False, False, True, False]
    assert listener.blocked is not None


def test_only_rules_that_block_make_words_wait():
    listener = Listener(screen("kill ...2 him", severity="queue"))
    listener.hear("kill")
    assert not listener.waits


# The file


def test_the_shipped_rules_can_be_read():
    book = parse_rules(SHIPPED.read_text(), "rules.yaml")
    assert {"minors", "threats", "private-data", "self-harm", "hate"} <= {
        r.name for r in book.rules
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules: [", "rules.yaml"),
        ("rules:\n- {name: a, title: T, says: S, severity: stop, patterns: [x]}", "severity"),
        ("rules:\n- {name: a, title: T, says: S, severity: block, patterns: [<none>]}", "none"),
        ("rules:\n- {name: a, title: T, says: S, severity: block, patterns: ['... x']}", "begin"),
        ("surprise: 1", "surprise"),
    ],
)
def test_a_mistake_in_the_file_is_named(text, says):
    with pytest.raises(RulesError, match=says):
        parse_rules(text, "rules.yaml")


def test_rules_are_read_again_when_their_file_changes(rules):
    assert rulebook().version == "test-1"
    rules.write_text(rules.read_text().replace("test-1", "test-2 "))
    assert rulebook().version == "test-2"


def test_a_file_that_is_spoilt_leaves_the_rules_as_they_were(rules, caplog):
    assert rulebook().version == "test-1"
    rules.write_text("rules: [")
    for _ in range(3):
        assert rulebook().version == "test-1"
    assert caplog.text.count("stay as they were") == 1


def test_a_host_without_a_file_has_no_rules(settings):
    settings.RULES_FILE = None
    assert rulebook().screening("input", "everyone") is None


# What the shipped rules find


def phrases(name):
    """(text, the rule that should find it or "") of a file."""
    content = yaml.load((HERE / name).read_text(encoding="utf-8"), yaml.BaseLoader)
    yield from ((text, "") for text in content["harmless"])
    for section, read in (("harmful", str), ("coded", lambda text: codecs.decode(text, "rot13"))):
        for rule, texts in content.get(section, {}).items():
            yield from ((read(text), rule) for text in texts)


def measured(name, where="input"):
    """Harmless ones that were found, harmful ones that were not, and how many there are of each."""
    book = parse_rules(SHIPPED.read_text(), "rules.yaml")
    shipped = screen_for(book.screening(where, "teen"))
    wrong, missed, harmless, harmful = [], [], 0, 0
    for text, rule in phrases(name):
        found = [each for each in found_in(text, shipped) if each.severity != "note"]
        if rule:
            harmful += 1
            missed += [] if found else [(rule, text)]
        else:
            harmless += 1
            wrong += [(found[0].rule, text)] if found else []
    hits = harmful - len(missed)
    precision = hits / (hits + len(wrong))
    print(
        f"\n{name}: {harmless} harmless, {len(wrong)} found; {harmful} harmful, {hits} found; "
        f"precision {precision:.1%}, recall {hits / harmful:.1%}"
    )
    return wrong, missed, harmless, harmful


def test_there_are_phrases_enough():
    every = [*phrases("phrases.yaml"), *phrases("held_out.yaml")]
    assert len(every) >= 300
    assert len({text for text, _ in every}) == len(every)


@pytest.mark.parametrize("name", ["phrases.yaml", "held_out.yaml"])
def test_the_shipped_rules_mind_nothing_harmless(name):
    wrong, _, _, _ = measured(name)
    assert wrong == []


def test_the_shipped_rules_find_what_is_harmful():
    _, missed, _, harmful = measured("held_out.yaml")
    assert 1 - len(missed) / harmful >= 0.8
    _, missed, _, harmful = measured("phrases.yaml")
    assert 1 - len(missed) / harmful >= 0.95


def test_the_shipped_rules_mind_no_word_of_our_own_stories():
    book = parse_rules(SHIPPED.read_text(), "rules.yaml")
    shipped = screen_for(book.screening("publish", "everyone"))
    files = [*ROOT.glob("data/adventures/*.txt"), *ROOT.glob("game/beginnings/*.yaml")]
    assert len(files) > 50
    for file in files:
        assert found_in(file.read_text(encoding="utf-8"), shipped) == [], file.name


@pytest.mark.parametrize(
    "told",
    [
        "He is the blackest man you ever laid eyes on.",
        "The darkest skinned woman of the crew steps forward.",
        "A half-breed stands at the bar.",
    ],
)
def test_a_narrator_does_not_tell_of_people_by_their_skin(told):
    book = parse_rules(SHIPPED.read_text(), "rules.yaml")
    assert found_in(told, screen_for(book.screening("output", "everyone")))


@pytest.mark.parametrize(
    "told",
    [
        "It is the blackest night of the year, and the man has no lamp.",
        "She wears the darkest coat. The brownest bread lies on the board.",
        "The water is black as the people of the coast say it is.",
        "A black man and a white woman are dancing.",
    ],
)
def test_colours_and_people_may_be_told_of(told):
    book = parse_rules(SHIPPED.read_text(), "rules.yaml")
    assert found_in(told, screen_for(book.screening("output", "everyone"))) == []


def test_screening_is_no_more_than_a_glance():
    """Generous: a word took 2 microseconds alone on the machine where this was written."""
    book = parse_rules(SHIPPED.read_text(), "rules.yaml")
    shipped = screen_for(book.screening("input", "everyone"))
    text = "I take the lamp from its hook and go down the stairs to see who knocks. " * 20
    found_in(text, shipped)
    began = time.process_time()
    for _ in range(10):
        found_in(text, shipped)
    assert (time.process_time() - began) / 10 < 0.05
