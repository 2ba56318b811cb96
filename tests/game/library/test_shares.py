"""Links to stories: what they show, to whom, and what they never show."""

import io
import re

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models.functions import Now
from PIL import Image, ImageFont

from game.library import archive, covers, linkcard, share_content, shares, writing
from game.library.limits import LimitMet
from game.models import (
    Adventure,
    Case,
    Membership,
    Player,
    Sanction,
    Scenario,
    Share,
    ShareTexts,
    Status,
    Summary,
    Turn,
    TurnContext,
)
from game.play import adventures
from tests.game.test_pages import told

pytestmark = pytest.mark.django_db

SECRETS = ("SECRET-MEMORY", "SECRET-NOTE", "SECRET-CARD", "SECRET-SUMMARY", "SECRET-CONTEXT")
ASIDE, LATER = "You went right instead.", "This came later."


@pytest.fixture
def story(alice, adventure):
    """Opening, left, and what came later; a way aside; and all that is nobody's business."""
    Adventure.objects.filter(pk=adventure.pk).update(
        memory="SECRET-MEMORY", authors_note="SECRET-NOTE", title="Below <b>"
    )
    adventure.cards.update(text="SECRET-CARD")
    left = told(adventure, adventure.head, action="go left", reply="A <i>wall</i>.", player=alice)
    told(adventure, adventure.head, action="go right", reply=ASIDE)
    told(adventure, left, action="wait", reply=LATER)
    Summary.objects.create(turn=left, text="SECRET-SUMMARY", by=Summary.By.EXTRACT)
    TurnContext.objects.create(turn=left, details='{"x": "SECRET-CONTEXT"}')
    adventure.refresh_from_db()
    return adventure


@pytest.fixture
def left(story):
    return story.turns.get(action="go left")


@pytest.fixture
def link(alice, left):
    return shares.share(alice, left, plot=False)


def url_of(share, more=""):
    return f"/s/{share.token}/{more}"


def test_a_turn_is_shared_by_form_or_in_place(as_player, alice, story, left):
    client = as_player(alice)
    url = f"/adventures/{story.pk}/turns/{left.pk}/share/"
    assert "A &lt;i&gt;wall&lt;/i&gt;." in client.get(url).content.decode()
    page = client.post(url, follow=True).content.decode()
    link = Share.objects.get()
    assert f"http://testserver/s/{link.token}/" in page
    answer = client.post(url, headers={"accept": "application/json"})
    assert answer.json() == {"url": f"http://testserver/s/{link.token}/", "plot": False}
    assert Share.objects.count() == 1, "the same again is the same link"
    client.post(url, {"plot": "on"})
    assert Share.objects.filter(plot=True).count() == 1


def test_a_link_shows_the_path_up_to_its_turn_to_anybody_and_nothing_else(client, link):
    answer = client.get(url_of(link))
    page = answer.content.decode()
    assert "Something coughs below." in page
    assert "You go left." in page
    assert "A &lt;i&gt;wall&lt;/i&gt;." in page
    assert "Below &lt;b&gt;" in page
    for words in (*SECRETS, ASIDE, LATER, "alice"):
        assert words not in page, words
    assert Player.objects.filter(is_guest=True).count() == 0, "reading makes no guest"


def test_what_the_narrator_knew_is_shown_where_the_player_said_so(client, alice, left):
    page = client.get(url_of(shares.share(alice, left, plot=True))).content.decode()
    for words in SECRETS[:3]:
        assert words in page
    for words in (*SECRETS[3:], ASIDE, LATER):
        assert words not in page


def test_a_link_is_not_indexed_kept_or_passed_on(client, link):
    for path in ("", "card.png"):
        headers = client.get(url_of(link, path)).headers
        assert headers["X-Robots-Tag"] == "noindex, nofollow, noarchive"
        assert headers["Referrer-Policy"] == "same-origin"
        assert "no-store" in headers["Cache-Control"]
        assert "private" in headers["Cache-Control"]


def test_where_a_link_is_pasted_stands_a_picture_with_the_title(client, link):
    page = client.get(url_of(link)).content.decode()
    assert (
        f'<meta property="og:image" content="http://testserver{url_of(link, "card.png")}">' in page
    )
    assert '<meta property="og:title" content="Below &lt;b&gt;">' in page
    assert page.count("og:image") == 3
    picture = client.get(url_of(link, "card.png"))
    assert picture.headers["Content-Type"] == "image/png"
    with Image.open(io.BytesIO(picture.content)) as image:
        assert image.size == (1200, 630)
    assert len(picture.content) < 100_000


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("", ""),
        ("مرحبا", "😀"),
        ("Жар Ω", "x" * 4000),
        ("W" * 120, "word " * 800),
        ("i" * 4000, "." * 100_000),
        ("a\u0300", "\n"),
    ],
    ids=["nothing", "no letters for it", "one long word", "full", "narrow", "a mark"],
)
def test_a_picture_is_drawn_of_whatever_stands_there(title, words):
    with Image.open(
        io.BytesIO(linkcard.draw(title, words, covers.generate_cover(title, [])))
    ) as image:
        assert image.size == (1200, 630)


def test_a_long_word_is_measured_a_few_times_only(monkeypatch):
    """A title of one word held the web for a minute and a half."""
    font = linkcard.font_of_size(36)
    measured = []
    monkeypatch.setattr(
        ImageFont.FreeTypeFont,
        "getlength",
        lambda font, text: measured.append(len(text)) or 20 * len(text),
    )
    assert linkcard.wrapped("x" * 100_000, font, 5) == ["x" * 32] * 4 + ["x" * 31 + "…"]
    assert sum(measured) < 200_000


def test_the_same_picture_is_not_drawn_of_another_title():
    ship = covers.generate_cover("A ship", [])
    assert linkcard.draw("A door", "Shut.", ship) != linkcard.draw("A wall", "Shut.", ship)
    assert linkcard.draw("A door", "", ship) != linkcard.draw(
        "A door", "", covers.generate_cover("City", [])
    )
    assert linkcard.draw("مرحبا", "", ship) == linkcard.draw("", "", ship), (
        "no boxes for letters it lacks"
    )


ENDS = {
    "taken back": lambda link: shares.revoke(link),
    "hidden by a moderator": lambda link: Share.objects.update(hidden=True),
    "its story deleted": lambda link: archive.delete(link.adventure_id),
    "its story ended": lambda link: adventures.purge(link.adventure_id),
}


@pytest.mark.parametrize("end", ENDS)
def test_a_link_that_ended_is_not_there(client, link, log, end):
    ENDS[end](link)
    assert client.get(url_of(link)).status_code == 404
    assert client.get(url_of(link, "card.png")).status_code == 404
    assert client.post(url_of(link, "play/")).status_code == 404
    assert Player.objects.filter(is_guest=True).count() == 0


def test_no_token_is_no_link(client, link):
    for token in ("x", link.token[:-1], str(link.pk), "%00", "é"):
        assert client.get(f"/s/{token}/").status_code == 404
    assert len(link.token) >= 22


def test_a_hidden_link_is_still_there_for_moderators(client, link, charlie):
    Share.objects.update(hidden=True)
    charlie.is_staff = True
    charlie.save()
    client.force_login(charlie)
    assert client.get(url_of(link)).status_code == 200


def test_only_its_player_shares_lists_and_takes_back(client, bob, story, left, link):
    for who in (None, bob):
        client.logout()
        if who:
            client.force_login(who)
        share = f"/adventures/{story.pk}/turns/{left.pk}/share/"
        assert client.get(share).status_code == client.post(share).status_code == 404
        assert client.post(f"/shares/{link.pk}/revoke/").status_code == 404
        assert link.token not in client.get("/shares/").content.decode()
    assert client.get(url_of(link)).status_code == 200


def test_taking_back_and_making_a_new_link(as_player, alice, left, link):
    client = as_player(alice)
    assert link.token in client.get("/shares/").content.decode()
    page = client.post(f"/shares/{link.pk}/revoke/", follow=True).content.decode()
    assert "no longer works" in page
    assert link.token not in page
    assert client.post(f"/shares/{link.pk}/revoke/").status_code == 404
    assert shares.share(alice, left, plot=False).token != link.token


def test_a_turn_under_way_is_shared_up_to_the_one_before(as_player, alice, story, left):
    Turn.objects.filter(pk=left.pk).update(status=Status.QUEUED)
    as_player(alice).post(f"/adventures/{story.pk}/turns/{left.pk}/share/")
    assert Share.objects.get().turn == left.parent


def test_links_have_a_limit_and_say_so(as_player, alice, story, link, monkeypatch):
    monkeypatch.setattr(shares, "MOST_SHARES", 1)
    url = f"/adventures/{story.pk}/turns/{story.head_id}/share/"
    client = as_player(alice)
    assert "Delete one first" in client.post(url, follow=True).content.decode()
    answer = client.post(url, headers={"accept": "application/json"})
    assert answer.status_code == 422
    assert "the maximum" in answer.json()["message"]


def test_a_long_story_comes_in_pages(client, alice, adventure):
    parent = adventure.head
    for number in range(250):
        parent = told(adventure, parent, reply=f"Step {number}.")
    link = shares.share(alice, parent, plot=False)
    first, last = (client.get(url_of(link), {"page": n}).content.decode() for n in (1, 2))
    assert "251 turns" in first
    assert "Step 198." in first
    assert "Step 199." not in first
    assert "Step 249." in last


# What was shared, when it was shared


def change_everything(story):
    """Edit what is shared, and all that narrators know."""
    Turn.objects.filter(adventure=story, action="go left").update(
        action="AFTER-ACTION", reply="AFTER-REPLY", edited=True
    )
    Turn.objects.filter(adventure=story, kind="opening").update(reply="AFTER-OPENING")
    Adventure.objects.filter(pk=story.pk).update(
        memory="AFTER-MEMORY", authors_note="AFTER-NOTE", title="AFTER-TITLE"
    )
    story.cards.update(text="AFTER-CARD")
    story.cards.create(title="AFTER-NEW", text="AFTER-NEW-CARD")
    Summary.objects.update(text="AFTER-SUMMARY")


@pytest.fixture
def with_plot(alice, left):
    return shares.share(alice, left, plot=True)


def test_later_changes_do_not_appear_at_a_link(client, as_player, alice, story, with_plot):
    before = client.get(url_of(with_plot)).content.decode()
    picture = client.get(url_of(with_plot, "card.png")).content
    change_everything(story)
    after = client.get(url_of(with_plot)).content.decode()
    assert without_csrf(after) == without_csrf(before)
    assert "AFTER" not in after
    assert client.get(url_of(with_plot, "card.png")).content == picture
    assert "AFTER" not in as_player(alice).get("/shares/").content.decode()


def without_csrf(page):
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page)


def test_a_copy_has_what_the_link_showed(client, story, with_plot):
    change_everything(story)
    client.post(url_of(with_plot, "play/"))
    copy = Adventure.objects.of(Player.objects.get(is_guest=True)).get()
    everything = client.get(f"/adventures/{copy.pk}/export.json").content.decode()
    assert "AFTER" not in everything
    assert (copy.title, copy.memory, copy.authors_note) == (
        "Below <b>",
        "SECRET-MEMORY",
        "SECRET-NOTE",
    )
    assert copy.cards.get().text == "SECRET-CARD"
    assert Summary.objects.get(turn__adventure=copy).text == "SECRET-SUMMARY"
    assert (copy.head.action, copy.head.reply) == ("go left", "A <i>wall</i>.")
    assert not copy.head.edited
    assert copy.size > 0


def test_a_link_is_updated_by_its_player_alone(as_player, alice, bob, story, with_plot):
    change_everything(story)
    update = f"/shares/{with_plot.pk}/update/"
    assert as_player(bob).post(update).status_code == 404
    client = as_player(alice)
    assert client.get(update).status_code == 405
    assert "Update what the link shows" in client.get("/shares/").content.decode()
    page = client.post(update, follow=True).content.decode()
    assert "It shows the adventure as it is now" in page
    shown = client.get(url_of(with_plot)).content.decode()
    for words in ("ACTION", "REPLY", "OPENING", "MEMORY", "NOTE", "TITLE", "CARD", "NEW-CARD"):
        assert f"AFTER-{words}" in shown, words
    assert Share.objects.count() == 1


def test_sharing_again_after_a_change_makes_another_link(alice, story, left, link):
    assert shares.share(alice, left, plot=False) == link
    change_everything(story)
    left.refresh_from_db()
    newer = shares.share(alice, left, plot=False)
    assert newer != link
    assert share_content.load(newer).turns[-1].reply == "AFTER-REPLY"
    assert share_content.load(link).turns[-1].reply == "A <i>wall</i>."


def test_who_may_not_publish_updates_nothing(as_player, alice, story, link):
    Sanction.objects.create(player=alice, kind=Sanction.Kind.MUTE)
    change_everything(story)
    page = as_player(alice).post(f"/shares/{link.pk}/update/", follow=True).content.decode()
    assert "as it is now" not in page
    assert "AFTER" not in as_player(alice).get(url_of(link)).content.decode()


def test_links_hold_so_much_text_and_say_so(alice, story, left, link, monkeypatch):
    monkeypatch.setattr(share_content, "MOST_SHARED", link.texts.size + 10)
    with pytest.raises(LimitMet, match="Delete one first"):
        shares.share(alice, left, plot=True)
    shares.update(link)  # in its own place
    monkeypatch.setattr(share_content, "LONGEST_SHARED", 10)
    with pytest.raises(LimitMet, match="earlier turn"):
        shares.share(alice, left, plot=True)
    assert Share.objects.count() == 1


def test_a_report_is_about_what_the_link_shows(client, story, left, link):
    change_everything(story)
    page = client.get(f"/report/story/{link.token}/{left.pk}/").content.decode()
    assert "A &lt;i&gt;wall&lt;/i&gt;." in page and "AFTER" not in page
    form = {"kind": "hate", "words": "narrator", "reason": "x"}
    client.post(f"/report/story/{link.token}/{left.pk}/", form)
    assert Case.objects.get().excerpt == "A <i>wall</i>."


# Playing on


def test_a_visitor_plays_on_in_a_copy_with_nothing_but_the_shared_path(client, alice, story, link):
    answer = client.post(url_of(link, "play/"))
    guest = Player.objects.get(is_guest=True)
    copy = Adventure.objects.of(guest).get()
    assert answer.url == f"/adventures/{copy.pk}/"
    assert [turn.reply for turn in copy.turns.order_by("created")][1:] == ["A <i>wall</i>."]
    copy.refresh_from_db()
    assert copy.head.action == "go left"
    assert (copy.memory, copy.authors_note, copy.first_actions) == ("", "", [])
    assert not copy.turns.exclude(player=None).exists(), "whose words they were is not passed on"
    assert not copy.cards.exists()
    assert not Summary.objects.filter(turn__adventure=copy).exists()
    assert not TurnContext.objects.filter(turn__adventure=copy).exists()
    everything = client.get(f"/adventures/{copy.pk}/export.json").content.decode()
    for words in (*SECRETS, ASIDE, LATER, str(story.pk), "alice"):
        assert words not in everything, words
    assert client.get(f"/adventures/{story.pk}/").status_code == 404
    assert Membership.objects.filter(adventure=story).count() == 1


def test_a_copy_of_a_story_shared_with_its_plot_has_it(client, alice, left):
    client.post(url_of(shares.share(alice, left, plot=True), "play/"))
    copy = Adventure.objects.of(Player.objects.get(is_guest=True)).get()
    assert (copy.memory, copy.authors_note) == ("SECRET-MEMORY", "SECRET-NOTE")
    assert copy.cards.get().text == "SECRET-CARD"
    assert Summary.objects.get(turn__adventure=copy).text == "SECRET-SUMMARY"


def test_a_draft_that_a_story_was_begun_from_is_not_given_away(client, link):
    Scenario.objects.update(visibility="private", title="My secret draft")
    page = client.get(url_of(link)).content.decode()
    client.post(url_of(link, "play/"))
    copy = Adventure.objects.of(Player.objects.get(is_guest=True)).get()
    assert copy.scenario is None
    assert "My secret draft" not in page + client.get("/adventures/").content.decode()
    writing.publish(Scenario.objects.get(), "public")


def test_copies_outlive_the_link_and_the_original(client, link, log):
    client.post(url_of(link, "play/"))
    shares.revoke(link)
    adventures.purge(link.adventure_id)
    copy = Adventure.objects.get()
    assert client.get(f"/adventures/{copy.pk}/").status_code == 200


def test_a_link_comes_back_with_its_story(client, link):
    archive.delete(link.adventure_id)
    archive.restore(link.adventure_id)
    assert client.get(url_of(link)).status_code == 200
    Share.objects.update(revoked=Now())
    assert client.get(url_of(link)).status_code == 404


@pytest.mark.full
@pytest.mark.django_db(transaction=True)
def test_an_upgrade_keeps_what_links_of_then_show(alice, left, with_plot):
    """By the digest, to the letter."""
    link = shares.share(alice, left, plot=False)
    before = dict(ShareTexts.objects.values_list("share", "digest"))

    def migrate(name):
        executor = MigrationExecutor(connection)
        executor.migrate([("game", name)])

    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM django_migrations WHERE app = 'game' ORDER BY name DESC")
        newest = cursor.fetchone()[0]
    try:
        migrate("0013_plain_labels")
    finally:
        migrate(newest)
    assert dict(ShareTexts.objects.values_list("share", "digest")) == before
    assert share_content.load(Share.objects.get(pk=link.pk)).turns[-1].action == "go left"
