"""Rules that a reply is checked against: one file for each, or for a few of a kind.

CONTRIBUTING.md says how to add one.
"""

from inference.reply.given import Given
from inference.reply.rules.bans import BannedPhrases
from inference.reply.rules.echoes import ActionAgain, NothingNew
from inference.reply.rules.joined_words import JoinedWords
from inference.reply.rules.loops import Loops
from inference.reply.rules.moderation import Moderation
from inference.reply.rules.person import SecondPerson
from inference.reply.rules.quotations import PlayersQuotation
from inference.reply.rules.reminder import ReminderSaid
from inference.reply.rules.repeats import BeginsAsBefore, RepeatedSentences
from inference.reply.rules.rule_list import RuleList
from inference.reply.rules.scaffolding import (
    GameTalk,
    GameTalkToCome,
    Parenthesis,
    Preamble,
    QuestionToPlayer,
)
from inference.reply.rules.speaking import Speaker
from inference.reply.rules.tense import PastTense
from inference.reply.rules.world import WorldContradicted


def rules_for(given: Given) -> RuleList:
    """The rules of a reply, at its start."""
    moderation = (Moderation(given.moderator),) if given.moderator is not None else ()
    reminder = (ReminderSaid(given.reminder),) if given.reminder else ()
    preamble, game_talk, to_come = Preamble(), GameTalk(), GameTalkToCome()
    parenthesis = Parenthesis()
    question, speaker, quotation = QuestionToPlayer(), Speaker(given), PlayersQuotation(given)
    action_again, nothing_new = ActionAgain(given), NothingNew(given)
    repeated, begins_as_before = RepeatedSentences(given), BeginsAsBefore(given)
    loops, past, world = Loops(given), PastTense(given), WorldContradicted(given)
    # The first that objects decides, so the order says which fault a reply with several of them
    # has, and with it whether and how it is retried. The three orders differ: a quotation, for one,
    # comes early while it grows and last when its sentence is over. They are those of the single
    # class that these rules were, because another order changes replies.
    return RuleList(
        guards=moderation,
        rewording=(JoinedWords(given.texts), SecondPerson(given)),
        on_word=(
            preamble,
            parenthesis,
            quotation,
            action_again,
            game_talk,
            speaker,
            to_come,
            repeated,
            *reminder,
            loops,
            world,
            *moderation,
        ),
        on_join=(quotation,),
        on_sentence=(
            parenthesis,
            action_again,
            repeated,
            to_come,
            *reminder,
            begins_as_before,
            nothing_new,
            past,
            question,
            speaker,
            quotation,
            world,
        ),
        on_end=(
            parenthesis,
            quotation,
            speaker,
            *reminder,
            begins_as_before,
            nothing_new,
            past,
            repeated,
            game_talk,
            to_come,
            question,
            preamble,
            world,
        ),
        filters=(BannedPhrases(given.bans, given.told),) if given.bans else (),
        followers=(loops,),
    )


__all__ = ["RuleList", "rules_for"]
