"""Texts of players and replies of narrators, held against rules on the real path."""

import pytest

from game.cards import cards
from game.cards.card_import import CardContent
from game.models import Adventure, Case, Edit, RuleHit, Status, Summary, Turn, Words
from game.moderation import classifier, screening
from game.play import adventures, queueing, summaries, turns
from game.play.protocol import EditTurn, Refused, RetryTurn
from game.tables import commands
from inference.contract.screening import Finding
from tests.game.play.test_turns import act, do, head, tell

pytestmark = pytest.mark.django_db(transaction=True)


def refused(work, *args, **kwargs):
    with pytest.raises(Refused) as refusal:
        work(*args, **kwargs)
    assert refusal.value.code == "rejected"
    return refusal.value.message


def test_an_action_comes_back_with_the_rule_named(alice, adventure, narrator_awake, rules):
    message = refused(act, adventure, alice, "eat the plums")
    assert "No fruit" in message
    assert "eat the plums" in message
    assert adventure.turns.count() == 1
    hit = RuleHit.objects.get()
    assert (hit.rule, hit.severity, hit.place, hit.whose) == (
        "no-fruit", "block", "action", Words.PLAYER,
    )  # fmt: skip
    assert (hit.player, hit.words) == (alice, "eat the plums")


def test_the_same_words_may_be_sent_again_when_the_rule_is_gone(
    alice, adventure, narrator_awake, rules
):
    refused(act, adventure, alice, "eat the plums")
    rules.write_text("version: '2'\n")
    assert act(adventure, alice, "eat the plums").action == "eat the plums"


def test_an_action_that_people_should_see_is_taken_and_queued(
    alice, adventure, narrator_awake, rules
):
    act(adventure, alice, "eat the cheese")
    case = Case.objects.get()
    assert (case.rule, case.player, case.words) == ("cheese", alice, Words.PLAYER)
    assert case.excerpt == "cheese"  # what the rule found, and nothing around it
    tell(head(adventure))
    act(adventure, alice, "more cheese")
    assert Case.objects.count() == 1
    assert RuleHit.objects.count() == 2


def test_a_mere_note_is_noted(alice, adventure, narrator_awake, rules):
    act(adventure, alice, "bake bread")
    assert not Case.objects.exists()
    assert RuleHit.objects.get().severity == "note"


def test_in_the_shadow_nothing_is_refused(alice, adventure, narrator_awake, rules):
    rules.write_text(rules.read_text().replace("version: test-1", "version: t\nshadow: true"))
    act(adventure, alice, "eat the plums and cheese")
    assert set(RuleHit.objects.values_list("rule", "severity")) == {
        ("no-fruit", "note"),
        ("cheese", "note"),
    }
    assert not Case.objects.exists()


def test_whatever_a_player_writes_is_screened(alice, begin, scenario, narrator_awake, rules):
    adventure = begin(alice)
    card = cards.add_card(adventure.pk, alice, CardContent("Tree", ("tree",), "It stands."))
    opening = head(adventure)
    plum = "Eat plums."
    edit = {"turn": opening.pk, "reply": plum}
    for work in (
        lambda: act(adventure, alice, plum, "say"),
        lambda: act(adventure, alice, plum, "story"),
        lambda: do(adventure, alice, EditTurn, **edit),
        lambda: adventures.set_plot(adventure.pk, plum, "", player=alice),
        lambda: adventures.set_plot(adventure.pk, "", plum, player=alice),
        lambda: adventures.rename(adventure.pk, plum, alice),
        lambda: summaries.write(adventure.pk, alice, plum),
        lambda: cards.add_card(adventure.pk, alice, CardContent("Food", ("food",), plum)),
        lambda: cards.edit_card(card, alice, CardContent(plum, ("tree",), "It stands.")),
        lambda: adventures.begin(alice, scenario, {"name": plum}),
    ):
        refused(work)
    assert RuleHit.objects.count() == 10
    assert Adventure.objects.count() == 1
    assert not Summary.objects.exists()
    assert not Edit.objects.exists()


def test_a_retry_is_held_against_the_rules_of_today(alice, adventure, narrator_awake, rules):
    turn = act(adventure, alice, "eat a pear")
    tell(turn)
    rules.write_text(rules.read_text().replace("quince", "pear"))
    refused(do, adventure, alice, RetryTurn, turn=turn.pk)


def test_pages_show_the_rule_and_keep_the_words(client, alice, adventure, rules):
    client.force_login(alice)
    page = client.post(f"/adventures/{adventure.pk}/plot/", {"memory": "Eat plums."})
    assert page.status_code == 422
    assert "No fruit" in page.content.decode()
    assert "Eat plums." in page.content.decode()
    page = client.post("/scenarios/the-cellar/begin/", {"name": "Eat plums"})
    assert page.status_code == 422
    assert "No fruit" in page.content.decode()


# For whom a story is


def test_a_rule_may_hold_for_some_stories_only(alice, adventure, narrator_awake, rules):
    refused(act, adventure, alice, "drink wine")
    adventures.set_audience(adventure.pk, alice, "mature")
    assert act(adventure, alice, "drink wine")


def test_a_players_own_limit_holds_in_every_story(
    client, alice, adventure, scenario, narrator_awake, rules
):
    adventures.set_audience(adventure.pk, alice, "mature")
    client.force_login(alice)
    client.post("/notices/limit/", {"audience": "everyone"})
    alice.refresh_from_db()
    refused(act, adventure, alice, "drink wine")
    with pytest.raises(Refused):
        adventures.set_audience(adventure.pk, alice, "mature")
    scenario.audience = "teen"
    scenario.save()
    with pytest.raises(Refused):
        adventures.begin(alice, scenario, {})


# What a host's own function finds


def looked_at(text, where, audience):
    if "turnips" in text:
        return [Finding(rule="turnips", severity="block", version="c1", words="turnips")]
    if "broken" in text:
        raise RuntimeError("The classifier has a bad day.")
    return []


def test_a_classifier_is_asked_beside_the_rules(alice, adventure, narrator_awake, settings, rules):
    settings.CLASSIFIER = "tests.game.moderation.test_screening.looked_at"
    refused(act, adventure, alice, "plant turnips")
    turn = act(adventure, alice, "plant a tree")
    tell(turn, "You plant turnips.")
    case = Case.objects.get()
    assert (case.words, case.turn) == (Words.NARRATOR, turn)


def test_a_classifier_that_fails_stops_nobody(alice, adventure, narrator_awake, settings, caplog):
    settings.CLASSIFIER = "tests.game.moderation.test_screening.looked_at"
    assert act(adventure, alice, "a broken lamp")
    assert "RuntimeError" in caplog.text
    assert "lamp" not in caplog.text


def test_a_classifier_that_is_not_there_is_named():
    with pytest.raises(classifier.ImproperlyConfigured, match="nowhere"):
        classifier.load_classifier("nowhere.at.all")


# Replies

GOOD = "You step over the sill. A gull looks at you."


@pytest.fixture
def narrated(alice, adventure, workers, log, rules):
    """Tell one turn by a script of replies: its Result, all that was shown of it, and the turn."""

    def narrated(*replies, **options):
        narrator_worker = workers.start(
            pace=0, woken=False, may_repeat=False, in_turn=True, replies=replies, **options
        )
        results = []
        record = narrator_worker.turn_runner.record
        narrator_worker.turn_runner.record = lambda result: (results.append(result), record(result))
        turn = act(adventure, alice, text="", kind="continue")
        assert narrator_worker.run_next_turn()
        shown = log.reply_so_far(str(adventure.pk), str(turn.pk)).reply
        return results[-1], shown, Turn.objects.get(pk=turn.pk)

    return narrated


def test_a_reply_that_breaks_a_rule_is_told_again_unseen(narrated):
    result, shown, turn = narrated("You eat all the plums at once.", GOOD)
    assert turn.reply == shown == GOOD
    assert result.resampled == ("broke a rule of this host",)
    hit = RuleHit.objects.get()
    assert (hit.rule, hit.whose, hit.place) == ("no-fruit", Words.NARRATOR, "reply")
    assert not Case.objects.exists()


def test_nothing_of_what_may_break_a_rule_is_shown_before_it_is_decided(narrated):
    long = "You walk along the quay for an hour and watch the boats come in from the sea. You eat "
    result, shown, turn = narrated(f"{long}the ripe plums.", GOOD)
    assert "eat" not in shown
    assert turn.reply == shown
    assert shown.startswith("You walk along the quay")
    assert result.shortened == "broke a rule of this host"


def test_what_sounds_like_it_and_is_not_is_shown_whole(narrated):
    told = "You eat the bread and look at the plums. A gull looks at you."
    _, shown, turn = narrated(told)
    assert turn.reply == shown == told


def test_a_reply_that_breaks_rules_again_and_again_is_never_shown(narrated):
    result, shown, turn = narrated("You eat plums.", "You eat a quince.", "You eat dark plums.")
    assert (shown, turn.reply, turn.status) == ("", "", Status.FAILED)
    assert "rule" in turn.reason
    assert len(result.resampled) == 2


def test_a_reply_in_a_disguise_is_found(narrated):
    _, shown, _ = narrated("You e a t the plums.", GOOD)
    assert shown == GOOD


def test_a_reply_that_people_should_see_is_queued_as_the_narrators(narrated, alice):
    _, shown, turn = narrated("You smell cheese. A gull looks at you.")
    assert "cheese" in shown
    case = Case.objects.get()
    assert (case.words, case.turn, case.player) == (Words.NARRATOR, turn, alice)


def test_a_story_without_rules_sends_none(alice, adventure, settings):
    settings.RULES_FILE = None
    assert screening.reply_screening(adventure) is None


def test_rules_travel_with_the_request(alice, adventure, narrator_awake, rules):
    from game.play import narration

    turn = act(adventure, alice)
    request = narration.request_for(adventure, turn)
    assert [rule.name for rule in request.screening.rules] == [
        "no-fruit",
        "cheese",
        "bread",
        "wine",
    ]
    adventures.set_audience(adventure.pk, alice, "mature")
    adventure.refresh_from_db()
    request = narration.request_for(adventure, turn)
    assert "wine" not in [rule.name for rule in request.screening.rules]


def test_the_narrators_summary_is_not_shown_where_a_rule_stands_against_it(alice, adventure, rules):
    from inference.contract.request import SummaryResult

    opening = head(adventure)
    Summary.objects.create(turn=opening, text="Extract.", by=Summary.By.EXTRACT)
    told = {"adventure": str(adventure.pk), "turn": str(opening.pk), "replaces": "Extract."}
    assert not summaries.record(SummaryResult(text="You eat plums.", **told))
    assert summaries.record(SummaryResult(text="You wait.", **told))


def test_turns_has_no_way_around(rules):
    """Every command that brings words of a player goes through the screening."""
    source = {
        *(queueing.take_action, commands.act, commands.approve_proposal),
        *(turns.retry_turn, turns.edit_turn),
    }
    for function in source:
        assert "screening" in function.__code__.co_names
