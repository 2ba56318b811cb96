"""Chapters: closed with a title at a turn, and there wherever that turn is on the path."""

import json
import zlib

import pytest
from django.test import override_settings
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from game import disk_space
from game.chapters import chapters, proposals
from game.library import copies, share_content, shares
from game.models import Adventure, Chapter, RecallMark, RuleHit, Status, Summary, Turn
from game.play import adventures, snapshots, tree
from game.play.protocol import Refused
from game.recall import marks
from inference.queue.keys import log_key
from tests.game.test_pages import told

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}


@pytest.fixture
def story(alice, adventure):
    """The opening and ten turns; the last is the head."""
    turn = adventure.head
    for number in range(1, 11):
        turn = told(adventure, turn, action=f"go {number}", reply=f"Step {number}.")
    adventure.refresh_from_db()
    return adventure


def path_of(adventure):
    adventure.refresh_from_db()
    return tree.turns_in_order(tree.whole_path(adventure.head_id))


def url_of(adventure):
    return reverse("chapters", args=[adventure.pk])


def close(client, adventure, turn, title, **more):
    return client.post(url_of(adventure), {"turn": str(turn.pk), "title": title}, **more)


def titles(client, adventure):
    return [
        each["title"] for each in client.get(url_of(adventure), headers=JSON).json()["chapters"]
    ]


# Closing, renaming, reopening


def test_a_chapter_ends_with_a_turn_and_begins_after_the_one_before(as_player, alice, story):
    client, path = as_player(alice), path_of(story)
    assert close(client, story, path[3], " The  cellar ", headers=JSON).status_code == 200
    data = close(client, story, path[7], "The river", headers=JSON).json()
    first, second = data["chapters"]
    assert (first["title"], first["start"], first["end"]) == ("The cellar", 0, 3)
    assert (second["title"], second["start"], second["end"]) == ("The river", 4, 7)
    assert first["first"] == str(path[0].pk) and second["turn"] == str(path[7].pk)
    assert data["open"] == {
        "turn": str(path[10].pk),
        "first": str(path[8].pk),
        "start": 8,
        "end": 10,
    }
    shown = {turn.id: turn.chapter for turn in snapshots.snapshot(story.pk).turns}
    assert {title for title in shown.values() if title} == {"The cellar", "The river"}


def test_it_is_renamed_and_reopened_and_no_turn_is_lost(as_player, alice, story):
    client, path = as_player(alice), path_of(story)
    close(client, story, path[3], "Cellar")
    close(client, story, path[3], "The cellar")
    assert titles(client, story) == ["The cellar"]
    gone = reverse("reopen_chapter", args=[story.pk, path[3].pk])
    assert client.delete(gone, headers=JSON).json()["chapters"] == []
    assert client.delete(gone, headers=JSON).status_code == 200, "twice is as good as once"
    close(client, story, path[5], "Again")
    assert client.post(gone.replace(str(path[3].pk), str(path[5].pk))).status_code == 302
    assert titles(client, story) == [] and path_of(story) == path


def test_a_chapter_is_where_its_turn_is_and_nowhere_else(as_player, alice, story):
    client, path = as_player(alice), path_of(story)
    close(client, story, path[3], "Both")
    close(client, story, path[9], "This way")
    branch = told(story, path[5], action="turn back", reply="The stairs are gone.")
    assert titles(client, story) == ["Both"]
    close(client, story, branch, "That way")
    assert titles(client, story) == ["Both", "That way"]
    Adventure.objects.filter(pk=story.pk).update(head=path[10])
    assert titles(client, story) == ["Both", "This way"]
    Adventure.objects.filter(pk=story.pk).update(head=path[2])
    assert titles(client, story) == []


@pytest.mark.parametrize("title", ["", "   ", "\n\t", "x" * 81, "龍" * 81])
def test_a_title_that_does_not_do_is_refused_and_stays_in_the_form(as_player, alice, story, title):
    client, turn = as_player(alice), path_of(story)[3]
    answer = close(client, story, turn, title, headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["message"] == "A chapter’s title has 1 to 80 characters."
    page = close(client, story, path_of(story)[10], title)
    assert page.status_code == 422 and title.strip() in page.content.decode()
    assert not Chapter.objects.exists()
    assert close(client, story, turn, "龍" * 80, headers=JSON).status_code == 200


def test_what_is_no_turn_or_under_way_is_refused(as_player, alice, bob, begin, story):
    client, path = as_player(alice), path_of(story)
    for nonsense in ("", "x", "0"):
        answer = client.post(url_of(story), {"turn": nonsense, "title": "x"}, headers=JSON)
        assert answer.status_code == 422
    assert close(client, story, begin(bob).head, "x", headers=JSON).status_code == 422
    Turn.objects.filter(pk=path[10].pk).update(status=Status.QUEUED)
    answer = close(client, story, path[10], "x", headers=JSON)
    assert answer.status_code == 422 and "still telling" in answer.json()["message"]
    assert not Chapter.objects.exists()


def test_nobody_else_reads_closes_or_reopens_a_chapter(as_player, alice, bob, story):
    turn = path_of(story)[3]
    close(as_player(alice), story, turn, "Mine")
    client = as_player(bob)
    assert client.get(url_of(story)).status_code == 404
    assert close(client, story, turn, "Theirs").status_code == 404
    assert client.delete(reverse("reopen_chapter", args=[story.pk, turn.pk])).status_code == 404
    assert Chapter.objects.get().title == "Mine"


def test_chapters_have_limits(as_player, alice, story, monkeypatch, settings):
    client, path = as_player(alice), path_of(story)
    monkeypatch.setattr(chapters, "MOST_CHAPTERS", 1)
    close(client, story, path[3], "One")
    answer = close(client, story, path[4], "Two", headers=JSON)
    assert answer.status_code == 422 and "the maximum" in answer.json()["message"]
    assert close(client, story, path[3], "Renamed", headers=JSON).status_code == 200
    settings.LIMITS = settings.LIMITS | {"edit": "1/m/user"}
    answers = [close(client, story, path[3], f"T{n}", headers=JSON) for n in range(3)]
    assert answers[-1].status_code == 429 and "Too many edits" in answers[-1].json()["message"]
    assert close(client, story, path[3], "On the page").status_code == 429
    removed = client.post(reverse("reopen_chapter", args=[story.pk, path[3].pk]), headers=JSON)
    assert removed.status_code == 429


def test_a_full_disk_refuses_a_chapter_and_a_mark(alice, story, monkeypatch):
    monkeypatch.setattr(disk_space.disk, "full", lambda: True)
    turn = path_of(story)[3].pk
    for save in (
        lambda: chapters.close(story.pk, alice, turn, "One"),
        lambda: marks.mark_turn(story.pk, alice, turn, "pinned"),
    ):
        with pytest.raises(Refused, match="disk is full"):
            save()
    assert not Chapter.objects.exists() and not RecallMark.objects.exists()


def test_a_title_is_screened_as_players_words(as_player, alice, story, monkeypatch):
    def refuse(texts, place, player, adventure):
        assert (place, player, adventure) == ("chapter", alice, story)
        raise Refused("rejected", f"Not {texts[0]}.")

    monkeypatch.setattr("game.chapters.chapters.screening.screen", refuse)
    answer = close(as_player(alice), story, path_of(story)[3], "that", headers=JSON)
    assert (answer.status_code, answer.json()["message"]) == (422, "Not that.")
    assert not Chapter.objects.exists() and not RuleHit.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_every_window_hears_of_it(alice, story, log):
    turn = path_of(story)[3]
    version = story.version
    chapters.close(story.pk, alice, turn.pk, "The cellar")
    chapters.close(story.pk, alice, turn.pk, "The cellar")  # nothing changes
    chapters.reopen(story.pk, alice, turn.pk)
    entries = [json.loads(e[b"e"]) for _, e in log.redis.xrange(log_key(str(story.pk)))]
    heard = [(e["type"], e["turn"], e["title"]) for e in entries if e["type"] == "chapters.changed"]
    about = ("chapters.changed", str(turn.pk))
    assert heard == [(*about, "The cellar"), (*about, "")]
    story.refresh_from_db()
    assert story.version == version + 2


# A proposal


def test_an_automatic_summary_proposes_a_chapter_that_ends_there(as_player, alice, story):
    client, path = as_player(alice), path_of(story)
    Turn.objects.filter(pk__in=[path[6].pk, path[8].pk]).update(
        reply="Then Captain Aune waits. You see Captain Aune and Jory, by the sea."
    )
    Summary.objects.create(turn=path[4], text="x", by="extract")
    assert client.get(url_of(story), headers=JSON).json()["proposal"] is None, "too short"
    Summary.objects.create(turn=path[8], text="x", by="extract")
    proposal = client.get(url_of(story), headers=JSON).json()["proposal"]
    assert proposal == {"turn": str(path[8].pk), "number": 8, "title": "Captain Aune"}
    page = client.get(url_of(story), {"part": ""}).content.decode()
    assert "A chapter could end with turn 8." in page and 'value="Captain Aune"' in page
    assert "<html" not in page
    assert not Chapter.objects.exists(), "it is never closed by itself"
    close(client, story, path[8], "Captain Aune")
    assert client.get(url_of(story), headers=JSON).json()["proposal"] is None


@pytest.mark.parametrize(
    ("replies", "before", "title"),
    [
        (["You meet Jory.", "Then Jory coughs, and Captain Aune too."], (), "Jory"),
        (["You meet Jory.", "Then Jory coughs. It is cold."], ("Jory",), "Then Jory coughs"),
        (["門が開く。赤い龍が眠る。"], (), "門が開く"),
        (["word " * 40], (), "word word word word word word word word word…"),
        ([""], (), "You wait"),
    ],
)
def test_a_proposed_title_is_a_name_or_how_the_last_turn_begins(replies, before, title):
    turns = [Turn(kind="do", action="You wait.", reply=reply) for reply in replies]
    assert proposals.proposed_title(turns, set(before)) == title


# The summary, by chapter


def test_each_chapter_shows_what_its_summary_says_anew(as_player, alice, story):
    client, path = as_player(alice), path_of(story)
    Summary.objects.create(turn=path[2], text="Jory fell in the ice.", by="extract")
    Summary.objects.create(
        turn=path[6], text="Jory fell in the ice. Captain Aune swore an oath.", by="extract"
    )
    close(client, story, path[3], "The ice")
    close(client, story, path[7], "The oath")
    close(client, story, path[9], "No summary yet")
    data = client.get(url_of(story), headers=JSON).json()
    assert [each["summary"] for each in data["chapters"]] == [
        "Jory fell in the ice.",
        "Captain Aune swore an oath.",
        "",
    ]


# Where else they are


def test_exports_have_them_as_headings(as_player, alice, story):
    client, path = as_player(alice), path_of(story)
    close(client, story, path[3], "The <cellar>")
    close(client, story, path[7], "River")
    export = {
        form: client.get(reverse("export", args=[story.pk, form])).content.decode()
        for form in ("txt", "md", "html", "json")
    }
    opening = path[0].reply[:20]
    txt = export["txt"]
    assert txt.index("The <cellar>\n------------\n") < txt.index(opening)
    assert txt.index("Step 3.") < txt.index("River\n-----\n") < txt.index("Step 4.")
    assert txt.index("Step 7.") < txt.index("* * *") < txt.index("Step 8.")
    md = export["md"]
    assert md.index("## The \\<cellar\\>") < md.index("## River") < md.index("Step 4.")
    assert '<h2 dir="auto">The &lt;cellar&gt;</h2>' in export["html"] and "<hr>" in export["html"]
    assert json.loads(export["json"])["chapters"] == [
        {"turn": str(path[3].pk), "title": "The <cellar>"},
        {"turn": str(path[7].pk), "title": "River"},
    ]


def test_pages_without_javascript_have_them(as_player, alice, story):
    client, path = as_player(alice), path_of(story)
    for name in ("adventure", "read"):
        assert "chapter" not in story_of(client.get(reverse(name, args=[story.pk])))
    close(client, story, path[3], "The cellar & more")
    for name in ("adventure", "read"):
        page = client.get(reverse(name, args=[story.pk])).content.decode()
        assert page.count('<h2 class="chapter" dir="auto">The cellar &amp; more</h2>') == 1
        assert page.index("Step 3.") < page.index('<hr class="chapter">') < page.index("Step 4.")
    page = client.get(url_of(story)).content.decode()
    assert f"?turn={path[0].pk}" in page


def test_a_turn_of_another_branch_stands_under_the_chapters_of_its_own(as_player, alice, story):
    client, path = as_player(alice), path_of(story)
    close(client, story, path[9], "This way")
    branch = told(story, path[5], action="turn back", reply="The stairs are gone.")
    close(client, story, branch, "That way")
    page = client.get(reverse("adventure", args=[story.pk]), {"turn": str(path[9].pk)})
    assert "This way" in story_of(page) and "That way" not in story_of(page)


def story_of(page):
    """What stands in the story of a page."""
    return page.content.decode().partition("<main")[2].partition("</main>")[0]


def test_a_link_shows_the_titles_that_it_was_made_with(as_player, client, alice, story):
    path = path_of(story)
    chapters.close(story.pk, alice, path[3].pk, "The cellar")
    chapters.close(story.pk, alice, path[9].pk, "Later")
    link = shares.share(alice, path[6], plot=False)
    chapters.close(story.pk, alice, path[3].pk, "Renamed")
    page = client.get(reverse("shared", args=[link.token])).content.decode()
    assert "The cellar" in page and "Renamed" not in page and "Later" not in page
    copy = shares.play_on(link, alice)
    assert list(Chapter.objects.filter(turn__adventure=copy).values_list("title", flat=True)) == [
        "The cellar"
    ]
    shares.update(link)
    assert "Renamed" in client.get(reverse("shared", args=[link.token])).content.decode()


def test_a_link_from_before_there_were_chapters_stays_the_same_link(alice, story):
    path = path_of(story)
    link = shares.share(alice, path[6], plot=False)
    assert shares.share(alice, path[6], plot=False) == link
    packed, _digest = share_content.pack(share_content.capture(path[6], False))
    assert b"chapters" not in zlib.decompress(packed)


# Always those of the path


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["play", "play", "retry", "go to", "close", "close", "reopen", "edit"]),
        st.integers(0, 40),
    ),
    max_size=30,
)


@given(moves=MOVES)
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_the_chapters_of_a_turn_are_those_on_its_path(alice, begin, moves):
    """After any play, also in copies and links, each turn has what is computed from its path."""
    story = begin(alice)
    titles = {}
    turns = [story.head]
    with override_settings(LIMITS={"edit": "100000/m/user"}):
        head = story.head
        for number, (what, which) in enumerate(moves):
            chosen = turns[which % len(turns)]
            match what:
                case "play":
                    head = told(story, head, action=f"go {number}", reply=f"Step {number}.")
                    turns.append(head)
                case "retry" if head.parent_id:
                    head = told(story, head.parent, action=head.action, reply=f"Else {number}.")
                    turns.append(head)
                case "go to":
                    head = chosen
                    Adventure.objects.filter(pk=story.pk).update(head=head)
                case "close":
                    chapters.close(story.pk, alice, chosen.pk, f"Title {number}")
                    titles[chosen.pk] = f"Title {number}"
                case "reopen":
                    chapters.reopen(story.pk, alice, chosen.pk)
                    titles.pop(chosen.pk, None)
                case "edit":
                    Turn.objects.filter(pk=chosen.pk).update(reply=f"Changed {number}.")
    for turn in turns:
        path = path_to(turn)
        wanted = [titles[each.pk] for each in path if each.pk in titles]
        sections = chapters.sections_at(turn.pk)
        assert [each.title for each in sections if each.title] == wanted
        covered = [place for each in sections for place in range(each.start, each.end + 1)]
        assert covered == list(range(len(path))), "each turn is in one section"
    story.refresh_from_db()
    wanted = [each.title for each in chapters.sections_at(story.head_id)]
    copy = copies.duplicate(alice, story, only_path=bool(len(turns) % 2))
    assert [each.title for each in chapters.sections_at(copy.head_id)] == wanted
    content = share_content.capture(story.head, plot=False)
    assert list(share_content.headings_of(content).values()) == (wanted if any(wanted) else [])
    shared = copies.copy_shared(alice, story, content, plot=False)
    assert [each.title for each in chapters.sections_at(shared.head_id)] == wanted
    for each in (story, copy, shared):
        adventures.purge(each.pk)
    assert not Chapter.objects.exists()


def path_to(turn):
    path = [turn]
    while path[0].parent is not None:
        path.insert(0, path[0].parent)
    return path
