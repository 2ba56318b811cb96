"""What the tables of German, French, Spanish and Chinese read out of a turn."""

import pytest

from inference.contract.request import Passage
from inference.contract.world import Person, Thing, World
from inference.world.rules import read_turn, table_for

WORLDS = {
    "de": World(
        people=(Person(name="Ida", here=True), Person(name="Jakob", here=True)),
        things=(Thing(name="Laterne", held="carried"),),
    ),
    "fr": World(
        people=(Person(name="Hugo", here=True), Person(name="Berthe", here=True)),
        things=(Thing(name="manteau", held="worn"),),
    ),
    "es": World(
        people=(Person(name="Inés", here=True), Person(name="el piloto", here=True)),
        things=(Thing(name="brújula", held="carried"),),
    ),
    "zh": World(
        people=(Person(name="阿莲", here=True), Person(name="老周", here=True)),
        things=(Thing(name="灯笼", held="carried"),),
    ),
}


@pytest.mark.parametrize(
    ("language", "action", "reply", "changes"),
    [
        ("de", "nimm den Schlüssel", "Du nimmst den Schlüssel.", [("Schlüssel", "carried")]),
        ("de", "", "Du gibst Ida die Laterne.", [("Laterne", "lost")]),
        ("de", "", "Du gehst an Ida vorbei in die Küche.", [("place", "Küche")]),
        ("de", "", "Jakob ist tot. Es wird Nacht.", [("time", "Nacht"), ("Jakob", "dead")]),
        ("de", "greife nach dem Ring", "Du greifst nach dem Ring, aber Ida ist schneller.", []),
        ("de", "", "Du träumst, dass du den Schlüssel nimmst.", []),
        ("fr", "", "Tu prends le carnet. Berthe lit.", [("carnet", "carried")]),
        ("fr", "", "Hugo prend votre manteau. Hugo sort.", [("manteau", "lost"), ("Hugo", "no")]),
        ("fr", "", "Tu ne prends pas la clef. Hugo n'est pas mort.", []),
        ("es", "", "Coges la piedra verde y la guardas.", [("piedra verde", "carried")]),
        ("es", "le doy la brújula a Inés", "Inés guarda la brújula.", [("brújula", "lost")]),
        ("es", "", "Sales a la calle. Ya es de noche.", [("time", "noche"), ("place", "calle")]),
        ("zh", "拿起桌上的剑", "你拿起桌上的剑，剑很轻。", [("剑", "carried")]),
        ("zh", "把灯笼递给阿莲", "阿莲接过灯笼，照了照路。", [("灯笼", "lost")]),
        ("zh", "", "老周倒在地上，死了。", [("老周", "dead")]),
        ("zh", "", "如果老周死了，你怎么办？", []),
        ("zh", "", "你走进厨房。", [("place", "厨房")]),
    ],
)
def test_a_turn_is_read_in_its_own_language(language, action, reply, changes):
    passage = Passage(kind="do" if action else "continue", action=action, reply=reply)
    found = read_turn(passage, WORLDS[language])
    said = [(each.name or each.part, each.value) for each in found]
    assert sorted(said) == sorted(changes)


def test_english_and_what_nobody_can_tell_have_no_table():
    assert table_for("You take the lantern and go down to the hold.") is None
    assert table_for("…") is None
    assert table_for("灯をとる。そして行く。") is None
    assert table_for("Du nimmst die Laterne.") is not None
