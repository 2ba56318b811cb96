"""What staff does, each in the log; and for whose words."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now

from game.models import AuditEntry, Case, Edit, Notice, Report, Sanction, Share, Words
from game.moderation import actions, appeals, authorship, cases, reports, standing
from game.moderation.reports import Complaint, Reader

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(bob, shared):
    """bob has reported what alice did in turn 3."""
    share, turns = shared
    return reports.report_turn(
        Reader(bob), share, turns[3], Complaint(Report.Kind.HATE, "Look.", Words.PLAYER)
    ).case


@pytest.fixture
def about_narrator(bob, shared):
    share, turns = shared
    return reports.report_turn(
        Reader(bob), share, turns[3], Complaint(Report.Kind.HATE, "Look.", Words.NARRATOR)
    ).case


@pytest.fixture
def about_scenario(bob, published):
    return reports.report_scenario(
        Reader(bob), published, Complaint(Report.Kind.SPAM, "Ads.", Words.PLAYER)
    ).case


def readable(share, who):
    return Share.objects.readable_by(who).filter(pk=share.pk).exists()


def entries():
    return list(AuditEntry.objects.order_by("id").values_list("deed", flat=True))


def test_dismissing_closes_the_case_and_tells_nobody(case, moderator, alice):
    actions.dismiss(case, moderator, "A quarrel.")
    case.refresh_from_db()
    assert (case.outcome, case.decided_by) == ("dismiss", moderator)
    assert not Case.objects.waiting().exists()
    assert not Notice.objects.exists()
    assert entries() == ["dismiss"]


def test_hiding_takes_a_shared_story_from_others(case, moderator, alice, bob):
    share = Share.objects.get()
    actions.hide(case, moderator, note="Not here.")
    assert not readable(share, bob)
    notice = Notice.objects.get()
    assert (notice.player, notice.deed, notice.excerpt) == (alice, "hide", "do thing 3")
    entry = AuditEntry.objects.get()
    assert (entry.deed, entry.actor, entry.player) == ("hide", moderator.pk, alice.pk)


def test_hiding_a_scenario_leaves_it_to_its_author(
    about_scenario, moderator, published, bob, alice
):
    actions.hide(about_scenario, moderator)
    every = type(published).objects
    assert not every.public().filter(pk=published.pk).exists()
    assert not every.readable_by(bob).filter(pk=published.pk).exists()
    assert every.readable_by(alice).filter(pk=published.pk).exists()


def test_unpublishing_makes_a_draft_of_a_scenario_and_ends_a_link(
    about_scenario, case, moderator, published, bob
):
    actions.unpublish(about_scenario, moderator)
    published.refresh_from_db()
    assert published.visibility == "private"
    actions.unpublish(case, moderator)
    assert not readable(Share.objects.get(), bob)


def test_deleting_ends_the_link_and_leaves_the_story(case, senior, adventure, alice):
    actions.delete(case, senior)
    assert not Share.objects.exists()
    assert adventure.turns.count() == 10
    notice = Notice.objects.get()
    assert notice.about == "the shared adventure “The Cellar”"
    with pytest.raises(actions.ActionRefused):
        actions.undo(AuditEntry.objects.get(), senior)


@pytest.mark.parametrize("deed", ["hide", "unpublish"])
def test_what_was_hidden_or_unpublished_is_brought_back(case, senior, bob, deed):
    share = Share.objects.get()
    entry = getattr(actions, deed)(case, senior)
    assert not readable(share, bob)
    actions.undo(entry, senior, "A mistake.")
    assert readable(share, bob)
    assert entries() == [deed, "undo"]
    assert AuditEntry.objects.first().undoes == entry.pk
    assert Notice.objects.first().deed == "undo"


def test_a_deed_is_undone_once(case, senior):
    entry = actions.hide(case, senior)
    actions.undo(entry, senior)
    with pytest.raises(actions.ActionRefused, match="already"):
        actions.undo(entry, senior)


def test_an_undone_dismissal_is_back_in_the_queue(case, senior):
    entry = actions.dismiss(case, senior)
    actions.undo(entry, senior)
    assert list(Case.objects.waiting()) == [case]


def test_a_warning_names_the_rule_and_the_words(case, moderator, alice):
    actions.warn(case, moderator, note="Leave people alone.")
    notice = Notice.objects.get()
    assert (notice.deed, notice.excerpt, notice.note) == (
        "warn",
        "do thing 3",
        "Leave people alone.",
    )
    assert standing.suspension_reason(alice) is None
    assert standing.publishing_refusal(alice) is None


def test_a_muted_player_plays_and_does_not_publish(case, moderator, alice):
    actions.mute(case, moderator, time=timedelta(days=2))
    assert standing.suspension_reason(alice) is None
    assert "publish" in standing.publishing_refusal(alice)
    Sanction.objects.update(until=Now() - timedelta(seconds=1))
    assert standing.publishing_refusal(alice) is None


def test_a_suspension_ends_by_itself(case, senior, alice):
    actions.suspend(case, senior, timedelta(days=2))
    assert "suspended until" in standing.suspension_reason(alice)
    Sanction.objects.update(until=Now() - timedelta(seconds=1))
    assert standing.suspension_reason(alice) is None


def test_a_ban_holds_until_it_is_undone(case, senior, alice):
    entry = actions.ban(case, senior)
    assert "banned" in standing.suspension_reason(alice)
    actions.undo(entry, senior)
    assert standing.suspension_reason(alice) is None
    assert Sanction.objects.get().lifted


SANCTIONS = {
    "warn": lambda case, by, **more: actions.warn(case, by, **more),
    "mute": lambda case, by, **more: actions.mute(case, by, **more),
    "suspend": lambda case, by, **more: actions.suspend(case, by, timedelta(days=1), **more),
    "ban": lambda case, by, **more: actions.ban(case, by, **more),
}


@pytest.mark.parametrize("deed", SANCTIONS)
def test_nobody_is_sanctioned_for_the_narrators_words(about_narrator, case, senior, deed):
    with pytest.raises(actions.NotThePlayersWords):
        SANCTIONS[deed](about_narrator, senior)
    with pytest.raises(actions.NotThePlayersWords):  # nor with the narrator's words for a reason
        SANCTIONS[deed](case, senior, excerpt="Thing 3 happens.")
    assert not Sanction.objects.exists()
    assert not AuditEntry.objects.exists()


def test_the_narrators_words_can_be_hidden_all_the_same(about_narrator, moderator, bob):
    actions.hide(about_narrator, moderator)
    assert not readable(Share.objects.get(), bob)


def test_in_an_edited_reply_the_players_words_are_marked(shared, alice):
    _, turns = shared
    turn = turns[3]
    Edit.objects.create(turn=turn, field=Edit.Field.REPLY, before=turn.reply, by=alice)
    turn.reply = "Thing 3 happens, you fools."
    turn.edited = True
    turn.save()
    pieces = [(piece.whose, piece.text) for piece in authorship.attribute_turn(turn).reply]
    assert pieces == [(Words.NARRATOR, "Thing 3 "), (Words.PLAYER, "happens, you fools.")]
    assert authorship.contains_excerpt(authorship.players_words(turn), "you fools")
    assert not authorship.contains_excerpt(authorship.players_words(turn), "Thing 3 happens")


def test_of_an_opening_the_player_wrote_what_they_filled_in(shared):
    _, turns = shared
    pieces = [(piece.whose, piece.text) for piece in authorship.attribute_turn(turns[0]).reply]
    assert [text for whose, text in pieces if whose == Words.PLAYER] == ["Wren. "]
    assert "".join(text for _, text in pieces) == turns[0].reply


def test_staff_is_sanctioned_by_the_operator_alone(case, senior, alice, django_user_model):
    alice.is_staff = True
    alice.save()
    with pytest.raises(actions.ActionRefused, match="staff"):
        actions.ban(case, senior)
    actions.ban(case, django_user_model.objects.create_superuser("root"))


def test_what_is_preserved_outlives_the_account(case, senior, alice):
    with pytest.raises(actions.ActionRefused):
        actions.preserve(case, senior, " ")
    kept = actions.preserve(case, senior, "A letter of the prosecutor.")
    assert not Share.objects.filter(hidden=False).exists()
    turns = [turn["players_words"] for turn in kept.content["turns"]]
    assert "do thing 3" in turns
    assert kept.content["player"]["name"] == "alice"
    from game.accounts.deletion import delete_player

    delete_player(alice)
    kept.refresh_from_db()
    assert kept.content["turns"]
    assert entries()[0] == "preserve"


# The log


def test_the_log_refuses_to_be_changed(case, moderator):
    entry = actions.dismiss(case, moderator)
    for change in (
        lambda: AuditEntry.objects.update(reason="Nothing was done."),
        entry.delete,
        lambda: AuditEntry.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()
    assert AuditEntry.objects.get().reason == ""


def test_the_log_refuses_to_be_emptied(case, moderator):
    actions.dismiss(case, moderator)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE game_auditentry ENABLE TRIGGER audit_is_not_emptied")
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute("TRUNCATE game_auditentry")
        cursor.execute("ALTER TABLE game_auditentry DISABLE TRIGGER audit_is_not_emptied")
    assert AuditEntry.objects.count() == 1


# Appeals


def test_a_player_appeals_once_and_another_moderator_decides(case, senior, staff, alice):
    actions.ban(case, senior)
    notice = Notice.objects.get()
    appeal = appeals.file_appeal(notice, "It was a quotation.")
    with pytest.raises(appeals.AppealRefused):
        appeals.file_appeal(notice, "And again.")
    other = staff("otto", "senior")
    with pytest.raises(appeals.AppealRefused, match="Another"):
        appeals.decide_appeal(appeal, senior, True, "So it was.")
    appeals.decide_appeal(appeal, other, True, "So it was.")
    assert standing.suspension_reason(alice) is None
    assert Notice.objects.order_by("-created").first().deed == "undo"
    assert entries() == ["ban", "grant_appeal", "undo"]


def test_where_nobody_else_moderates_the_same_one_decides(case, senior, alice):
    actions.ban(case, senior)
    appeal = appeals.file_appeal(Notice.objects.get(), "Please.")
    appeals.decide_appeal(appeal, senior, False, "It stays.")
    assert standing.suspension_reason(alice) is not None
    appeal.refresh_from_db()
    assert (appeal.granted, appeal.answer) == (False, "It stays.")
    assert Notice.objects.filter(deed="refuse", player=alice).exists()
    with pytest.raises(appeals.AppealRefused):
        appeals.decide_appeal(appeal, senior, True, "Or not.")


def test_players_read_their_notices_and_appeal(client, case, moderator, alice, bob):
    actions.warn(case, moderator, note="Leave people alone.")
    client.force_login(alice)
    assert "new-notices" in client.get("/").content.decode()
    page = client.get("/notices/").content.decode()
    assert "Leave people alone." in page
    assert "do thing 3" in page
    assert "new-notices" not in client.get("/").content.decode()
    notice = Notice.objects.get()
    field = f"{notice.pk}-text"
    assert (
        client.post(f"/notices/{notice.pk}/appeal/", {field: "It was a joke."}).status_code == 302
    )
    assert "It was a joke." in client.get("/notices/").content.decode()
    client.force_login(bob)
    assert client.post(f"/notices/{notice.pk}/appeal/", {field: "Mine?"}).status_code == 404


def test_a_banned_player_reads_notices_and_plays_nothing(client, case, senior, alice, adventure):
    actions.ban(case, senior)
    client.force_login(alice)
    assert client.get(f"/adventures/{adventure.pk}/").status_code == 403
    assert client.get("/notices/").status_code == 200
    assert client.get("/policy/").status_code == 200


# A private story


def test_a_private_story_is_opened_in_an_emergency_alone(alice, adventure, told, senior):
    told(("hide the letter", "It is hidden."))
    case = Case.objects.create(
        key="rule", subject=Case.Subject.STORY, subject_id=str(adventure.pk), adventure=adventure,
        player=alice, words=Words.PLAYER, kind="rule", rule="cheese", excerpt="cheese",
    )  # fmt: skip
    assert cases.reported_turns(case) == []
    with pytest.raises(ValueError, match="private"):
        cases.open_story(case, senior, "I wonder.")
    story = cases.open_story(case, senior, "Somebody is in danger.", emergency=True)
    assert len(story.turns) == 2
    assert AuditEntry.objects.get().details["emergency"] is True


def test_what_is_preserved_of_a_private_story_is_what_the_rule_found(
    alice, adventure, told, senior
):
    turns = told(("hide the letter", "It is hidden."))
    case = Case.objects.create(
        key="rule", subject=Case.Subject.STORY, subject_id=str(adventure.pk), adventure=adventure,
        turn=turns[-1], player=alice, words=Words.PLAYER, kind="rule", excerpt="the letter",
    )  # fmt: skip
    assert "turns" not in actions.preserve(case, senior, "A letter.").content
    cases.open_story(case, senior, "Somebody is in danger.", emergency=True)
    assert "turns" in actions.preserve(case, senior, "A letter.").content
