"""Players write scenarios: drafts, publishing, taking back, files, and who sees what."""

import html
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db.models.functions import Now

from game.library import limits, writing
from game.library.tasks import tidy
from game.models import Adventure, Player, Scenario, Visibility
from game.scenarios import SHIPPED, read_scenario
from tests.game.library.test_scenarios import FILES

pytestmark = pytest.mark.django_db

WORDS = {
    "title": "The Lamp Room",
    "tempt": "Something knocks below.",
    "tags": "Sea, night , sea",
    "opening": "You are ${name}, and the lamp is out.\n\nSomething knocks.",
    "memory": "You are ${name}.",
    "authors_note": "Short.",
}


def rows(kind, *filled):
    data = {f"{kind}-TOTAL_FORMS": len(filled) + 1, f"{kind}-INITIAL_FORMS": 0}
    for number, row in enumerate(filled):
        data |= {f"{kind}-{number}-{name}": value for name, value in row.items()}
    return data


def form(**changes):
    question = {"name": "name", "question": "Your name?", "default": "Ada"}
    card = {"title": "The lamp", "keys": "lamp, lens", "text": "It burns whale oil."}
    data = {**WORDS, **rows("questions", question), **rows("cards", card)}
    data |= rows("actions", {"kind": "do", "text": "go down, ${name}"}, {"kind": "say", "text": ""})
    return data | changes


TWICE = {"questions-1-name": "name", "questions-1-question": "?", "questions-1-default": "x"}


@pytest.fixture
def draft(as_player, alice):
    as_player(alice).post("/scenarios/new/", form())
    return Scenario.objects.get()


def test_a_scenario_is_written_and_begun(as_player, alice):
    client = as_player(alice)
    answer = client.post("/scenarios/new/", form())
    scenario = Scenario.objects.get()
    assert answer.url == f"/scenarios/{scenario.slug}/"
    assert scenario.slug.startswith("the-lamp-room-")
    assert (scenario.author, scenario.visibility) == (alice, "private")
    assert scenario.tags == ["sea", "night"]
    assert scenario.first_actions == [{"kind": "do", "text": "go down, ${name}"}]
    page = client.get(answer.url).content.decode()
    assert "You are Ada, and the lamp is out." in page
    assert "Draft." in page
    client.post(f"/scenarios/{scenario.slug}/begin/", {"name": "Bo"})
    adventure = Adventure.objects.get()
    assert adventure.head.reply == "You are Bo, and the lamp is out.\n\nSomething knocks."
    assert adventure.first_actions == [{"kind": "do", "text": "go down, Bo"}]
    assert adventure.cards.get().keys == ["lamp", "lens"]


def test_looking_at_the_form_makes_no_guest_and_saving_does(client, db):
    assert client.get("/scenarios/new/").status_code == 200
    assert client.get("/scenarios/mine/").status_code == 200
    assert Player.objects.count() == 0
    client.post("/scenarios/new/", form())
    assert Scenario.objects.get().author == Player.objects.get()


def test_editing_replaces_what_it_said_and_an_emptied_row_goes(as_player, alice, draft):
    client = as_player(alice)
    url = f"/scenarios/{draft.slug}/edit/"
    page = client.get(url).content.decode()
    assert "It burns whale oil." in page
    assert "sea, night" in page
    changed = form(title="The Dark Room")
    changed |= {"actions-0-text": "", "cards-0-DELETE": "on"}
    client.post(url, changed)
    draft.refresh_from_db()
    assert (draft.title, draft.first_actions, draft.cards.count()) == ("The Dark Room", [], 0)
    client.post(url, form())
    draft.refresh_from_db()
    client.post(url, form())
    assert (len(draft.placeholders), draft.cards.count()) == (1, 1), "the same again is the same"


def test_a_preview_shows_how_it_reads_and_stores_nothing(as_player, alice):
    page = as_player(alice).post("/scenarios/new/", form(do="preview")).content.decode()
    assert "You are Ada, and the lamp is out.</p>" in page
    assert "You go down, Ada." in page
    assert Scenario.objects.count() == 0


def test_another_row_comes_without_javascript(as_player, alice):
    page = as_player(alice).post("/scenarios/new/", form(do="more-cards"))
    assert 'name="cards-2-title"' in page.content.decode()
    assert "It burns whale oil." in page.content.decode()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"title": ""}, "is required"),
        ({"opening": "x" * 20_001}, "at most 20000"),
        ({"opening": "You are ${nme}."}, "${nme}"),
        ({"opening": "${name}" * 500, "questions-0-default": "A" * 80}, "answers filled in"),
        ({"tags": ",".join("abcdefghi")}, "9 tags; the limit is 8"),
        ({"tags": "x" * 31}, "at most 30"),
        ({"questions-0-name": "Na me"}, "Only lower-case letters"),
        ({"questions-0-default": "A" * 81}, "tick “Long answer”"),
        (
            {"questions-1-name": "name", "questions-1-question": "?", "questions-1-default": "x"},
            "Two",
        ),
        ({"cards-0-keys": ""}, "at least one key"),
        ({"actions-0-kind": "shout"}, "not one of"),
        ({"cards-TOTAL_FORMS": "9999"}, "at most 200"),
        ({"cards-TOTAL_FORMS": "x"}, "ManagementForm"),
    ],
)
def test_what_does_not_fit_is_named_and_every_word_comes_back(as_player, alice, changes, complaint):
    answer = as_player(alice).post("/scenarios/new/", form(**changes))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert complaint in page
    assert "Something knocks below." in page
    assert Scenario.objects.count() == 0


def test_own_scenarios_have_a_limit(as_player, alice, draft, monkeypatch):
    monkeypatch.setattr(limits, "MOST_SCENARIOS", 1)
    answer = as_player(alice).post("/scenarios/new/", form(title="Another"))
    assert answer.status_code == 422
    assert "the maximum" in answer.content.decode()
    assert 'value="Another"' in answer.content.decode()
    assert as_player(alice).post(f"/scenarios/{draft.slug}/edit/", form()).status_code == 302


# Who sees it


STATES = [
    # visibility, hidden, in the list, who may open its page and begin it
    ("private", False, False, {"author"}),
    ("unlisted", False, False, {"stranger", "player", "author", "staff"}),
    ("public", False, True, {"stranger", "player", "author", "staff"}),
    ("public", True, False, {"author", "staff"}),
    ("unlisted", True, False, {"author", "staff"}),
]


@pytest.mark.parametrize(("visibility", "hidden", "listed", "readers"), STATES)
def test_who_sees_what(client, alice, bob, charlie, draft, visibility, hidden, listed, readers):
    Scenario.objects.update(visibility=visibility, hidden=hidden)
    charlie.is_staff = True
    charlie.save()
    everybody = {"stranger": None, "player": bob, "author": alice, "staff": charlie}
    for name, player in everybody.items():
        client.logout()
        if player:
            client.force_login(player)
        may = name in readers
        url = f"/scenarios/{draft.slug}/"
        assert client.get(url).status_code == (200 if may else 404), name
        assert (draft in client.get("/scenarios/").context["scenarios"]) == listed
        assert (draft in client.get("/").context["scenarios"]) == listed
        assert client.post(f"{url}begin/").status_code == (302 if may else 404), name


def test_publishing_and_taking_back(as_player, alice, bob, client, draft):
    url = f"/scenarios/{draft.slug}/"
    for visibility, words in [
        ("public", "Everybody on this host can play it"),
        ("unlisted", "Anyone with this link can play it"),
        ("private", "Only you can see it"),
        ("nonsense", "Nothing was changed"),
    ]:
        answer = as_player(alice).post(f"{url}publish/", {"visibility": visibility}, follow=True)
        assert words in answer.content.decode()
    draft.refresh_from_db()
    assert draft.visibility == "private"


def test_a_hidden_scenario_is_not_published_again_by_its_author(as_player, alice, bob, draft):
    writing.publish(draft, Visibility.PUBLIC)
    Scenario.objects.update(hidden=True)
    as_player(alice).post(f"/scenarios/{draft.slug}/publish/", {"visibility": "public"})
    assert as_player(bob).get(f"/scenarios/{draft.slug}/").status_code == 404


def test_what_is_by_link_asks_not_to_be_found(client, draft):
    writing.publish(draft, Visibility.UNLISTED)
    assert "noindex" in client.get(f"/scenarios/{draft.slug}/").content.decode()


OTHERS = [("get", "edit"), ("post", "edit"), ("post", "publish"), ("get", "delete"),
          ("post", "delete"), ("get", "export.yaml")]  # fmt: skip


@pytest.mark.parametrize(("method", "what"), OTHERS)
def test_others_change_nothing_and_save_nothing(client, draft, bob, method, what):
    writing.publish(draft, Visibility.PUBLIC)
    path = f"/scenarios/{draft.slug}/{what}" + ("" if "." in what else "/")
    for who in (None, bob):
        client.logout()
        if who:
            client.force_login(who)
        assert getattr(client, method)(path, form(visibility="private")).status_code == 404
    draft.refresh_from_db()
    assert draft.visibility == "public"


def test_the_hosts_scenarios_are_nobodys_to_change(as_player, alice, scenario):
    assert as_player(alice).get("/scenarios/the-cellar/edit/").status_code == 404


def test_deleting_asks_first_and_leaves_stories_alone(as_player, alice, draft):
    client = as_player(alice)
    client.post(f"/scenarios/{draft.slug}/begin/")
    assert "permanently deleted" in client.get(f"/scenarios/{draft.slug}/delete/").content.decode()
    client.post(f"/scenarios/{draft.slug}/delete/")
    assert Scenario.objects.count() == 0
    assert client.get("/adventures/").status_code == 200
    Scenario.with_deleted.update(deleted=Now() - timedelta(hours=25))
    tidy()
    assert Adventure.objects.get().scenario is None
    assert client.get("/adventures/").status_code == 200


def test_markup_in_a_scenario_is_text(as_player, alice):
    bad = "<img src=x onerror=alert(1)>\"'"
    data = form(title=bad, tempt=bad, opening=bad, **{"actions-0-text": bad, "cards-0-text": bad})
    client = as_player(alice)
    client.post("/scenarios/new/", data | {"questions-0-question": bad, "tags": "<b>"})
    scenario = Scenario.objects.get()
    writing.publish(scenario, Visibility.PUBLIC)
    its = f"{scenario.slug}/"
    for path in ["", "mine/", its, f"{its}edit/", f"{its}delete/"]:
        url = f"/scenarios/{path}"
        page = client.get(url).content.decode()
        assert "<img" not in page, url
        assert "<b>&" not in page, url


# Files


def bring(client, content, name="mine.yaml"):
    from django.core.files.uploadedfile import SimpleUploadedFile

    content = content.encode() if isinstance(content, str) else content
    return client.post(
        "/scenarios/import/", {"file": SimpleUploadedFile(name, content)}, follow=True
    )


def test_a_scenario_goes_through_a_file_and_back(as_player, alice, bob, draft):
    answer = as_player(alice).get(f"/scenarios/{draft.slug}/export.yaml")
    assert "opening: |-\n  You are ${name}, and the lamp is out.\n\n  Something" in (
        answer.content.decode()
    )
    assert "attachment" in answer.headers["Content-Disposition"]
    bring(as_player(bob), answer.content)
    again = Scenario.objects.of(bob).get()
    assert again.visibility == "private"
    assert writing.content_of(again) == writing.content_of(draft)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_scenario_of_ours_can_be_brought_by_a_player(alice, file):
    scenario = writing.write(alice, read_scenario(file))
    assert (scenario.rank, scenario.author) == (1000, alice)
    assert SHIPPED.exists()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("title: [", "Import failed"),
        ("just words", "dictionary"),
        ("title: A\ntempt: B\n", "opening"),
        ("title: A\ntempt: B\nopening: C\ncolour: red\n", "colour"),
        ("title: [2020]\ntempt: B\nopening: C", "title"),
        ("[" * 20_000, "Import failed"),
        ("title: A\ntempt: B\nopening: C ${d}", "${d}"),
        (
            "title: A\ntempt: B\nopening: C\ncards: [{title: a, keys: [], text: b}]",
            "at least one key",
        ),
        ("title: A\ntempt: B\nopening: C\ntags: &a [x, x]\nmemory: *a", "aliases"),
        ("title: !!python/object/apply:os.getcwd []", "Import failed"),
        (b"\xff\xfe\x00", "UTF-8"),
        ("x" * (4 * 1024 * 1024 + 1), "at most 4 MiB"),
    ],
)
def test_a_file_that_is_no_scenario_is_named_with_what_is_wrong(
    as_player, alice, content, complaint
):
    page = bring(as_player(alice), content).content.decode()
    assert complaint in page
    assert Scenario.objects.count() == 0


def test_no_file_at_all(as_player, alice):
    answer = as_player(alice).post("/scenarios/import/", follow=True)
    assert "Choose a scenario" in answer.content.decode()


MISTAKES = [
    ({"opening": "You are {name}. ${name}!"}, "Write ${name} to put the answer there"),
    ({"opening": "You are { Name }."}, "“{ Name }” is shown as it is. Write ${name}"),
    ({"memory": "{{user}} keeps the lamp."}, "“{{user}}” is shown as it is"),
    ({"opening": "You are ${My Name}."}, "“${My Name}” is shown as it is: no question"),
    ({"opening": "You are ${name"}, "“${name” is shown as it is"),
    ({"tempt": "Will ${name} come home?"}, "title, tagline and tags cannot have answers"),
    ({"cards-0-text": "{name} has it."}, "“{name}” is shown as it is"),
    ({"actions-0-text": "go down, {name}"}, "“{name}” is shown as it is"),
]


@pytest.mark.parametrize(("changes", "warned"), MISTAKES)
def test_a_place_that_nothing_fills_is_shown_to_the_writer_before_others(
    as_player, alice, changes, warned
):
    client = as_player(alice)
    page = html.unescape(client.post("/scenarios/new/", form(do="preview", **changes)).text)
    assert warned in page
    page = client.post("/scenarios/new/", form(**changes), follow=True).text
    assert warned in html.unescape(page), "a draft is saved, and the writer told"
    draft = Scenario.objects.get()
    url = f"/scenarios/{draft.slug}/publish/"
    for visibility in ("public", "unlisted"):
        page = html.unescape(client.post(url, {"visibility": visibility}).text)
        assert warned in page and "Publish anyway" in page
        draft.refresh_from_db()
        assert draft.visibility == "private", "it waits for the writer"
    client.post(url, {"visibility": "public", "anyway": "on"})
    draft.refresh_from_db()
    assert draft.visibility == "public"


def test_a_published_scenario_is_not_changed_to_one_with_a_mistake_unasked(as_player, alice, draft):
    client = as_player(alice)
    writing.publish(draft, Visibility.PUBLIC)
    url, changed = f"/scenarios/{draft.slug}/edit/", form(opening="You are {name}.")
    answer = client.post(url, changed)
    assert answer.status_code == 422 and "Save anyway" in answer.text
    draft.refresh_from_db()
    assert "{name}" not in draft.opening.replace("${name}", "")
    client.post(url, changed | {"do": "save-anyway"})
    draft.refresh_from_db()
    assert draft.opening == "You are {name}."


def test_what_is_no_mistake_is_published_without_a_word(as_player, alice):
    client = as_player(alice)
    client.post(
        "/scenarios/new/", form(opening="${name}, it costs $5 {or 6}, $$9 and $${name}. {}")
    )
    draft = Scenario.objects.get()
    client.post(f"/scenarios/{draft.slug}/publish/", {"visibility": "public"})
    draft.refresh_from_db()
    assert draft.visibility == "public"


def test_scenarios_of_the_host_are_looked_through_as_well(db, tmp_path, capsys):
    file = "title: A\ntempt: B\nopening: You are {name} of ${place}.\n"
    (tmp_path / "cellar.yaml").write_text(file)
    call_command("loadscenarios", tmp_path)
    warned = capsys.readouterr().err
    assert "cellar.yaml: “{name}” is shown as it is" in warned
    assert "“${place}” is shown as it is" in warned
    call_command("loadscenarios")
    assert capsys.readouterr().err == "", "ours have no mistake"
