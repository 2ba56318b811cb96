"""The admin's pages of moderation, by role, and the operator's page."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from game.chapters import chapters
from game.library import shares
from game.models import (
    Appeal,
    AuditEntry,
    Case,
    Notice,
    Operation,
    Preserved,
    Report,
    Sanction,
    Share,
    Status,
    Turn,
    Words,
)
from game.moderation import actions, appeals, cases, operation, reports, statistics
from game.moderation.reports import Complaint, Reader
from game.play.protocol import Refused
from tests.game.play.test_turns import act

pytestmark = pytest.mark.django_db

QUEUE = "/admin/game/case/"


def case_page(case):
    return f"{QUEUE}{case.pk}/change/"


@pytest.fixture
def case(bob, shared):
    share, turns = shared
    return reports.report_turn(
        Reader(bob), share, turns[4], Complaint(Report.Kind.HATE, "Look at this.", Words.PLAYER)
    ).case


def act_on(client, case, **data):
    return client.post(case_page(case), {"days": 7, **data})


def test_the_queue_shows_cases_and_their_ages(client, moderator, case):
    Case.objects.update(opened=Now() - timedelta(days=4))
    client.force_login(moderator)
    page = client.get(QUEUE).content.decode()
    assert "the shared adventure “The Cellar”" in page
    assert "age-late" in page
    assert "tag-player" in page


def test_a_case_shows_the_turn_whose_words_it_is_and_what_readers_say(client, moderator, case):
    client.force_login(moderator)
    page = client.get(case_page(case)).content.decode()
    assert "Look at this." in page
    assert page.count('class="case-turn') == 8  # the report, and seven turns
    assert "Thing 9 happens" not in page
    assert '<span class="by-player">You do thing 4.</span>' in page
    assert '<span class="by-narrator">Thing 4 happens.</span>' in page


def test_titles_of_chapters_are_seen_as_the_players_words(client, moderator, senior, bob, shared):
    _share, turns = shared
    alice = turns[-1].player
    chapters.close(turns[0].adventure_id, alice, turns[4].pk, "Nasty things")
    share = shares.share(alice, turns[-1], plot=False)
    complaint = Complaint(Report.Kind.HATE, "Look at the title.", Words.PLAYER)
    case = reports.report_turn(Reader(bob), share, turns[5], complaint).case
    chapters.close(turns[0].adventure_id, alice, turns[4].pk, "Nice things")
    client.force_login(moderator)
    page = client.get(case_page(case)).content.decode()
    assert "End of the chapter “Nasty things”" in page and "Nice things" not in page
    story = cases.open_story(case, senior, "To see the titles.")
    assert [turn.chapter for turn in story.turns if turn.chapter] == ["Nasty things"]
    kept = actions.preserve(case, senior, "A letter.").content["turns"]
    assert [turn["chapter"] for turn in kept if turn["chapter"]] == ["Nasty things"]
    assert act_on(client, case, deed="warn", excerpt="Nasty", note="Not so.").status_code == 302


def test_a_moderator_decides_and_the_case_leaves_the_queue(client, moderator, case, alice):
    client.force_login(moderator)
    answer = act_on(client, case, deed="warn", excerpt="do thing 4", note="Not like this.")
    assert answer.status_code == 302
    assert Sanction.objects.get().kind == "warning"
    assert "The Cellar" not in client.get(QUEUE).content.decode()
    assert "The Cellar" in client.get(QUEUE + "?state=decided").content.decode()


def test_what_cannot_be_done_says_why_and_keeps_what_was_typed(client, moderator, case):
    client.force_login(moderator)
    answer = act_on(client, case, deed="warn", excerpt="Thing 4 happens.", note="My long note.")
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "not this player’s words" in page
    assert "My long note." in page


@pytest.mark.parametrize(
    ("deed", "role", "may"),
    [
        ("hide", "moderator", True),
        ("mute", "moderator", True),
        ("ban", "moderator", False),
        ("delete", "moderator", False),
        ("preserve", "moderator", False),
        ("ban", "senior", True),
        ("suspend", "senior", True),
        ("delete", "senior", True),
        ("preserve", "senior", True),
        ("ban", "operator", True),
    ],
)
def test_each_role_does_what_is_its_to_do(client, staff, case, deed, role, may):
    client.force_login(staff("somebody", role))
    answer = act_on(client, case, deed=deed, excerpt="do thing 4", reason="So it is.")
    assert (answer.status_code == 302) is may
    case.refresh_from_db()
    assert (case.decided is not None) is (may and deed != "preserve")
    assert Preserved.objects.exists() is (may and deed == "preserve")


def test_about_the_narrators_words_no_sanction_is_offered(client, senior, bob, shared):
    share, turns = shared
    case = reports.report_turn(
        Reader(bob), share, turns[4], Complaint(Report.Kind.HATE, "Look.", Words.NARRATOR)
    ).case
    client.force_login(senior)
    offered = dict(client.get(case_page(case)).context["form"].fields["deed"].choices)
    assert "hide" in offered
    assert not {"warn", "mute", "suspend", "ban"} & set(offered)
    assert act_on(client, case, deed="ban").status_code == 422


def test_whoever_claims_a_case_keeps_others_from_deciding_it(client, moderator, senior, case):
    client.force_login(moderator)
    client.post(case_page(case), {"claim": ""})
    client.force_login(senior)
    assert "Assigned to mona" in client.get(case_page(case)).content.decode()
    assert act_on(client, case, deed="dismiss").status_code == 422
    client.force_login(moderator)
    client.post(case_page(case), {"release": ""})
    client.force_login(senior)
    assert act_on(client, case, deed="dismiss").status_code == 302


def test_the_whole_story_is_opened_by_seniors_with_a_reason(client, moderator, senior, case):
    story = f"{QUEUE}{case.pk}/story/"
    client.force_login(moderator)
    assert client.post(story, {"reason": "I wonder."}).status_code == 403
    client.force_login(senior)
    assert client.get(story).status_code == 302
    assert client.post(story, {"reason": ""}).status_code == 302
    assert not AuditEntry.objects.exists()
    page = client.post(story, {"reason": "Turn 1 is named."}).content.decode()
    assert "Thing 9 happens" in page
    assert AuditEntry.objects.get().reason == "Turn 1 is named."


def test_many_cases_are_decided_at_once(client, moderator, bob, shared):
    share, turns = shared
    about = Complaint(Report.Kind.SPAM, "Spam.", Words.PLAYER)
    cases = [reports.report_turn(Reader(bob), share, turn, about).case for turn in turns[1:4]]
    client.force_login(moderator)
    chosen = {"action": "decide_together", "_selected_action": [str(case.pk) for case in cases]}
    assert "3 cases" in client.post(QUEUE, chosen).content.decode()
    assert not AuditEntry.objects.exists()
    client.post(QUEUE, {**chosen, "deed": "dismiss", "reason": "All a joke."})
    assert not Case.objects.waiting().exists()
    assert AuditEntry.objects.filter(deed="dismiss", reason="All a joke.").count() == 3


def test_an_appeal_is_answered_in_the_admin(client, staff, senior, case, alice):
    actions.ban(case, senior)
    appeal = appeals.file_appeal(Notice.objects.get(), "It was a quotation.")
    address = f"/admin/game/appeal/{appeal.pk}/change/"
    other = staff("otto", "senior")
    client.force_login(senior)
    assert "Another moderator" in client.get(address).content.decode()
    answer = {"decision": "grant", "answer": "So it was."}
    assert client.post(address, answer).status_code == 422
    client.force_login(other)
    assert "It was a quotation." in client.get(address).content.decode()
    assert client.post(address, answer).status_code == 302
    assert Appeal.objects.get().granted
    assert Sanction.objects.get().lifted


def test_deeds_are_undone_from_the_log_by_seniors(client, moderator, senior, case):
    entry = actions.hide(case, moderator)
    undo = {"action": "undo", "_selected_action": [str(entry.pk)]}
    client.force_login(moderator)
    assert client.post("/admin/game/auditentry/", undo).status_code == 403
    client.force_login(senior)
    client.post("/admin/game/auditentry/", undo)
    assert not Share.objects.get().hidden


@pytest.mark.parametrize("role", ["moderator", "senior"])
def test_the_operators_page_is_the_operators(client, staff, role):
    client.force_login(staff("somebody", role))
    assert client.get("/admin/game/operation/").status_code == 403
    assert client.post("/admin/game/operation/", {"pause": ""}).status_code == 403
    assert not Operation.objects.exists()


# Operation


@pytest.mark.django_db(transaction=True)
def test_a_paused_host_takes_no_actions_and_says_why(
    client, operator, alice, adventure, narrator_awake
):
    client.force_login(operator)
    client.post("/admin/game/operation/", {"pause": "", "message": "Back at nine."})
    with pytest.raises(Refused, match="Back at nine"):
        act(adventure, alice)
    assert "Back at nine." in client.get("/").content.decode()
    client.post("/admin/game/operation/", {"resume": ""})
    assert act(adventure, alice)
    assert list(AuditEntry.objects.order_by("id").values_list("deed", flat=True)) == [
        "pause",
        "resume",
    ]


@pytest.mark.django_db(transaction=True)
def test_a_narrator_that_is_off_takes_no_turns_and_is_not_offered(
    client, operator, alice, adventure, pools, log
):
    from game.play import narration, sweep

    pools.write({"name": "parrot"}, {"name": "quill"})
    for name in ("parrot", "quill"):
        log.send_heartbeat(name, "test", slots=4, recent_seconds=[2.0])
    turn = act(adventure, alice)
    client.force_login(operator)
    client.post("/admin/game/operation/", {"off": "parrot"})
    assert log.take_next("parrot", "worker") is None  # workers take none, though one waits
    assert [each.name for each in narration.offered_to(alice)] == ["quill"]
    assert narration.narrator_of(adventure).name == "quill"  # the host's choice is another one
    adventure.narrator = "parrot"
    with pytest.raises(Refused, match="switched off this narrator"):
        narration.narrator_of(adventure)

    sweep.sweep_turn(turn.pk)
    turn.refresh_from_db()
    assert turn.status == Status.FAILED
    assert "switched" in turn.reason
    client.post("/admin/game/operation/", {"on": "parrot"})
    assert narration.narrator_of(adventure).name == "parrot"


@pytest.mark.django_db(transaction=True)
def test_workers_hear_again_who_is_off_when_redis_was_emptied(operator, alice, adventure, log):
    log.send_heartbeat("parrot", "test", slots=4, recent_seconds=[2.0])
    act(adventure, alice)
    operation.switch(operator, "parrot", on=False)
    log.redis.delete("grue:off")
    operation.publish_switched_off()
    assert log.take_next("parrot", "worker") is None
    operation.switch(operator, "parrot", on=True)
    assert log.take_next("parrot", "worker") is not None


def test_the_operator_sees_how_the_host_does(client, operator, told, case, senior, log):
    log.send_heartbeat("parrot", "test", slots=4, recent_seconds=[2.0])
    actions.ban(case, senior)
    last = Turn.objects.order_by("created").last()
    Turn.objects.filter(pk=last.pk).update(status=Status.FAILED, reason="No words.", told=Now())
    client.force_login(operator)
    page = client.get("/admin/game/operation/").content.decode()
    assert "Parrot" in page
    assert "No words." in page
    assert "ban: 1" in page
    assert str(last.pk) in page
    assert last.action not in page
    seen = statistics.operation_figures(operation.state())
    assert seen["queues"]["online"] == 0
    assert [each.name for each in seen["narrators"]] == ["parrot"]


def test_the_operators_page_opens_while_redis_is_away(client, operator, monkeypatch):
    import redis

    def away(*args, **kwargs):
        raise redis.ConnectionError

    for name in ("narrator_stats", "waiting", "messages", "online"):
        monkeypatch.setattr(f"inference.queue.client.QueueClient.{name}", away)
    client.force_login(operator)
    assert client.get("/admin/game/operation/").status_code == 200


# What players read


def test_the_policy_tells_of_rules_and_of_none(client, db, rules, settings):
    page = client.get("/policy/").content.decode()
    assert "No fruit" in page
    assert "Fruit is not mentioned here." in page
    settings.RULES_FILE = None
    assert "has no content rules" in client.get("/policy/").content.decode()
