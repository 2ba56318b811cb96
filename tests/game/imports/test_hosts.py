"""From one host to another: players, with what they have."""

import io
import json

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command

from game.models import Adventure, Player, Scenario, StoryCard, Turn
from tests.game.imports.trees import plant

pytestmark = pytest.mark.django_db


@pytest.fixture
def host(scenario, tmp_path, log):
    """A file of a host where anna plays, who is then gone from this one."""
    anna = Player.objects.create_user("anna", "anna@example.com", "lamp-oil-and-rope")
    EmailAddress.objects.create(user=anna, email=anna.email, verified=True, primary=True)
    own = Scenario.objects.create(
        slug="annas-own", author=anna, title="Own", tempt="x", opening="Mine.", visibility="public"
    )
    StoryCard.objects.create(scenario=own, title="Cat", keys=["cat"], text="Grey.", hidden=True)
    adventure = plant(anna, turns=30, scenario=scenario)
    StoryCard.objects.create(
        adventure=adventure, title="Secret", keys=["it"], text="Teeth.", hidden=True
    )
    Player.objects.create(username="guest-1", is_guest=True)
    file = tmp_path / "everybody.zip"
    call_command("exportplayers", str(file), stdout=io.StringIO())
    assert file.stat().st_mode & 0o077 == 0
    made = {"anna": anna.pk, "adventure": adventure.pk}
    Adventure.objects.all().delete()
    Scenario.objects.filter(author=anna).delete()
    Player.objects.all().delete()
    return file, made


def add(file, *options):
    said = io.StringIO()
    call_command("importplayers", str(file), *options, stdout=said)
    return said.getvalue()


def test_players_move_with_all_they_have_and_log_in_as_before(host, client):
    file, made = host
    add(file)
    anna = Player.objects.get(pk=made["anna"])
    assert anna.check_password("lamp-oil-and-rope") and not Player.objects.filter(is_guest=True)
    assert EmailAddress.objects.get(user=anna, verified=True).email == "anna@example.com"
    adventure = Adventure.objects.of(anna).get()
    assert adventure.pk == made["adventure"] and adventure.turns.count() == 30
    assert adventure.scenario_id == "the-cellar"
    assert adventure.cards.get(title="Secret").hidden
    own = Scenario.objects.get(slug="annas-own", author=anna, visibility="public")
    assert own.cards.get().hidden


def test_adding_a_file_again_changes_nothing(host):
    file, made = host
    add(file)
    Adventure.objects.filter(pk=made["adventure"]).update(title="Renamed here")
    turns = set(Turn.objects.values_list("pk", flat=True))
    add(file)
    assert Adventure.objects.get().title == "Renamed here"
    assert set(Turn.objects.values_list("pk", flat=True)) == turns
    assert Scenario.objects.filter(slug="annas-own").count() == 1


def test_a_name_that_somebody_else_has_is_no_reason_to_mix_them_up(host):
    file, made = host
    other = Player.objects.create_user("Anna")
    with pytest.raises(CommandError, match="could not be added"):
        add(file)
    assert not Adventure.objects.of(other).exists() and Player.objects.count() == 1
    add(file, "--as", "anna=anna2")
    assert Player.objects.get(pk=made["anna"]).username == "anna2"


def test_an_archive_that_is_too_large_for_the_page_is_added_by_the_operator(alice, tmp_path, log):
    from game.imports import bundles

    adventure = plant(alice, turns=6)
    file = tmp_path / "alice.grue"
    file.write_bytes(b"".join(bundles.everything_of(alice)))
    adventure.delete()
    add(file, "--to", "alice")
    assert Adventure.objects.of(alice).get().turns.count() == 6


def test_a_damaged_file_is_refused(tmp_path, db):
    file = tmp_path / "broken.zip"
    file.write_bytes(json.dumps({}).encode())
    with pytest.raises(CommandError, match="damaged"):
        add(file)
