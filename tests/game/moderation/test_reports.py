"""Readers report what was shared; their complaints become cases."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from game.models import Case, Report, Words
from game.moderation import actions, cases, reports
from game.moderation.reports import Complaint, Reader, ReportRefused

pytestmark = pytest.mark.django_db


def complaint(kind=Report.Kind.HATE, reason="It is bad.", words=Words.PLAYER):
    return Complaint(kind, reason, words)


def test_a_reader_reports_a_turn_of_a_shared_story(client, bob, alice, shared):
    share, turns = shared
    client.force_login(bob)
    address = f"/report/story/{share.token}/{turns[4].pk}/"
    assert "do thing 4" in client.get(address).content.decode()
    answer = client.post(address, {"kind": "hate", "words": "player", "reason": "Look at this."})
    assert answer.status_code == 302
    case = Case.objects.get()
    assert (case.turn, case.player, case.words) == (turns[4], alice, Words.PLAYER)
    assert case.excerpt == "do thing 4"
    assert case.reports.get().reason == "Look at this."


def test_a_visitor_without_an_account_reports_a_scenario(client, published, alice):
    answer = client.post(f"/report/scenario/{published.slug}/", {"kind": "spam", "reason": "Ads."})
    assert answer.status_code == 302
    report = Report.objects.get()
    assert report.player is None
    assert report.reader
    assert "127.0.0.1" not in report.reader
    assert report.case.player == alice


def test_what_is_not_shared_cannot_be_reported(client, bob, shared, published):
    share, turns = shared
    client.force_login(bob)
    other = f"/report/story/{share.token}/{share.adventure_id}/"
    assert client.get(other).status_code == 404
    share.revoked = Now()
    share.save()
    assert client.get(f"/report/story/{share.token}/{turns[1].pk}/").status_code == 404
    published.visibility = "private"
    published.save()
    assert client.get(f"/report/scenario/{published.slug}/").status_code == 404


def test_a_turn_after_the_shared_one_cannot_be_reported(client, bob, shared, told):
    share, _ = shared
    later = told(("go on", "It goes on."))[-1]
    client.force_login(bob)
    assert client.get(f"/report/story/{share.token}/{later.pk}/").status_code == 404


def test_reports_about_the_same_text_are_one_case(bob, charlie, shared):
    share, turns = shared
    for who in (bob, charlie):
        reports.report_turn(Reader(who), share, turns[3], complaint())
    reports.report_turn(Reader(bob), share, turns[3], complaint(words=Words.NARRATOR))
    assert sorted(case.reports.count() for case in Case.objects.all()) == [1, 2]


def test_nobody_reports_the_same_text_twice(bob, shared):
    share, turns = shared
    reports.report_turn(Reader(bob), share, turns[3], complaint())
    with pytest.raises(ReportRefused):
        reports.report_turn(Reader(bob), share, turns[3], complaint(Report.Kind.SPAM))
    assert Report.objects.count() == 1


@pytest.mark.parametrize("known", [True, False])
def test_a_reader_sends_so_many_reports_and_no_more(bob, shared, known):
    share, turns = shared
    reader = Reader(bob) if known else Reader(None, "203.0.113.7")
    for turn in turns[1:6]:
        reports.report_turn(reader, share, turn, complaint())
    with pytest.raises(ReportRefused):
        reports.report_turn(reader, share, turns[6], complaint())
    reports.report_turn(Reader(None, "203.0.113.8"), share, turns[6], complaint())
    Report.objects.update(created=Now() - timedelta(minutes=11))
    reports.report_turn(reader, share, turns[7], complaint())


def test_the_queue_begins_with_the_gravest_and_the_oldest(bob, charlie, shared):
    share, turns = shared
    spam = reports.report_turn(Reader(bob), share, turns[1], complaint(Report.Kind.SPAM)).case
    minors = reports.report_turn(Reader(bob), share, turns[2], complaint(Report.Kind.MINORS)).case
    hate = reports.report_turn(Reader(charlie), share, turns[3], complaint()).case
    assert list(Case.objects.waiting()) == [minors, hate, spam]
    Case.objects.filter(pk=spam.pk).update(opened=Now() - timedelta(days=12))
    spam.refresh_from_db()
    assert Case.objects.waiting().first() == spam
    assert [cases.urgency(case) for case in (minors, spam)] == ["new", "late"]


def test_who_was_right_before_weighs_more_than_who_was_not(bob, charlie, moderator, shared):
    share, turns = shared
    for turn in turns[1:4]:
        good = reports.report_turn(Reader(bob), share, turn, complaint()).case
        actions.warn(good, moderator)
    for turn in turns[4:7]:
        bad = reports.report_turn(Reader(charlie), share, turn, complaint()).case
        actions.dismiss(bad, moderator)
    right = reports.report_turn(Reader(bob), share, turns[7], complaint())
    wrong = reports.report_turn(Reader(charlie), share, turns[8], complaint())
    assert right.weight > 40 > wrong.weight
    assert list(Case.objects.waiting()) == [right.case, wrong.case]


def test_many_reports_are_no_proof(bob, shared, django_user_model):
    share, turns = shared
    for number in range(10):
        crowd = django_user_model.objects.create_user(f"crowd-{number}")
        spam = reports.report_turn(Reader(crowd), share, turns[1], complaint(Report.Kind.SPAM)).case
    minors = reports.report_turn(Reader(bob), share, turns[2], complaint(Report.Kind.MINORS)).case
    assert list(Case.objects.waiting()) == [minors, spam]


def test_one_who_looks_at_a_case_has_it_for_a_while(moderator, senior, bob, shared):
    share, turns = shared
    case = reports.report_turn(Reader(bob), share, turns[3], complaint()).case
    cases.claim(case, moderator)
    with pytest.raises(cases.ClaimedByAnother, match="mona"):
        cases.claim(case, senior)
    with pytest.raises(actions.ActionRefused, match="mona"):
        actions.dismiss(case, senior)
    Case.objects.update(claimed_until=Now() - timedelta(seconds=1))
    cases.claim(case, senior)
    assert case.claimed_by == senior


def test_a_case_shows_the_reported_turn_and_three_around_it(bob, shared):
    share, turns = shared
    case = reports.report_turn(Reader(bob), share, turns[5], complaint()).case
    shown = cases.reported_turns(case)
    assert [each.turn for each in shown] == turns[2:9]
    assert [each.turn for each in shown if each.reported] == [turns[5]]


def test_opening_the_whole_story_wants_a_reason_and_is_noted(bob, moderator, senior, shared):
    share, turns = shared
    case = reports.report_turn(Reader(bob), share, turns[5], complaint()).case
    with pytest.raises(ValueError, match="reason"):
        cases.open_story(case, senior, "  ")
    assert not actions.AuditEntry.objects.exists()
    story = cases.open_story(case, senior, "The report names turn 1 as well.")
    assert [each.turn for each in story.turns] == turns
    entry = actions.AuditEntry.objects.get()
    assert (entry.deed, entry.actor, entry.case) == ("open_story", senior.pk, case.pk)
    assert entry.reason == "The report names turn 1 as well."


def test_nothing_is_chosen_before_a_reader_chooses(client, bob, shared, published):
    client.force_login(bob)
    share, turns = shared
    for address in (
        f"/report/story/{share.token}/{turns[3].pk}/",
        f"/report/scenario/{published.slug}/",
    ):
        page = client.get(address).content.decode()
        form = page.split("<form")[-1]
        assert '<option value="" selected>' in form
        assert form.count("selected") == 1 and "checked" not in form
        answer = client.post(address, {"kind": "", "words": "", "reason": "x"})
        assert answer.status_code == 422
    assert not Report.objects.exists()
