"""Those who moderate, what is shared, and rules of the tests' own."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.db.models.functions import Now

from game.library import shares
from game.models import Kind, Player, Scenario, Status, Turn, Visibility
from game.moderation.roles import make_groups

RULES = """
version: test-1
lists:
  fruit: [plum*, quince]
coded_lists:
  vegetables: [ghearc]  # turnep
rules:
  - name: no-fruit
    title: No fruit
    says: Fruit is not mentioned here.
    severity: block
    patterns: [eat ...3 <fruit>, <vegetables>]
    unless: [dried eat]
  - name: cheese
    title: Cheese is looked at
    says: Somebody looks at cheese.
    severity: queue
    patterns: [cheese]
  - name: bread
    title: Bread is counted
    says: Bread is counted.
    severity: note
    patterns: [bread]
  - name: wine
    title: No wine for the young
    says: Wine is for adults.
    severity: block
    ratings: [everyone, teen]
    patterns: [wine]
"""


@pytest.fixture
def rules(settings, tmp_path):
    """A file of rules that is in force; write to it to change them."""
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    settings.RULES_FILE = file
    return file


@pytest.fixture
def staff(db):
    """Make a member of staff with a role."""

    def staff(name, role):
        make_groups(apps)
        member = Player.objects.create_user(name, is_staff=True)
        member.groups.add(Group.objects.get(name=role))
        return Player.objects.get(pk=member.pk)

    return staff


@pytest.fixture
def moderator(staff):
    return staff("mona", "moderator")


@pytest.fixture
def senior(staff):
    return staff("sena", "senior")


@pytest.fixture
def operator(staff):
    return staff("opal", "operator")


@pytest.fixture
def told(adventure, alice):
    """Put turns that are told at the end of alice's story."""

    def told(*pairs):
        for action, reply in pairs:
            turn = Turn.objects.create(
                adventure=adventure,
                parent=adventure.head,
                player=alice,
                kind=Kind.DO,
                action=action,
                reply=reply,
                status=Status.TOLD,
                narrator="parrot",
                told=Now(),
            )
            adventure.head = turn
            adventure.save(update_fields=["head"])
        return list(adventure.turns.order_by("created", "pk"))

    return told


@pytest.fixture
def shared(told, adventure, alice):
    """alice's story of ten turns, shared by a link. The share, and its turns."""
    turns = told(*((f"do thing {number}", f"Thing {number} happens.") for number in range(1, 10)))
    share = shares.share(alice, turns[-1], plot=False)
    return share, turns


@pytest.fixture
def published(alice):
    return Scenario.objects.create(
        slug="my-cave",
        author=alice,
        title="My Cave",
        tempt="It is damp.",
        opening="You are in my cave.",
        visibility=Visibility.PUBLIC,
    )
