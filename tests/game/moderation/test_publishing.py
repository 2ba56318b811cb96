"""What is published and shared is held against the rules, and by whom it may be."""

import json
from datetime import timedelta

import pytest
from django.urls import reverse

from game.accounts import data
from game.accounts.deletion import delete_player
from game.library import shares, writing
from game.library.limits import LimitMet
from game.models import Case, Notice, Report, RuleHit, Scenario, Share, Visibility, Words
from game.moderation import actions, appeals, reports
from game.moderation.reports import Complaint, Reader
from game.play.protocol import Refused
from game.scenarios import ScenarioFile

pytestmark = pytest.mark.django_db


def file(**more):
    return ScenarioFile(title="My Cave", tempt="It is damp.", opening="You are in it.", **more)


@pytest.fixture
def muted(alice, bob, shared, moderator):
    share, turns = shared
    about = Complaint(Report.Kind.SPAM, "Spam.", Words.PLAYER)
    case = reports.report_turn(Reader(bob), share, turns[3], about).case
    actions.mute(case, moderator, time=timedelta(days=1))
    return alice


def test_a_scenario_that_breaks_a_rule_is_not_stored(alice, rules):
    with pytest.raises(Refused, match="No fruit"):
        writing.write(alice, file(memory="Eat plums."))
    assert not Scenario.objects.exists()
    assert RuleHit.objects.get().place == "scenario"


def test_a_rule_for_what_is_published_leaves_drafts_alone(alice, rules):
    rules.write_text(rules.read_text().replace("no-fruit", "no-fruit\n    where: [publish]"))
    draft = writing.write(alice, file(memory="Eat plums."))
    with pytest.raises(Refused, match="No fruit"):
        writing.publish(draft, Visibility.PUBLIC)
    draft.refresh_from_db()
    assert draft.visibility == Visibility.PRIVATE
    writing.write(alice, file(memory="Eat pears."), draft)
    writing.publish(draft, Visibility.PUBLIC)
    draft.refresh_from_db()
    with pytest.raises(Refused):  # once it is out, changes are held against it too
        writing.write(alice, file(memory="Eat plums."), draft)


def test_the_page_says_which_rule_and_keeps_the_words(client, alice, rules):
    client.force_login(alice)
    page = client.get("/scenarios/new/").context["forms"]
    sent = {"do": "save", "title": "Cave", "tempt": "Damp.", "opening": "Eat plums."}
    for rows in page.rows.values():
        form = rows.management_form
        sent |= {form.add_prefix(name): value for name, value in form.initial.items()}
    answer = client.post("/scenarios/new/", sent)
    assert answer.status_code == 422
    assert "No fruit" in answer.content.decode()
    assert "Eat plums." in answer.content.decode()


def test_for_whom_a_scenario_is_its_stories_are(alice, bob):
    from game.play import adventures

    made = writing.write(alice, file(audience="everyone"))
    writing.publish(made, Visibility.PUBLIC)
    assert adventures.begin(bob, made, {}).audience == "everyone"


def test_a_muted_player_publishes_and_shares_nothing(client, muted, adventure):
    draft = writing.write(muted, file())
    with pytest.raises(Refused, match="publish"):
        writing.publish(draft, Visibility.UNLISTED)
    with pytest.raises(LimitMet, match="publish"):
        shares.share(muted, adventure.head, plot=False)
    client.force_login(muted)
    client.post(f"/scenarios/{draft.slug}/publish/", {"visibility": "public"})
    draft.refresh_from_db()
    assert draft.visibility == Visibility.PRIVATE
    writing.publish(draft, Visibility.PRIVATE)  # taking back is always possible


def test_a_shared_story_has_a_way_to_report_each_turn(client, bob, shared):
    share, turns = shared
    client.force_login(bob)
    page = client.get(reverse("shared", args=[share.token])).content.decode()
    assert page.count("/report/story/") == len(turns)


def test_of_who_goes_moderation_keeps_no_words(muted, alice):
    appeals.file_appeal(Notice.objects.get(), "It was a parrot.")
    assert "It was a parrot." in data.export_of(alice)
    told = json.loads(data.export_of(alice))
    assert told["notices"][0]["excerpt"] == "do thing 3"
    assert "reports" not in told  # who complained is not told
    delete_player(alice)
    case = Case.objects.get()
    assert (case.player, case.excerpt, case.turn) == (None, "", None)
    assert not Notice.objects.exists()
    assert not Share.objects.exists()
