"""Each rule of a reply alone: what it says of a text, word by word and at the end of a sentence."""

import pytest

from inference.reply.draft import Draft, Shown
from inference.reply.given import Given
from inference.reply.phrases import Phrases
from inference.reply.rules import rules_for
from inference.reply.rules.bans import BannedPhrases
from inference.reply.rules.echoes import ActionAgain, NothingNew
from inference.reply.rules.loops import Loops
from inference.reply.rules.moderation import Moderation
from inference.reply.rules.person import SecondPerson
from inference.reply.rules.quotations import PlayersQuotation
from inference.reply.rules.reminder import ReminderSaid
from inference.reply.rules.repeats import BeginsAsBefore, RepeatedSentences
from inference.reply.rules.rule import Rule, Unit, plain
from inference.reply.rules.scaffolding import (
    GameTalk,
    GameTalkToCome,
    Parenthesis,
    Preamble,
    QuestionToPlayer,
)
from inference.reply.rules.speaking import Speaker
from inference.reply.rules.tense import PastTense

LONG = "Along the wall the lamps are lit by a boy with a long pole."


def given(action: str = "", recent: tuple[str, ...] = (), by_sentences: bool = True) -> Given:
    return Given("do", action, "", recent, (), by_sentences, None, None)


def draft_of(held: str = "", told: str = "", finished: tuple[str, ...] = ()) -> Draft:
    """A draft that showed `told`, finished some sentences, and holds the words of another."""
    draft = Draft(Shown(4000))
    draft.shown.text = told
    draft.sentences += finished
    for number, word in enumerate(held.split()):
        draft.add(word, " " if number or told else "")
        draft.hold(f" {word}" if number or told else word)
    return draft


def heard(rule: Rule, text: str, told: str = "", finished: tuple[str, ...] = ()) -> list[str]:
    """What `rule` says of each word of a sentence, all of which is held."""
    draft = draft_of(told=told, finished=finished)
    said = []
    for word in text.split():
        before, marks = draft.sentence, draft.marks
        draft.add(word, " " if before or told else "")
        draft.hold(f" {word}" if before or told else word)
        quoted = bool(marks) or draft.began_quoted
        unit = Unit(word, word, before, marks, quoted, plain(draft.sentence))
        verdict = rule.hear(unit, draft)
        said.append(verdict.fault or verdict.decision)
    return said


def test_a_preamble_waits_and_is_dropped():
    assert heard(Preamble(), "Here is the story:") == ["hold", "hold", "hold", "drop"]
    assert heard(Preamble(), "Here you are safe.")[-1] == "show"
    assert heard(Preamble(), "Sure!", told="You wait.") == ["show"]


def test_talk_about_the_game_ends_the_reply_and_waits_while_it_begins():
    assert heard(GameTalk(), "What do you do?") == ["show", "show", "show", "end"]
    assert heard(GameTalkToCome(), "What do you do?")[:3] == ["hold"] * 3
    assert heard(GameTalkToCome(), "What a day!")[-1] == "show"
    assert heard(GameTalk(), "1. Go", finished=("youwait",)) == ["end", "show"]


def test_the_end_counts_only_after_a_sentence():
    assert GameTalkToCome().close(draft_of("The end.", finished=("youwait",))).decision == "end"
    assert GameTalkToCome().close(draft_of("The end.")).decision == "show"


def test_a_sentence_in_parentheses_is_dropped_and_one_within_a_sentence_is_not():
    assert heard(Parenthesis(), "(No change.)") == ["hold", "hold"]
    assert heard(Parenthesis(), "It rings (twice) now.") == ["show"] * 4
    assert Parenthesis().close(draft_of("(Maud is dead.)")).decision == "drop"
    assert Parenthesis().close(draft_of("It rings (twice) now.")).decision == "show"


def test_a_question_to_the_player_ends_a_reply_that_has_words():
    assert QuestionToPlayer().close(draft_of("Where do you go?", told="Rain.")).decision == "end"
    assert QuestionToPlayer().close(draft_of("Where do you go?")).decision == "show"


def test_words_for_the_player_are_left_out():
    rule = Speaker(given())
    assert heard(rule, "You say hello.") == ["hold", "hold", "speaks"]
    assert heard(rule, "You say nothing.")[-1] == "show"
    assert heard(rule, "He nods, and you say yes.")[-1] == "speaks"
    assert heard(rule, "I wait.")[0] == "person"


def test_a_story_told_by_i_may_say_so():
    by_i = given(recent=("I open the door. I see a lamp.",))
    assert heard(Speaker(by_i), "I wait.") == ["show", "show"]
    assert SecondPerson(by_i).reword("my", draft_of("You see")) == "my"
    assert SecondPerson(given()).reword("my", draft_of("You see")) == "your"


def test_a_quotation_waits_for_whose_it_is():
    rule = PlayersQuotation(given())
    assert heard(rule, '"Stop it," you say.') == ["wait", "wait", "wait", "speaks"]
    assert heard(PlayersQuotation(given()), '"Stop it," he says.')[-2:] == ["show", "show"]


def test_the_action_again_is_dropped_before_it_is_shown():
    rule = ActionAgain(given("You look around."))
    assert heard(rule, "You look around.") == ["hold", "hold", "drop"]
    assert heard(ActionAgain(given("You look around.")), "You look up.")[-1] == "show"


def test_a_sentence_without_anything_new_is_left_out():
    rule = NothingNew(given("You light the lamps."))
    assert rule.close(draft_of("You're lighting the lamps.")).fault == "echo"
    assert rule.close(draft_of("You light the lamps, and one goes out.")).decision == "show"
    assert rule.finish(draft_of("You wait here.")).fault == "echo"


def test_the_past_tense_is_left_out_of_a_story_of_the_present():
    assert PastTense(given()).close(draft_of("He looked up.")).fault == "tense"
    assert PastTense(given()).close(draft_of("He looks up.")).decision == "show"
    in_past = given(recent=("He was tired and went home.",))
    assert PastTense(in_past).close(draft_of("He looked up.")).decision == "show"


def test_a_sentence_that_was_told_before_ends_the_reply():
    rule = RepeatedSentences(given(recent=(LONG,)))
    assert rule.close(draft_of(LONG)).fault == "repeats"
    assert heard(rule, "Along the wall")[-1] == "hold"
    assert heard(rule, "Along the river")[-1] == "show"
    twice = draft_of("You wait.", finished=("youwait", "youwait"))
    assert rule.close(twice).fault == "loop"


def test_a_reply_does_not_begin_as_a_recent_one():
    rule = BeginsAsBefore(given(recent=("You run. Rain falls.",)))
    assert rule.close(draft_of("You run.")).fault == "repeats"
    assert rule.close(draft_of("You run.", told="Rain.")).decision == "show"


def test_loops_end_the_reply():
    assert heard(Loops(given()), "and the door and the door and the door")[-1] == "loop"
    assert "repeats" in heard(Loops(given(recent=(LONG,))), LONG)


class Moderator:
    """Blocks one word."""

    def __init__(self) -> None:
        self.found = []
        self.blocked = None
        self.waits = False

    def hear(self, text: str) -> None:
        self.waits = "may" in text
        self.blocked = "bad" if "bad" in text else None

    def pause(self) -> None:
        self.waits = False


def test_what_a_host_blocks_is_erased():
    rule = Moderation(Moderator())
    assert rule.admit("good").decision == "show"
    assert rule.admit("maybe").decision == "show" and heard(rule, "maybe") == ["hold"]
    assert rule.admit("bad").decision == "erase"


def test_a_banned_phrase_is_not_let_through():
    rule = BannedPhrases(Phrases(["a testament to"]), "")
    assert rule.release("The tower is", 0) == "The tower is"
    assert rule.after_release().decision == "show"
    assert rule.release(" a testament to rain.", 12) == ""
    assert rule.after_release().fault == "banned"


def test_a_sentence_that_says_the_reminder_waits_for_its_end_and_is_left_out():
    rule = ReminderSaid("Tell what happens. The others and the world act, and I act again.")
    assert heard(rule, "The other characters and the world")[-1] == "hold"
    assert heard(rule, "The others run.") == ["hold", "hold", "hold"], "it may still be the world"
    assert heard(rule, "The lamp goes out.")[:2] == ["hold", "show"]
    assert rule.close(draft_of("The others and the World act.")).fault == "echo"
    assert rule.close(draft_of("The others run.")).decision == "show"


@pytest.mark.parametrize("rule", Rule.__subclasses__())
def test_each_rule_says_what_it_is_for(rule):
    assert rule.__doc__ and rule.__doc__ != Rule.__doc__


def test_every_rule_is_in_the_list():
    listed = rules_for(Given("do", "", "", (), (), True, Moderator(), Phrases(["one"]), "Go on."))
    classes = {type(rule) for field in vars(listed).values() for rule in field}
    assert classes == set(Rule.__subclasses__())
