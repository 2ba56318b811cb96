"""An adventure with everything that Grue stores of one, made fast; and exports without ids."""

import uuid
from datetime import UTC, datetime, timedelta

from game.models import (
    Adventure,
    Chapter,
    Edit,
    Membership,
    RecallMark,
    StoryCard,
    Summary,
    Turn,
    TurnChanges,
)

BEGUN = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROLL = {
    "sides": 20,
    "rolled": 14,
    "outcome": "success",
    "difficulty": "ordinary",
    "needed": 6,
    "modifiers": [{"name": "lantern", "change": -2}],
}


def plant(player, turns=1_000, scenario=None):
    """An adventure with branches, retries, and every feature on some of its turns."""
    adventure = Adventure.objects.create(
        title="The Long Descent",
        scenario=scenario,
        memory="You are Wren.",
        authors_note="Drily.",
        first_actions=[{"kind": "do", "text": "go down"}],
        narrator="parrot",
        summarise=False,
        sampling={"preset": "custom", "temperature": 0.7, "banned": ["a testament to"]},
        dice=True,
        suggestions=True,
        archived=True,
        audience="mature",
        created=BEGUN,
    )
    Membership.objects.create(player=player, adventure=adventure)
    made = [Turn(id=uuid.uuid4(), adventure=adventure, kind="opening", reply="It is dark.")]
    for place in range(1, turns):
        # Every tenth is a retry of the one before, every hundredth a branch far back.
        parent = made[-1]
        if place % 10 == 0:
            parent = next(each for each in made if each.pk == made[-1].parent_id)
        elif place % 100 == 55:
            parent = made[place // 2]
        made.append(new_turn(adventure, player, place, parent))
    for place, turn in enumerate(made):
        turn.created = BEGUN + timedelta(minutes=place)
        turn.told = turn.created + timedelta(seconds=9)
        turn.narrator = "quill" if place % 2 else "smol"
        turn.status = turn.status if turn.status != "queued" else "told"
    Turn.objects.bulk_create(made)
    plant_details(made, player)
    StoryCard.objects.create(
        adventure=adventure, title="Lamp", keys=["lamp", "lantern"], text="It is out.", pinned=True
    )
    StoryCard.objects.create(adventure=adventure, title="Cellar", keys=["cellar"], text="Wet.")
    adventure.head = made[-2]
    adventure.changed = made[-1].told
    adventure.save()
    return adventure


def new_turn(adventure, player, place, parent):
    """A turn, which becomes its parent's last child."""
    kind = ("do", "say", "story", "continue")[place % 4]
    turn = Turn(
        id=uuid.uuid4(),
        adventure=adventure,
        parent=parent,
        player=player,
        kind=kind,
        action="" if kind == "continue" else f"try door {place}",
        reply=f"Door {place} creaks – “{'so ' * (place % 40)}”.\n\nNothing else.",
        status={7: "stopped", 9: "failed"}.get(place % 50, "told"),
        reason="The narrator broke." if place % 50 == 9 else "",
        attempt=1 + (place % 3 == 0),
        dice=ROLL if place % 6 == 1 else None,
        edited=place % 20 == 3,
    )
    parent.last_child_id = turn.pk
    return turn


def plant_details(made, player):
    """Edits, summaries, chapters, marks and changes of the world."""
    edited = [turn for turn in made if turn.edited]
    Edit.objects.bulk_create(
        Edit(
            turn=turn,
            field=field,
            before=f"before {number} of {turn.kind}",
            by=player,
            at=turn.created + timedelta(seconds=20 + number),
        )
        for turn in edited
        for number, field in enumerate(("reply", "action", "reply"))
    )
    Summary.objects.bulk_create(
        Summary(turn=turn, text=f"Then {turn.kind}.", own=5, by=by)
        for turn, by in zip(made[50::50], ("extract", "narrator", "player") * 10, strict=False)
    )
    Chapter.objects.bulk_create(
        Chapter(turn=turn, title=f"{turn.kind} {turn.created:%H %M}") for turn in made[25::50]
    )
    RecallMark.objects.bulk_create(
        RecallMark(turn=turn, mark=mark)
        for turn, mark in zip(made[30::100], ("pinned", "forgotten") * 9, strict=False)
    )
    TurnChanges.objects.bulk_create(
        TurnChanges(
            turn=turn,
            changes=[
                {
                    "part": "place",
                    "value": f"room {place}",
                    "source": "rule",
                    "sentence": "You go.",
                },
                {"part": "fact", "name": f"fact {place}", "value": "true", "source": "player"},
                {"part": "fact", "name": f"fact {place - 1}", "value": "", "source": "player"},
            ],
        )
        for place, turn in enumerate(made[1::3])
    )


def without_ids(export):
    """The export with the place of a turn in place of its id."""
    places = {turn["id"]: place for place, turn in enumerate(export["turns"])}

    def plain(value):
        if isinstance(value, dict):
            return {name: plain(each) for name, each in value.items()}
        if isinstance(value, list):
            return [plain(each) for each in value]
        return places.get(value, value) if isinstance(value, str) else value

    found = plain(export)
    found["adventure"].pop("id", None)
    for card in found["cards"]:
        del card["id"]
    return found
