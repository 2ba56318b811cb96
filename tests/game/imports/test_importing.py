"""Files on their way in: preview, choice, import in the background, report."""

import io
import json
import zipfile
from threading import Event, Thread

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, connections, transaction
from django.urls import reverse

from game.imports import bundles, importing, keeping, previews, reading, tasks, views
from game.imports.documents import AdventureDocument, FileDocument, TurnDocument
from game.models import Adventure, Import, Player, Scenario, StoryCard, Taste, Turn
from tests.game.imports.trees import plant, without_ids

pytestmark = pytest.mark.django_db


def send(client, content, name="story.json"):
    """Send a file as the page does. The import, or what was wrong."""
    file = SimpleUploadedFile(name, content if isinstance(content, bytes) else content.encode())
    answer = client.post(
        reverse("import_files"), {"file": file}, headers={"Accept": "application/json"}
    )
    if answer.status_code != 200:
        return answer.json()["message"]
    return Import.objects.get(pk=answer.json()["imports"][0].split("/")[-2])


def decide(client, found, way="adventure", **fields):
    """Choose how a file is imported, then do as a worker does."""
    client.post(reverse("import", args=[found.pk]), {"way": way, **fields})
    found.refresh_from_db()
    assert found.state == "waiting"
    tasks.import_files()
    found.refresh_from_db()
    return found


def export(client, adventure, form="json"):
    return client.get(reverse("export", args=[adventure.pk, form])).content


def test_a_file_is_shown_first_then_imported_and_its_report_stays(alice, as_player, log):
    client = as_player(alice)
    content = export(client, plant(alice, turns=30))
    found = send(client, content)
    assert found.preview["turns"] == 30 and found.state == "preview"
    page = client.get(reverse("import_files")).content.decode()
    assert "The Long Descent" in page and "30 turns" in page
    assert Adventure.objects.count() == 1
    found = decide(client, found)
    assert found.state == "done" and found.content is None
    [adventure] = [each.adventure for each in found.stories.all()]
    assert "The Long Descent" in client.get(reverse("import", args=[found.pk])).content.decode()
    assert without_ids(json.loads(export(client, adventure)))["turns"]
    shelf = client.get(reverse("adventures") + "?archived").content.decode()
    assert reverse("import", args=[found.pk]) in shelf


def test_a_visitor_brings_a_file_and_becomes_a_guest(client, as_player, alice, log):
    content = export(as_player(alice), plant(alice, turns=5))
    client.logout()
    assert "no story" in send(client, b"\xff\xd8\xff\x00", "x.jpg")
    assert not Import.objects.exists()
    assert send(client, content).player.is_guest


def test_everything_of_a_player_comes_in_again_elsewhere(alice, bob, as_player, scenario, log):
    Scenario.objects.create(
        slug="own", author=alice, title="Own", tempt="x", opening="Mine.", visibility="private"
    )
    StoryCard.objects.create(
        scenario_id="own", title="Secret", keys=["it"], text="A cat.", hidden=True
    )
    plant(alice, turns=40, scenario=Scenario.objects.get(slug="own"))
    plant(alice, turns=20, scenario=scenario)
    Taste.objects.create(player=alice, length="long", looks={"theme": "night"})
    content = b"".join(bundles.everything_of(alice))
    client = as_player(bob)
    found = send(client, content, "all.grue")
    assert (found.preview["adventures"], found.preview["scenarios"]) == (2, 1)
    found = decide(client, found, "found", settings="on")
    assert found.state == "done", found.problem
    mine = Adventure.objects.of(bob).order_by("pk")
    assert sorted(each.turns.count() for each in mine) == [20, 40]
    [own] = Scenario.objects.filter(author=bob)
    assert own.visibility == "private" and own.cards.get().hidden
    assert {each.scenario_id for each in mine} == {own.pk, "the-cellar"}
    taste = Taste.objects.get(player=bob)
    assert taste.length == "long" and taste.looks == {"theme": "night"}


def test_a_bundle_larger_than_a_part_is_imported_in_parts(alice, as_player, monkeypatch, log):
    monkeypatch.setattr(bundles, "PART_BYTES", 10_000)
    for _ in range(3):
        plant(alice, turns=12)
    content = b"".join(bundles.everything_of(alice))
    assert len(list(bundles.parts_of(content))) == 3
    client = as_player(alice)
    found = decide(client, send(client, content, "all.grue"))
    assert found.state == "done", found.problem
    assert Adventure.objects.count() == 6


def test_hidden_cards_of_others_are_in_no_export(alice, as_player, begin, scenario, log):
    scenario.cards.update(hidden=True)
    adventure = begin(alice)
    told = json.loads(export(as_player(alice), adventure))
    assert told["cards"] == [] and told["left_out"] == {"hidden_cards": 1}
    bundle = zipfile.ZipFile(io.BytesIO(b"".join(bundles.everything_of(alice))))
    assert all(b"floods" not in bundle.read(name) for name in bundle.namelist())


def test_an_adventure_becomes_a_scenario_or_gives_its_cards(alice, as_player, begin, log):
    client = as_player(alice)
    content = export(client, plant(alice, turns=5))
    found = decide(client, send(client, content), "scenario")
    [made] = Scenario.objects.filter(author=alice)
    assert (made.opening, made.memory) == ("It is dark.", "You are Wren.")
    assert made.visibility == "private" and made.cards.count() == 2
    target = begin(alice)
    found = decide(client, send(client, content), "cards", target=f"adventure:{target.pk}")
    assert found.report["stories"][0]["counts"] == {"cards": 2}
    assert target.cards.count() == 3


def test_cards_go_to_no_adventure_of_another(alice, bob, as_player, begin, log):
    client = as_player(alice)
    found = send(client, export(client, plant(alice, turns=5)))
    where = {"way": "cards", "target": f"adventure:{begin(bob).pk}"}
    client.post(reverse("import", args=[found.pk]), where)
    found.refresh_from_db()
    assert found.state == "preview"


def test_nothing_of_a_file_stays_when_a_part_cannot_be_stored(alice, as_player, monkeypatch, log):
    for _ in range(2):
        plant(alice, turns=6)
    client = as_player(alice)
    found = send(client, b"".join(bundles.everything_of(alice)), "all.grue")
    monkeypatch.setattr("game.imports.storing.MOST_ADVENTURES", 3)
    found = decide(client, found)
    assert found.state == "failed" and "maximum" in found.problem
    assert Adventure.objects.count() == 2 and Turn.objects.count() == 12
    assert "nothing was saved" in client.get(reverse("import_files")).content.decode()


def test_a_worker_that_dies_leaves_nothing_and_the_next_begins_again(
    alice, as_player, monkeypatch, log
):
    client = as_player(alice)
    found = send(client, export(client, plant(alice, turns=6)))

    def die(*_args, **_kwargs):
        raise SystemError("the worker is gone")

    with monkeypatch.context() as patch:
        patch.setattr("game.imports.importing.link", die)
        client.post(reverse("import", args=[found.pk]), {"way": "adventure"})
        tasks.import_files()
    found.refresh_from_db()
    assert (found.state, found.attempts) == ("waiting", 1)
    assert Adventure.objects.count() == 1
    tasks.import_files()
    found.refresh_from_db()
    assert found.state == "done" and Adventure.objects.count() == 2
    tasks.import_files()
    assert Adventure.objects.count() == 2


def test_a_file_that_fails_each_time_is_given_up(alice, as_player, monkeypatch, log):
    client = as_player(alice)
    found = send(client, export(client, plant(alice, turns=6)))
    monkeypatch.setattr("game.imports.importing.store", lambda _found: 1 / 0)
    client.post(reverse("import", args=[found.pk]), {"way": "adventure"})
    for _ in range(importing.MOST_ATTEMPTS + 1):
        tasks.import_files()
    found.refresh_from_db()
    assert found.state == "failed" and found.content is None


def test_old_exports_are_read(alice, as_player, log):
    client = as_player(alice)
    new = json.loads(export(client, plant(alice, turns=20)))
    old = {name: new[name] for name in ("adventure", "cards", "summaries", "turns", "world")}
    for name in ("id", "changed", "archived", "audience", "first_actions", "suggestions"):
        del old["adventure"][name]
    for each in old["summaries"]:
        del each["own"]
    for turn in old["turns"]:
        for name in ("narrator", "last_child", "acted", "actions", "versions", "chapter", "dice"):
            del turn[name]
    found = decide(client, send(client, json.dumps(old)))
    assert (found.state, found.version) == ("done", "1"), found.problem
    [made] = [each.adventure for each in found.stories.all()]
    back = without_ids(json.loads(export(client, made)))
    before = without_ids({**new, "edits": []})
    assert made.title == "The Long Descent" and made.turns.count() == 20
    assert [turn["reply"] for turn in back["turns"]] == [t["reply"] for t in before["turns"]]
    assert back["adventure"]["head"] == before["adventure"]["head"]
    assert back["world"] == before["world"]


def test_the_scenario_files_of_the_shelf_are_read(alice, as_player, log):
    from game.library import writing
    from game.scenarios import SHIPPED

    client = as_player(alice)
    file = sorted(SHIPPED.glob("*.yaml"))[0]
    found = decide(client, send(client, file.read_bytes(), file.name), "scenario")
    assert found.state == "done", found.problem
    [made] = Scenario.objects.filter(author=alice)
    written = writing.content_of(made)
    expected = writing.from_yaml(file.read_bytes()).model_dump(exclude={"rank"})
    expected["cards"].sort(key=lambda card: card["title"])
    assert {name: written[name] for name in expected} == expected


def test_what_breaks_a_rule_of_the_host_is_not_imported(alice, as_player, monkeypatch, log):
    from game.moderation import screening
    from inference.contract.screening import Finding

    finding = Finding(rule="r", version="1", severity="block", words="creaks")
    monkeypatch.setattr(
        screening, "find_matches", lambda text, *_: [finding] if "creaks" in text else []
    )
    client = as_player(alice)
    found = decide(client, send(client, export(client, plant(alice, turns=6))))
    assert found.state == "failed" and "creaks" in found.problem
    assert Adventure.objects.count() == 1


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        # Begins with an action: an empty opening comes before it.
        (
            [TurnDocument(kind="do", action="look", reply="Dark.")],
            [("opening", "", ""), ("do", "look", "Dark.")],
        ),
        # Several openings are retries of each other.
        (
            [TurnDocument(reply="One."), TurnDocument(reply="Two.")],
            [("opening", "", ""), ("continue", "", "One."), ("continue", "", "Two.")],
        ),
        # A long reply goes on in turns after it, and is parted between sentences.
        (
            [TurnDocument(reply="Go on. " * 1_000), TurnDocument(parent=0, action="x")],
            [
                ("opening", "", ("Go on. " * 571).strip()),
                ("continue", "", ("Go on. " * 429).strip()),
                ("story", "x", ""),
            ],
        ),
    ],
)
def test_every_tree_becomes_one_with_an_opening(alice, turns, expected, log):
    from game.imports.notes import Notes
    from game.imports.storing import store_adventure

    stored = store_adventure(alice, AdventureDocument(turns=turns), Notes(), {})
    made = stored.adventure.turns.order_by("created", "pk")
    assert [(each.kind, each.action, each.reply) for each in made] == expected
    assert stored.adventure.head_id


def test_what_has_no_place_is_kept_and_found_again(alice, log):
    found = Import.objects.create(player=alice, name="x", format="grue", choices={"way": "found"})
    turn = TurnDocument(kind="opening", reply="Hi.", kept={"mood": "odd"})
    story = AdventureDocument(turns=[turn], kept={"bias": [1]})
    document = FileDocument(format="kobold", version="1", adventures=[story], kept={"file": 2})
    from game.imports.notes import Notes

    notes = Notes()
    [stored] = importing.store_document(found, document, notes, {})
    importing.link(found, document, stored, notes)
    kept = keeping.kept_of(stored.adventure, "kobold")
    assert (kept.file, kept.story) == ({"file": 2}, {"bias": [1]})
    assert kept.turns == {str(stored.adventure.head_id): {"mood": "odd"}}
    assert keeping.kept_of(stored.adventure, "novelai") is None


def bundle(index, compression=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as out:
        out.writestr(bundles.INDEX, index)
    return file.getvalue()


def directory_elsewhere():
    """A bundle whose end says nothing of its list of files: another record does."""
    content = bundle("{}")
    at = content.rindex(b"PK\x05\x06")
    return content[:at] + b"PK\x06\x07" + bytes(16) + content[at:]


@pytest.mark.parametrize(
    "content",
    [
        # Both would be decompressed whole, here to 30 MiB and elsewhere to more than there is.
        bundle(" " * 30 * 1024**2, zipfile.ZIP_LZMA),
        bundle(" " * 30 * 1024**2, zipfile.ZIP_BZIP2),
        directory_elsewhere(),
    ],
    ids=["lzma", "bzip2", "zip64"],
)
def test_a_bundle_that_a_page_could_not_open_safely_is_refused(content):
    with pytest.raises(importing.ImportProblem, match="archive is damaged"):
        importing.open_file("x.grue", content)


def test_titles_that_no_database_holds_are_shown_without_their_marks(alice, as_player, log):
    index = {"grue": 1, "scenarios": [{"file": "x", "title": "The\0 \ud800lamp"}]}
    found = send(as_player(alice), bundle(json.dumps(index)), "x.grue")
    assert found.preview["stories"][0]["title"] == "The lamp"


@pytest.mark.django_db(transaction=True)
def test_a_player_can_act_while_their_file_is_imported(
    alice, as_player, scenario, monkeypatch, log
):
    Scenario.objects.filter(pk=scenario.pk).update(author=alice)
    plant(alice, turns=3, scenario=scenario)
    client, free = as_player(alice), []
    found = send(client, b"".join(bundles.everything_of(alice)), "all.grue")

    def lock():
        with transaction.atomic():
            rows = Player.objects.select_for_update(no_key=True, skip_locked=True)
            free.append(rows.filter(pk=alice.pk).exists())
        connections.close_all()

    def note(pk, stories):
        other = Thread(target=lock)
        other.start()
        other.join()

    monkeypatch.setattr(importing, "note_progress", note)
    decide(client, found, "found", settings="on")
    assert free == [True, True], "after a scenario, and after an adventure"


@pytest.mark.django_db(transaction=True)
def test_only_one_file_is_imported_at_a_time(alice, log):
    found = Import.objects.create(player=alice, name="x", state="waiting", content=b"{}")
    held, done = Event(), Event()

    def hold():
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [importing.LOCK])
            held.set()
            done.wait(10)
            cursor.execute("SELECT pg_advisory_unlock(%s)", [importing.LOCK])
        connections.close_all()

    other = Thread(target=hold)
    other.start()
    held.wait(10)
    try:
        assert importing.run(found.pk) is False
        found.refresh_from_db()
        assert (found.state, found.attempts) == ("waiting", 0)
    finally:
        done.set()
        other.join()
    assert connection.is_usable()


def test_players_take_turns_with_their_files(alice, bob, log):
    first, second, third = (
        Import.objects.create(player=player, name="x", state="waiting", content=b"{}")
        for player in (alice, alice, bob)
    )
    order = []
    for _ in range(3):
        order.append(importing.next_waiting())
        importing.end(Import.objects.get(pk=order[-1]), problem="No.")
    assert order == [first.pk, third.pk, second.pk]


def test_a_file_too_many_is_refused_before_it_is_read(alice, as_player, monkeypatch, log):
    Import.objects.create(player=alice, name="x", size=importing.MOST_OPEN_BYTES, content=b"{}")
    monkeypatch.setattr(importing, "preview_file", lambda *_: pytest.fail("it was read"))
    assert "Too many files" in send(as_player(alice), "{}")


def test_files_after_a_minute_of_reading_are_to_be_sent_again(alice, as_player, monkeypatch, log):
    monkeypatch.setattr(views, "LONGEST_REQUEST", -1.0)
    assert "Send this one again" in send(as_player(alice), "> wait\n\nIt rains.", "story.txt")
    assert not Import.objects.exists()


def test_the_preview_of_a_file_is_that_of_its_document(alice, log):
    content = b"> wait\n\nIt rains.\n\n> go on\n\nIt snows."
    document = reading.read_file(content, "story.txt")
    preview, form, _version = reading.read_preview(content, "story.txt")
    assert (preview, form) == (previews.preview_of(document), document.format)
    assert preview["turns"] == 3
