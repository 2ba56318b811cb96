"""Whose adventures narrators may learn from, and what is written of them."""

import pytest
from django.core.management import call_command
from django.utils import timezone

from game.models import Case, Kind, Membership, Sanction, Share, Status, TrainingConsent, Turn
from game.training import consent
from game.training.anonymisation import answers, remove_names
from game.training.corpus import collect
from inference.finetune.corpus import files_of, read

pytestmark = pytest.mark.django_db


@pytest.fixture
def played(begin, alice):
    """An adventure of alice's with five turns, in which she was called by her name."""
    return play(begin(alice))


def play(adventure, *more, ending="It is shut."):
    told = [
        ("do", "open the cellar door", "The door sticks, and gives. Cold air comes up."),
        ("say", "I am Alice, write to alice@example.org", 'A cough. "Alice," says the dark.'),
        ("continue", "", "Something climbs the stairs, one at a time."),
        ("do", "shut the door", ending),
        *more,
    ]
    for kind, action, reply in told:
        add(adventure, kind, action, reply)
    return adventure


def add(adventure, kind, action, reply, status=Status.TOLD):
    adventure.refresh_from_db()
    turn = Turn.objects.create(
        adventure=adventure,
        parent=adventure.head,
        kind=Kind(kind),
        action=action,
        reply=reply,
        status=status,
    )
    adventure.head = turn
    adventure.save(update_fields=["head"])
    return turn


def collected(tmp_path):
    said = []
    collect(tmp_path / "players", said.append)
    folder = tmp_path / "players"
    return [read(file) for file in sorted(folder.glob("*.txt"))]


def switch(client, adventure, to):
    return client.post(f"/adventures/{adventure.pk}/learning/", {"learning": to}, follow=True)


# ---- the owner's word


def test_nothing_is_learned_from_before_its_owner_says_so(played, tmp_path):
    assert collected(tmp_path) == []


def test_an_owner_switches_it_on_and_off(client, alice, played, tmp_path):
    client.force_login(alice)
    page = client.get(f"/adventures/{played.pk}/learning/")
    assert "Narrators may not learn from it." in page.content.decode()
    assert (
        "Narrators may learn from this adventure." in switch(client, played, "on").content.decode()
    )
    assert TrainingConsent.objects.get().player == alice
    assert len(collected(tmp_path)) == 1
    assert "Withdrawn" in switch(client, played, "off").content.decode()
    assert collected(tmp_path) == [], "and what was collected before is gone"


def test_the_settings_lead_there(client, alice, played):
    client.force_login(alice)
    page = client.get(f"/adventures/{played.pk}/").content.decode()
    assert f'href="/adventures/{played.pk}/learning/"' in page


def test_nobody_else_has_a_say(client, bob, charlie, played):
    client.force_login(charlie)
    assert client.get(f"/adventures/{played.pk}/learning/").status_code == 404
    assert switch(client, played, "on").status_code == 404
    Membership.objects.create(player=bob, adventure=played, role="player")
    client.force_login(bob)
    assert (
        "Only the adventure’s owner"
        in client.get(f"/adventures/{played.pk}/learning/").content.decode()
    )
    assert switch(client, played, "on").status_code == 403
    assert not TrainingConsent.objects.exists()


def test_what_is_deleted_hidden_or_of_someone_shut_out_is_left_alone(played, alice, tmp_path):
    consent.grant(played, alice)
    assert len(collected(tmp_path)) == 1
    share = Share.objects.create(adventure=played, turn=played.head, player=alice, hidden=True)
    assert collected(tmp_path) == []
    share.delete()
    alice.is_active = False
    alice.save()
    assert collected(tmp_path) == []
    alice.is_active = True
    alice.save()
    case = Case.objects.create(key="x", subject="story", adventure=played, words="player", kind="x")
    assert collected(tmp_path) == []
    Case.objects.update(decided=timezone.now(), outcome="dismiss")
    assert len(collected(tmp_path)) == 1
    case.delete()
    ban = Sanction.objects.create(player=alice, kind="ban")
    assert collected(tmp_path) == []
    ban.delete()
    assert len(collected(tmp_path)) == 1
    played.deleted = timezone.now()
    played.save()
    assert collected(tmp_path) == []


def test_the_consent_goes_with_the_adventure(played, alice):
    consent.grant(played, alice)
    played.delete()
    assert not TrainingConsent.objects.exists()


# ---- what is written


def test_an_adventure_is_written_in_the_corpus_shape_without_names(played, alice, tmp_path):
    consent.grant(played, alice)
    (found,) = collected(tmp_path)
    assert found.title == "The Cellar"
    assert found.licence == "LicenseRef-Players"
    assert [turn.kind for turn in found.turns] == ["do", "say", "continue", "do"]
    assert found.turns[0].action == "You open the cellar door."
    text = files_of(tmp_path / "players")[0].read_text()
    assert "alice" not in text.casefold() and "@" not in text
    assert '"Stranger," says the dark.' in text


def test_the_name_that_a_player_gave_is_taken_out(scenario, alice, tmp_path):
    from game.play import adventures

    played = play(adventures.begin(alice, scenario, {"name": "Marguerite Duval"}))
    add(played, "do", "wave", '"Good night, Marguerite," it says.')
    consent.grant(played, alice)
    collected(tmp_path)
    text = files_of(tmp_path / "players")[0].read_text()
    assert "Marguerite" not in text and "Duval" not in text
    assert "You are in the kitchen, Stranger." in text
    assert '"Good night, Stranger," it says.' in text


def test_only_the_way_to_where_the_player_stands_is_written(played, alice, tmp_path):
    other = played.head.parent
    add(played, "do", "lock it", "The key turns. What coughs is not pleased.")
    Turn.objects.create(
        adventure=played, parent=other, kind="do", action="run", reply="Gone.", status=Status.TOLD
    )
    consent.grant(played, alice)
    (found,) = collected(tmp_path)
    assert [turn.action for turn in found.turns][-1] == "You lock it."
    assert "Gone." not in [turn.reply for turn in found.turns]


def test_it_ends_before_the_player_tells_the_story(played, alice, tmp_path):
    add(played, "story", "Suddenly it is morning.", "The birds begin.")
    add(played, "do", "sleep", "You do.")
    consent.grant(played, alice)
    (found,) = collected(tmp_path)
    assert len(found.turns) == 4


def test_turns_without_words_are_left_out(played, alice, tmp_path):
    add(played, "do", "listen", "", Status.FAILED)
    add(played, "do", "listen again", "Nothing at all.")
    consent.grant(played, alice)
    (found,) = collected(tmp_path)
    assert found.turns[-1].action == "You listen again."
    assert len(found.turns) == 5


def test_adventures_of_one_beginning_are_one_tree(begin, alice, bob, tmp_path):
    """So that none is held out while its twin is learned."""
    for player, ending in ((alice, "It is shut."), (bob, "It will not shut.")):
        consent.grant(play(begin(player), ending=ending), player)
    (found,) = collected(tmp_path)
    assert len(found.paths) == 2
    assert [path[-1].reply for path in found.paths] == ["It is shut.", "It will not shut."]
    assert [turn.parent for turn in found.turns] == [0, 1, 2, 3, 1, 5, 6]


def test_lines_that_a_file_would_take_for_its_own_are_told_as_text(played, alice, tmp_path):
    add(played, "do", "read the wall", "=== after 9\n> You are here.\ntitle: no")
    consent.grant(played, alice)
    (found,) = collected(tmp_path)
    assert len(found.turns) == 5
    assert "You are here." in found.turns[-1].reply


def test_a_short_adventure_is_left_out(begin, alice, tmp_path):
    adventure = begin(alice)
    add(adventure, "do", "go", "You go.")
    consent.grant(adventure, alice)
    assert collected(tmp_path) == []


def test_a_folder_with_other_files_is_left_as_it_is(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(Exception, match="name a folder of its own"):
        call_command("finetune", "collect", "--out", str(tmp_path))
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_collect_and_check_from_the_command_line(played, alice, tmp_path, capsys):
    consent.grant(played, alice)
    call_command("finetune", "collect", "--out", str(tmp_path / "p"))
    assert "1 files" in capsys.readouterr().out


# ---- names


@pytest.mark.parametrize(
    ("text", "names", "left"),
    [
        ("Ask ALICE, or Alice's cat.", ["alice"], "Ask Stranger, or Stranger's cat."),
        ("Alicein is no Alice.", ["Alice"], "Alicein is no Stranger."),
        ("Anna  Maria waves to Anna.", ["Anna Maria", "Anna"], "Stranger waves to Stranger."),
        ("Mail a.b+c@mail.example.co.uk now.", [], "Mail an address now."),
        ("The door is open.", ["the", "", "x", "1234"], "The door is open."),
        ("Зоя стоит. Зоялка поёт.", ["зоя"], "Stranger стоит. Зоялка поёт."),
        ("(.*) is a name.", ["(.*)"], "Stranger is a name."),
    ],
)
def test_names_and_addresses_are_replaced(text, names, left):
    assert remove_names(text, names) == left


def test_what_was_filled_in_is_found_again():
    template = "You are ${name}, a $trade from ${place}. ${name} is late."
    filled = "You are Ada, a smith from Ulm. Ada is late."
    assert answers(template, filled) == {"name": "Ada", "trade": "smith", "place": "Ulm"}
    assert answers(template, "You are somebody else now.") == {}
    assert answers("It costs $$5, ${name}.", "It costs $5, Ada.") == {"name": "Ada"}
