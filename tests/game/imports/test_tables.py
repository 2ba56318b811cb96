"""An adventure that several played is exported with their names, and comes in with them."""

import pytest

from game.imports.writers import sources
from game.imports.writers.forms import FORMS
from game.models import Turn
from tests.game.imports.test_grue_format import exported, import_export
from tests.game.imports.trees import plant

pytestmark = pytest.mark.django_db
WORDS = {
    "open the hatch": ("Mira", "Mira opens the hatch."),
    "Jonna looks round. Mira waits.": ("Jonna", "Jonna looks round. Mira waits."),
    "go down": ("", "You go down."),
    "look up": ("<i>", "You look up."),
}


def test_names_of_who_acted_are_in_exports_and_come_in_again(alice, as_player, log):
    client, adventure = as_player(alice), plant(alice, turns=5)
    rows = list(adventure.turns.exclude(parent=None).order_by("created"))
    for row, (action, (name, _shown)) in zip(rows, WORDS.items(), strict=True):
        Turn.objects.filter(pk=row.pk).update(kind="do", action=action, character=name)
    before = exported(client, adventure)
    stored, notes = import_export(before, alice)
    after = exported(client, stored.adventure)
    shown = [turn["shown"] for turn in after["turns"][1:]]
    assert shown == [shown for _name, shown in WORDS.values()], "a name that cannot be is none"
    assert notes == [] and not any("kept" in turn for turn in after["turns"])

    adventure.head = rows[-1]
    story, _left_out = sources.adventure_document(adventure, hidden=True)
    text = FORMS["sillytavern"].write(story).content.decode()
    assert "Mira opens the hatch." in text and "You Jonna" not in text
