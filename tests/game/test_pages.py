"""The pages over HTTP, with no worker and no JavaScript: who sees what, and what forms do."""

import json
import uuid
from dataclasses import replace

import pytest
from django.core.management import call_command
from django.template.loader import render_to_string
from django.urls import reverse

from game.library.excerpts import last_words
from game.models import Adventure, Player, Scenario, Status, Turn
from game.play.views import MODULES

pytestmark = pytest.mark.django_db


def told(adventure, parent, action="open the door", reply="It opens.", **fields):
    """A turn at the head, told."""
    made = Turn.objects.create(
        adventure=adventure,
        parent=parent,
        kind=fields.pop("kind", "do"),
        action=action,
        reply=reply,
        status=Status.TOLD,
        **fields,
    )
    Adventure.objects.filter(pk=adventure.pk).update(head=made)
    return made


# Home and scenarios


def test_a_first_visitor_sees_what_this_is_and_where_to_begin(client, scenario):
    page = client.get("/").content.decode()
    assert "You type what you do." in page
    assert scenario.title in page
    assert Player.objects.count() == 0, "looking around makes no guest"


def test_a_host_without_scenarios_says_so(client, db):
    assert b"no scenarios yet" in client.get("/").content
    assert b"no scenarios yet" in client.get("/scenarios/").content


def test_home_leads_back_to_the_latest_adventure(as_player, alice, adventure):
    told(adventure, adventure.head, reply="The stairs are wet.")
    page = as_player(alice).get("/").content.decode()
    assert "The stairs are wet." in page
    assert "&gt; You open the door." in page
    assert reverse("adventure", args=[adventure.pk]) in page


def test_scenarios_are_found_by_word_and_tag(client, scenario):
    scenario.tags = ["damp", "funny"]
    scenario.save()
    other = Scenario.objects.create(
        slug="dunes", title="Dunes", tempt="Sand.", opening="You walk.", tags=["damp"]
    )
    for query, shown in [
        ({"q": "cough"}, {scenario}),
        ({"q": "FUNNY"}, {scenario}),
        ({"q": "cellar coughs"}, {scenario}),
        ({"tag": "damp"}, {scenario, other}),
        ({"tag": "damp", "q": "sand"}, {other}),
        ({"q": "nothing like this"}, set()),
        ({"q": "%_\0'\""}, set()),
    ]:
        answer = client.get("/scenarios/", query)
        assert answer.status_code == 200
        assert set(answer.context["scenarios"]) == shown, query


def test_a_scenario_that_is_not_listed_is_not_there(client, scenario):
    Scenario.objects.update(visibility="private")
    assert client.get("/scenarios/the-cellar/").status_code == 404
    assert client.post("/scenarios/the-cellar/begin/").status_code == 404
    assert b"The Cellar" not in client.get("/").content


def test_reading_a_scenario_shows_its_opening_with_the_usual_answers(client, scenario):
    page = client.get("/scenarios/the-cellar/").content.decode()
    assert scenario.opening.replace("${name}", "Wren") in page
    assert "Your name?" in page


# Beginning


def test_beginning_makes_a_guest_and_leads_to_the_adventure(client, scenario):
    answer = client.post("/scenarios/the-cellar/begin/", {"name": "Ada"})
    adventure = Adventure.objects.get()
    assert answer.status_code == 302
    assert answer.url == f"/adventures/{adventure.pk}/"
    guest = Player.objects.get()
    assert guest.is_guest
    assert not guest.has_usable_password()
    page = client.get(answer.url)
    assert page.status_code == 200
    assert scenario.opening.replace("${name}", "Ada") in page.content.decode()
    assert "open the cellar door" in page.content.decode()


def test_a_guest_stays_the_same_guest(client, scenario):
    client.post("/scenarios/the-cellar/begin/")
    client.post("/scenarios/the-cellar/begin/")
    assert Player.objects.count() == 1
    assert Adventure.objects.count() == 2


def test_an_answer_that_is_too_long_comes_back_to_the_form(client, scenario):
    answer = client.post("/scenarios/the-cellar/begin/", {"name": "A" * 81})
    assert answer.status_code == 422
    assert "A" * 81 in answer.content.decode()
    assert Adventure.objects.count() == Player.objects.count() == 0


def test_an_own_beginning_is_one_box(client, db):
    call_command("loadscenarios", stdout=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    page = client.get("/scenarios/your-own-beginning/").content.decode()
    assert "<textarea" in page
    client.post("/scenarios/your-own-beginning/begin/", {"opening": "You wake on the moon."})
    assert Turn.objects.get().reply == "You wake on the moon."


# What is yours


OTHERS = [
    ("get", "adventure", []),
    ("get", "turns", []),
    ("get", "tree", []),
    ("get", "read", []),
    ("get", "export", ["txt"]),
    ("get", "export", ["json"]),
    ("get", "export", ["html"]),
    ("get", "plot", []),
    ("post", "plot", []),
    ("post", "rename", []),
    ("get", "delete", []),
    ("post", "delete", []),
    ("post", "archive", []),
    ("post", "duplicate", []),
    ("post", "restore", []),
    ("post", "purge", []),
]


@pytest.mark.parametrize(("method", "name", "more"), OTHERS)
def test_what_is_not_yours_is_not_there(client, adventure, charlie, method, name, more):
    fields = {"memory": "x", "authors_note": "x", "title": "x"} if method == "post" else None
    for who in (None, charlie):
        if who:
            client.force_login(who)
        theirs = getattr(client, method)(reverse(name, args=[adventure.pk, *more]), fields)
        nowhere = getattr(client, method)(reverse(name, args=[uuid.uuid4(), *more]), fields)
        assert theirs.status_code == nowhere.status_code == 404
    assert Adventure.objects.get().title == "The Cellar"


def test_playing_can_be_read_without_javascript(as_player, alice, adventure):
    told(adventure, adventure.head, reply="It opens.\n\nDamp air <b>rises</b>.")
    page = as_player(alice).get(f"/adventures/{adventure.pk}/").content.decode()
    assert '<p class="action" dir="auto">You open the door.</p>' in page
    assert '<p dir="auto">Damp air &lt;b&gt;rises&lt;/b&gt;.</p>' in page
    assert "<noscript>" in page


def test_pages_hold_no_inline_script_or_style(as_player, alice, adventure):
    client = as_player(alice)
    for url in [
        "/",
        "/scenarios/",
        "/scenarios/the-cellar/",
        "/adventures/",
        f"/adventures/{adventure.pk}/",
        f"/adventures/{adventure.pk}/read/",
        f"/adventures/{adventure.pk}/plot/",
        f"/adventures/{adventure.pk}/delete/",
        "/nowhere/",
    ]:
        answer = client.get(url)
        page = answer.content.decode()
        assert "<script>" not in page, url
        assert "style=" not in page, url
        assert " onclick" not in page, url
        ours = page.replace("http://testserver/", "/")  # a picture for links names its host
        assert "http://" not in ours.replace("http://www.w3.org/", ""), url
        assert "https://" not in page, url
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy


def test_the_narrator_is_named_and_only_the_operator_hears_how_to_better_it(
    as_player, alice, adventure, settings, tmp_path
):
    file = tmp_path / "narrators.yaml"
    file.write_text("narrators: [{name: smol, line: x, engine: scripted, small: true}]")
    settings.INFERENCE = replace(settings.INFERENCE, narrators_file=file)
    url = f"/adventures/{adventure.pk}/"
    page = as_player(alice).get(url).content.decode()
    assert "narrator: <bdi>smol</bdi> · very small model" in page
    assert "The operator of this host can install a larger one." in page
    assert "Install a larger model" not in page
    alice.is_superuser = True
    alice.save()
    page = as_player(alice).get(url).content.decode()
    assert "Install a larger model" in page


def test_older_turns_come_a_hundred_at_a_time(as_player, alice, adventure):
    parent = adventure.head
    for number in range(230):
        parent = told(adventure, parent, reply=f"Reply {number}.")
    client = as_player(alice)
    page = client.get(f"/adventures/{adventure.pk}/")
    assert page.content.decode().count("<article") == 100
    first = page.context["turns"][0]["id"]
    older = client.get(f"/adventures/{adventure.pk}/turns/", {"before": first}).json()
    assert len(older["turns"]) == 100
    assert older["earlier"] is True
    assert older["turns"][-1]["reply"] == "Reply 129."
    oldest = client.get(
        f"/adventures/{adventure.pk}/turns/", {"before": older["turns"][0]["id"]}
    ).json()
    assert [turn["kind"] for turn in oldest["turns"]][:2] == ["opening", "do"]
    assert oldest["earlier"] is False
    assert client.get(f"/adventures/{adventure.pk}/?before={first}").status_code == 200


@pytest.mark.parametrize("before", ["", "nonsense", "00000000-0000-4000-8000-000000000000"])
def test_turns_before_no_turn_are_not_there(as_player, alice, adventure, before):
    answer = as_player(alice).get(f"/adventures/{adventure.pk}/turns/", {"before": before})
    assert answer.status_code == 404


def test_the_tree_holds_every_branch(as_player, alice, adventure):
    opening = adventure.head
    told(adventure, opening, action="go left")
    right = told(adventure, opening, action="go right")
    tree = as_player(alice).get(f"/adventures/{adventure.pk}/tree/").json()
    assert tree["head"] == str(right.pk)
    assert [turn["words"] for turn in tree["turns"]][1:] == ["go left", "go right"]
    assert {turn["parent"] for turn in tree["turns"]} == {None, str(opening.pk)}


def test_a_label_of_the_tree_that_is_cut_ends_in_an_ellipsis_and_the_whole_can_be_asked_for(
    as_player, alice, charlie, adventure
):
    action = "walk down to the water, " * 10
    turn = told(adventure, adventure.head, action=action.strip())
    url = f"/adventures/{adventure.pk}/tree/"
    label = as_player(alice).get(url).json()["turns"][1]
    assert label["cut"]
    assert label["words"].endswith("…")
    assert action.startswith(label["words"][:-1])
    assert as_player(alice).get(f"{url}{turn.pk}/").json()["words"] == action.strip()
    assert as_player(charlie).get(f"{url}{turn.pk}/").status_code == 404


# Taking it home


def test_an_export_is_the_path_to_the_head(as_player, alice, adventure):
    opening = adventure.head
    told(adventure, opening, action="go left", reply="A *wall*.")
    told(adventure, opening, kind="say", action="Hello?", reply="An echo\n# answers.")
    client = as_player(alice)
    text = client.get(f"/adventures/{adventure.pk}/export.txt")
    assert text.headers["Content-Disposition"] == 'attachment; filename="the-cellar.txt"'
    assert '> You say "Hello?"\n\nAn echo' in text.content.decode()
    assert "wall" not in text.content.decode()
    markdown = client.get(f"/adventures/{adventure.pk}/export.md").content.decode()
    assert markdown.startswith("# The Cellar\n")
    assert "\n\\# answers." in markdown
    whole = json.loads(client.get(f"/adventures/{adventure.pk}/export.json").content)
    assert len(whole["turns"]) == 3
    page = client.get(f"/adventures/{adventure.pk}/export.html")
    assert page.headers["Content-Disposition"] == 'attachment; filename="the-cellar.html"'
    assert "&gt; You say &quot;Hello?&quot;</p>" in page.content.decode()
    assert client.get(f"/adventures/{adventure.pk}/export.exe").status_code == 404


def test_a_web_page_to_keep_runs_nothing_and_fetches_nothing(as_player, alice, adventure):
    bad = '</style><script>alert(1)</script><img src="//elsewhere/x">'
    Adventure.objects.filter(pk=adventure.pk).update(title=bad)
    told(adventure, adventure.head, action=bad, reply=f"{bad}\n\nمرحبا 😀")
    page = as_player(alice).get(f"/adventures/{adventure.pk}/export.html").content.decode()
    assert page.count("&lt;script&gt;") == 4  # the title twice, the action, the reply
    for wrong in ("<script", "<img", "<link", "src=", "url(", "http:", "https:"):
        assert wrong not in page.replace("src=&quot;", ""), wrong
    assert '<p dir="auto">مرحبا 😀</p>' in page


# Changing it


def test_the_plot_is_changed_by_form_or_in_place(as_player, alice, adventure):
    client = as_player(alice)
    url = f"/adventures/{adventure.pk}/plot/"
    assert "You are Wren, a plumber." in client.get(url).content.decode()
    answer = client.post(url, {"memory": "You are brave.", "authors_note": "Short."})
    assert answer.status_code == 302
    adventure.refresh_from_db()
    assert (adventure.memory, adventure.authors_note) == ("You are brave.", "Short.")
    answer = client.post(
        url,
        {"memory": "You are tired.", "authors_note": ""},
        headers={"accept": "application/json"},
    )
    assert answer.json() == {"saved": True}
    adventure.refresh_from_db()
    assert (adventure.memory, adventure.authors_note) == ("You are tired.", "")


def test_a_plot_that_is_too_long_is_kept_in_its_form(as_player, alice, adventure):
    client = as_player(alice)
    url = f"/adventures/{adventure.pk}/plot/"
    long = {"memory": "x" * 8001, "authors_note": ""}
    answer = client.post(url, long)
    assert answer.status_code == 422
    assert "x" * 8001 in answer.content.decode()
    answer = client.post(url, long, headers={"accept": "application/json"})
    assert answer.status_code == 422
    assert "8000" in answer.json()["message"]


def test_an_adventure_is_renamed(as_player, alice, adventure):
    client = as_player(alice)
    client.post(f"/adventures/{adventure.pk}/rename/", {"title": "  Below  "})
    assert Adventure.objects.get().title == "Below"
    answer = client.post(f"/adventures/{adventure.pk}/rename/", {"title": " "}, follow=True)
    assert Adventure.objects.get().title == "Below"
    assert "The title was not changed" in answer.content.decode()


def test_deleting_asks_first(as_player, alice, adventure):
    client = as_player(alice)
    url = f"/adventures/{adventure.pk}/delete/"
    assert "permanently deleted" in client.get(url).content.decode()
    assert Adventure.objects.of(alice).count() == 1
    answer = client.post(url, follow=True)
    assert Adventure.objects.of(alice).count() == 0
    assert "was deleted" in answer.content.decode()
    assert client.get(f"/adventures/{adventure.pk}/").status_code == 404


def test_forms_want_their_token(adventure, alice, client):
    client.handler.enforce_csrf_checks = True
    client.force_login(alice)
    for name in ("plot", "rename", "delete"):
        assert client.post(reverse(name, args=[adventure.pk])).status_code == 403
    assert client.post("/scenarios/the-cellar/begin/").status_code == 403


# The host's side


def test_the_process_says_that_it_lives(client):
    assert client.get("/healthz").status_code == 200


def test_readiness_names_what_does_not_answer(client, db, log):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == answer.json()["redis"] == "ok"
    assert "answers" in answer.json()["narrator"]


def test_the_page_preloads_every_module(settings):
    found = {file.stem for file in (settings.BASE_DIR / "static" / "js").glob("*.js")}
    others = {"looks", "offline", "read"}  # of other pages
    later = {"tree", "treelayout", "chapterdialog"}  # when they are first used
    later |= {"world", "worldentries", "worldform"}  # and the page World
    assert found == {*MODULES, "play", *others, *later}


def test_the_reading_page_has_the_whole_path_and_nothing_to_press(as_player, alice, adventure):
    parent = adventure.head
    for number in range(120):
        parent = told(adventure, parent, reply=f"Step {number}. <b>Mind</b> it.")
    told(adventure, adventure.head, reply="Another way.")
    Adventure.objects.filter(pk=adventure.pk).update(head=parent)
    page = as_player(alice).get(f"/adventures/{adventure.pk}/read/").content.decode()
    assert page.count("<article") == 121
    assert "Step 0. &lt;b&gt;Mind&lt;/b&gt; it." in page
    assert "Another way." not in page
    assert "<textarea" not in page


@pytest.mark.parametrize("template", ["403.html", "403_csrf.html", "404.html", "500.html"])
def test_pages_for_when_things_go_wrong_need_nothing(template):
    assert "Grue</title>" in render_to_string(template)


def test_last_words_begin_at_a_sentence_where_one_is_near():
    assert last_words("Short.") == "Short."
    long = "A first sentence that will be cut. " + "Then this one stays. " * 12
    assert last_words(long).startswith("Then this one stays.")
    assert last_words("word " * 200).startswith("… word")


def test_a_turn_under_way_is_shown_as_waiting(as_player, alice, adventure, log):
    turn = told(adventure, adventure.head, action="listen", reply="")
    Turn.objects.filter(pk=turn.pk).update(status=Status.QUEUED)
    page = as_player(alice).get(f"/adventures/{adventure.pk}/").content.decode()
    assert f'data-turn="{turn.pk}" data-kind="do" data-status="queued"' in page
    assert "You listen." in page
