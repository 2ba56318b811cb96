"""The stories of an older Grue are there after an upgrade."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from game.models import Adventure, Player, Scenario, Turn
from game.play.snapshots import snapshot

# The schema of the first Grue that people hosted.
BEFORE = [("game", "0004_summaries")]


@pytest.mark.django_db(transaction=True)
def test_an_adventure_of_an_older_version_is_played_on():
    executor = MigrationExecutor(connection)
    executor.migrate(BEFORE)
    try:
        old = executor.loader.project_state(BEFORE).apps
        player = old.get_model("game", "Player").objects.create(username="ada", is_guest=True)
        scenario = old.get_model("game", "Scenario").objects.create(
            slug="well", title="The Well", tempt="It coughs.", opening="You sit on the rim."
        )
        adventure = old.get_model("game", "Adventure").objects.create(
            title="The Well", scenario=scenario, memory="You can swim."
        )
        old.get_model("game", "Membership").objects.create(player=player, adventure=adventure)
        turns = old.get_model("game", "Turn").objects
        opening = turns.create(
            adventure=adventure, kind="opening", reply="You sit on the rim.", status="told"
        )
        turn = turns.create(
            adventure=adventure,
            parent=opening,
            player=player,
            kind="do",
            action="call down",
            reply="A cough answers. ☂",
            status="told",
        )
        adventure.head = turn
        adventure.save()
    finally:
        call_command("migrate", verbosity=0)
        # What tests/conftest.py did to the database that stood here before.
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE game_auditentry DISABLE TRIGGER audit_is_not_emptied")
    ada = Player.objects.get(username="ada")
    found = Adventure.objects.of(ada).get()
    assert found.memory == "You can swim."
    shown = snapshot(found.pk)
    assert [each.reply for each in shown.turns] == ["You sit on the rim.", "A cough answers. ☂"]
    assert Turn.objects.get(pk=turn.pk).action == "call down"
    assert Scenario.objects.get(slug="well").title == "The Well"
