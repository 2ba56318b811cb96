"""The player's adventures on their shelf: put away, copied, deleted and brought back."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from game.library import archive, copies, limits
from game.library.deletion import delete_player_content
from game.models import Adventure, Begun, Edit, Scenario, Status, Summary, Turn, TurnContext
from game.play import adventures
from game.play.protocol import Refused
from tests.game.test_pages import told

pytestmark = pytest.mark.django_db


def titles(answer):
    return [card.adventure.title for card in answer.context["cards"]]


def test_what_is_put_away_leaves_the_shelf_and_home_and_keeps_every_word(
    as_player,
    alice,
    adventure,
):
    client = as_player(alice)
    before = Adventure.objects.get().changed
    client.post(f"/adventures/{adventure.pk}/archive/", {"archived": "on"})
    assert titles(client.get("/adventures/")) == []
    assert "Last played" not in client.get("/").content.decode()
    assert titles(client.get("/adventures/?archived")) == ["The Cellar"]
    assert client.get(f"/adventures/{adventure.pk}/").status_code == 200
    client.post(f"/adventures/{adventure.pk}/archive/")
    assert titles(client.get("/adventures/")) == ["The Cellar"]
    assert Adventure.objects.get().changed == before


def test_adventures_are_found_by_title_and_by_the_words_of_the_story(
    as_player,
    alice,
    charlie,
    adventure,
    begin,
):
    told(adventure, adventure.head, action="light a match", reply="A heron looks at you.")
    begin(alice)
    others = begin(charlie)
    told(others, others.head, reply="Another heron.")
    client = as_player(alice)
    assert len(titles(client.get("/adventures/", {"q": "heron MATCH"}))) == 1
    assert len(titles(client.get("/adventures/", {"q": "cellar"}))) == 2
    nothing = client.get("/adventures/", {"q": "<giraffe>"})
    assert titles(nothing) == []
    assert "&lt;giraffe&gt;" in nothing.content.decode()


def test_a_deleted_adventure_is_not_there_and_can_be_brought_back(
    as_player,
    alice,
    adventure,
):
    client = as_player(alice)
    page = client.post(f"/adventures/{adventure.pk}/delete/", follow=True).content.decode()
    assert "restore it for 24 hours" in page
    assert f"/adventures/{adventure.pk}/restore/" in page
    for path in ("", "read/", "tree/", "export.txt"):
        assert client.get(f"/adventures/{adventure.pk}/{path}").status_code == 404
    client.post(f"/adventures/{adventure.pk}/restore/")
    assert client.get(f"/adventures/{adventure.pk}/").status_code == 200
    assert client.post(f"/adventures/{adventure.pk}/restore/").status_code == 404


def test_deleting_stops_what_is_told(adventure, log):
    turn = told(adventure, adventure.head, reply="")
    Turn.objects.filter(pk=turn.pk).update(status=Status.QUEUED)
    archive.delete(adventure.pk)
    assert Turn.objects.get(pk=turn.pk).status == Status.STOPPED


def test_what_cannot_be_stopped_just_now_is_not_deleted(as_player, alice, adventure, monkeypatch):
    def away(adventure):
        raise Refused("narrator_down", "The narrator cannot be reached just now.")

    monkeypatch.setattr(archive, "stop_turn_under_way", away)
    page = as_player(alice).post(f"/adventures/{adventure.pk}/delete/", follow=True)
    assert "cannot be reached just now" in page.content.decode()
    assert Adventure.objects.get().deleted is None


def test_after_a_day_what_was_deleted_is_gone_for_good(as_player, alice, adventure, begin, log):
    fresh = begin(alice)
    archive.delete(adventure.pk)
    archive.delete(fresh.pk)
    Adventure.objects.filter(pk=adventure.pk).update(deleted=Now() - timedelta(hours=24, minutes=1))
    answer = as_player(alice).post(f"/adventures/{adventure.pk}/restore/")
    assert answer.status_code == 404, "too late, also before the tidying came by"
    assert archive.purge_deleted() == 1
    assert list(Adventure.objects.all()) == [fresh]
    assert Turn.objects.filter(adventure=adventure.pk).count() == 0


def test_who_does_not_want_to_wait_deletes_for_good(as_player, alice, adventure, log):
    client = as_player(alice)
    assert client.post(f"/adventures/{adventure.pk}/purge/").status_code == 404, "not deleted yet"
    client.post(f"/adventures/{adventure.pk}/delete/")
    client.post(f"/adventures/{adventure.pk}/purge/")
    assert Adventure.objects.count() == 0


# Copies


@pytest.fixture
def branched(alice, adventure):
    """Opening -> left -> (wait, and where the story stands) beside a right that was left."""
    left = told(adventure, adventure.head, action="go left", reply="A wall.", player=alice)
    right = told(adventure, adventure.head, action="go right", reply="A door.")
    end = told(adventure, left, action="wait", reply="It moves.", narrator="bard", dice={"d": 1})
    Turn.objects.filter(pk=adventure.head.pk).update(last_child=right)
    Summary.objects.create(turn=left, text="You went left.", by=Summary.By.EXTRACT)
    Edit.objects.create(turn=end, field="reply", before="It sits.", by=alice)
    TurnContext.objects.create(turn=end, details="{}")
    adventure.refresh_from_db()
    return adventure


def shape(adventure):
    """The tree by its words: {words: words of the parent}."""
    turns = adventure.turns.select_related("parent")
    return {turn.action or "opening": turn.parent and turn.parent.reply for turn in turns}


def test_a_copy_of_the_tree_is_the_same_tree_and_nothing_in_it_is_the_originals(alice, branched):
    copy = copies.duplicate(alice, branched, only_path=False)
    copy.refresh_from_db()
    assert copy.title == "The Cellar (copy)"
    assert shape(copy) == shape(branched)
    assert copy.head.reply == "It moves."
    assert (copy.head.narrator, copy.head.dice) == ("bard", {"d": 1})
    assert copy.turns.get(action="go left").player == alice
    assert copy.turns.get(kind="opening").last_child == copy.turns.get(action="go left")
    ours = set(branched.turns.values_list("pk", flat=True))
    for turn in copy.turns.all():
        assert not {turn.pk, turn.parent_id, turn.last_child_id} & ours
    assert Summary.objects.get(turn__adventure=copy).text == "You went left."
    assert (copy.memory, copy.cards.count()) == (branched.memory, branched.cards.count())
    assert copy.scenario == branched.scenario
    assert list(Adventure.objects.of(alice).values_list("pk", flat=True)).count(copy.pk) == 1


def test_a_copy_of_the_path_leaves_the_other_ways_behind(alice, branched):
    copy = copies.duplicate(alice, branched, only_path=True)
    assert set(shape(copy)) == {"opening", "go left", "wait"}


def test_a_turn_under_way_stays_with_the_original(alice, branched):
    queued = told(branched, branched.head, action="shout", reply="")
    Turn.objects.filter(pk=queued.pk).update(status=Status.QUEUED)
    branched.refresh_from_db()
    for only_path in (True, False):
        copy = copies.duplicate(alice, branched, only_path=only_path)
        copy.refresh_from_db()
        assert copy.head.action == "wait"
        assert "shout" not in shape(copy)


def test_the_original_can_go_and_the_copy_stays(alice, branched, log):
    copy = copies.duplicate(alice, branched, only_path=False)
    adventures.purge(branched.pk)
    assert copy.turns.count() == 4


def test_a_story_of_thousands_of_turns_is_copied_at_once(
    alice, adventure, django_assert_max_num_queries
):
    parent = adventure.head
    rows = []
    for number in range(2_000):
        row = Turn(adventure=adventure, parent=parent, kind="do", action=f"step {number}")
        row.status = Status.TOLD
        rows.append(row)
        parent = row
    Turn.objects.bulk_create(rows)
    Adventure.objects.filter(pk=adventure.pk).update(head=parent)
    adventure.refresh_from_db()
    with django_assert_max_num_queries(20):
        copy = copies.duplicate(alice, adventure, only_path=True)
    assert copy.turns.count() == 2_001


def test_copies_have_their_limits_and_say_so(as_player, alice, adventure, monkeypatch):
    client = as_player(alice)
    url = f"/adventures/{adventure.pk}/duplicate/"
    monkeypatch.setattr(copies, "COPIES_A_DAY", 1)
    assert "(copy)" in client.post(url, follow=True).content.decode()
    assert "copies a day" in client.post(url, follow=True).content.decode()
    assert Adventure.objects.count() == 2
    monkeypatch.setattr(copies, "COPIES_A_DAY", 9)
    monkeypatch.setattr(copies, "MOST_COPIED", 0)
    assert "at most 0" in client.post(url, follow=True).content.decode()
    monkeypatch.setattr(copies, "MOST_ADVENTURES", 2)
    assert "the maximum" in client.post(url, follow=True).content.decode()
    assert Adventure.objects.count() == 2, "what did not fit left nothing behind"


# Somebody goes


def test_who_goes_takes_drafts_ratings_and_deleted_stories_along(alice, bob, begin, log):
    mine = begin(alice)
    archive.delete(mine.pk)
    kept = begin(alice)
    written = [
        Scenario.objects.create(
            slug=f"mine-{each}", title=each, tempt="-", opening="-", author=alice, visibility=each
        )
        for each in ("private", "unlisted", "public")
    ]
    Begun.objects.update(rating=5)
    Begun.objects.create(player=bob, scenario=written[0], rating=5)
    delete_player_content(alice)
    assert set(Scenario.objects.values_list("slug", "author")) == {
        ("the-cellar", None),
        ("mine-public", None),
    }
    assert Begun.objects.count() == 0
    assert (Scenario.objects.get(slug="the-cellar").stars, limits.MOST_SCENARIOS) == (0, 100)
    assert list(Adventure.objects.all()) == [kept]
