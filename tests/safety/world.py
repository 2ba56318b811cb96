"""The people of the safety tests, and a client for each: alice owns what is asked for."""

from datetime import timedelta

from allauth.account.models import EmailAddress
from django.test import Client
from django.utils import timezone

from game.library import shares
from game.models import (
    Import,
    Membership,
    Player,
    Scenario,
    StoryCard,
    TableBlock,
    TableInvite,
    TurnContext,
    Visibility,
)
from inference.contract.prompt_report import PromptReport, pack

PEOPLE = ("alice", "bob", "guest", "blocked guest", "ex-member", "moderator", "nobody")
STRANGERS = PEOPLE[1:]
MEMBERS = ("player", "spectator")  # of alice's adventure


class World:
    """An adventure of alice's, with a card and a turn whose context is kept, and everybody else."""

    def __init__(self, begin, **client_options):
        self.players = {"nobody": None}
        for name in (*PEOPLE[:-1], *MEMBERS):
            player = Player.objects.create_user(name, password=f"password-of-{name}")
            player.is_guest, player.is_staff = name.endswith("guest"), name == "moderator"
            if player.is_guest:
                player.set_unusable_password()
            player.save()
            self.players[name] = player
        self.adventure = begin(self.players["alice"])
        self.turn = self.adventure.head
        self.card = StoryCard.objects.create(adventure=self.adventure, title="x", text="x")
        details = pack(PromptReport(narrator="parrot", revision="1", parts=(), tokens=1, window=10))
        TurnContext.objects.create(turn=self.turn, details=details)
        self.share = shares.share(self.players["alice"], self.turn, plot=False)
        self.imported = Import.objects.create(
            player=self.players["alice"],
            name="old.json",
            content=b"{}",
            format="grue",
            preview={"adventures": 1, "stories": [], "notes": []},
        )
        self.scenario = Scenario.objects.create(
            slug="alices-own",
            author=self.players["alice"],
            title="Own",
            tempt="x",
            opening="x",
            visibility=Visibility.PRIVATE,
        )
        former = Membership.objects.create(
            player=self.players["ex-member"], adventure=self.adventure
        )
        former.delete()
        for role in MEMBERS:
            self.watcher = Membership.objects.create(
                player=self.players[role], adventure=self.adventure, role=role, character=role
            )
        self.invite = TableInvite.objects.create(
            adventure=self.adventure,
            role=TableInvite.Role.PLAYER,
            expires=timezone.now() + timedelta(days=1),
        )
        self.block = TableBlock.objects.create(
            adventure=self.adventure, player=self.players["blocked guest"]
        )
        EmailAddress.objects.filter(verified=False).delete()
        self.client_options = client_options

    def client(self, name):
        client = Client(**self.client_options)
        if self.players[name] is not None:
            client.force_login(self.players[name])
        return client
