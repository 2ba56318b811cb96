"""A scenario's cards can be hidden from players until the narrator has used them."""

import json

import pytest
from django.urls import reverse

from game.accounts import data
from game.library import copies, shares, writing
from game.models import Membership, Scenario, StoryCard
from game.play import adventures, endings
from game.play.context import story_context
from game.scenarios import read_scenario
from inference.contract.prompt_report import PromptReport, pack
from inference.contract.request import Result
from inference.prompts.parts import Firing, PassedOver
from tests.game.library.test_scenarios import FILES
from tests.game.library.test_writing import form
from tests.game.test_pages import told

pytestmark = pytest.mark.django_db

SECRET = "The vault is empty, and Wendell emptied it."
TITLE = "Wendell's ledger"


@pytest.fixture
def heist(db):
    """A scenario with a card that everybody sees, and one that is hidden."""
    made = Scenario.objects.create(
        slug="heist", title="The Heist", tempt="A vault.", opening="You stand in the bank."
    )
    StoryCard.objects.create(scenario=made, title="The bank", keys=["bank"], text="It has a vault.")
    StoryCard.objects.create(
        scenario=made, title=TITLE, keys=["ledger", "figures"], text=SECRET, hidden=True
    )
    return made


@pytest.fixture
def played(alice, heist):
    return adventures.begin(alice, heist, {})


@pytest.fixture
def secret(played):
    return played.cards.get(title=TITLE)


def ended(adventure, player, action, **given):
    """A turn whose narrator was given what is named."""
    turn = told(adventure, adventure.head, action=action, reply="", player=player)
    turn.status = "queued"
    turn.save()
    details = pack(
        PromptReport(narrator="quill", revision="", parts=(), tokens=1, window=9, **given)
    )
    done = Result(
        adventure=str(adventure.pk),
        turn=str(turn.pk),
        attempt=1,
        outcome="told",
        reply="You read it.",
        details=details,
    )
    assert endings.finish_turn(done)
    adventure.refresh_from_db()
    return turn


def everywhere(client, adventure):
    """What each place says that a player of the adventure can look at."""
    pk, head = adventure.pk, adventure.head_id
    json_too = {"accept": "application/json"}
    cards = reverse("cards", args=[pk])
    answers = {
        "cards": client.get(cards),
        "cards, a part": client.get(cards, {"part": ""}),
        "cards as JSON": client.get(cards, headers=json_too),
        "cards that were searched": client.get(cards, {"q": "Wendell"}, headers=json_too),
        "play": client.get(reverse("adventure", args=[pk])),
        "read": client.get(reverse("read", args=[pk])),
        "offline": client.get(reverse("read", args=[pk]), {"kept": ""}),
        "search": client.get(reverse("search", args=[pk]), {"q": "Wendell"}),
        "context": client.get(reverse("context", args=[pk, head]), headers=json_too),
        "context, a part": client.get(reverse("context", args=[pk, head]), {"part": ""}),
        "scenario": client.get("/scenarios/heist/"),
        "scenarios": client.get("/scenarios/", {"q": "Wendell"}),
        **{
            f"export {kind}": client.get(reverse("export", args=[pk, kind]))
            for kind in ("json", "txt", "md", "html")
        },
    }
    return {name: answer.content.decode() for name, answer in answers.items()}


def leaks(texts):
    return [
        name
        for name, text in texts.items()
        if SECRET in text or "ledger" in text.replace("q=ledger", "").lower()
    ]


def test_a_hidden_card_is_seen_nowhere_and_known_to_the_narrator(as_player, alice, played):
    turn = ended(played, alice, "ask about the bank", left_out=(TITLE, "The bank"))
    client = as_player(alice)
    texts = everywhere(client, played)
    assert leaks(texts) == []
    assert "It has a vault." in texts["cards"] and "The bank" in texts["context"]
    assert "1 card of the scenario is hidden" in texts["cards"]
    assert json.loads(texts["export json"])["cards"][0]["title"] == "The bank"
    assert leaks({"my data": data.export_of(alice)}) == []
    turn.action = "open the ledger"
    given = {card.title: card.text for card in story_context(played, turn).cards}
    assert given[TITLE] == SECRET


def test_a_hidden_card_cannot_be_opened_changed_or_deleted(as_player, alice, played, secret):
    client, args = as_player(alice), [played.pk, secret.pk]
    said = {"title": "x", "keys": "x", "text": "x"}
    assert client.get(reverse("card", args=args)).status_code == 404
    assert client.post(reverse("card", args=args), said).status_code == 404
    assert client.post(reverse("pin_card", args=args), {"pinned": "on"}).status_code == 404
    assert client.post(reverse("delete_card", args=args)).status_code == 404
    secret.refresh_from_db()
    assert (secret.text, secret.pinned) == (SECRET, False)


@pytest.mark.parametrize(
    "given",
    [
        {"fired": (Firing(title=TITLE, key="ledger"),)},
        {"fired": (Firing(title=TITLE),)},
        {"fired": (Firing(title=TITLE, key="figures", via="The bank"),)},
    ],
)
def test_a_card_that_the_narrator_used_is_shown_from_then_on(as_player, alice, played, given):
    version = played.version
    ended(played, alice, "open the ledger", **given)
    texts = everywhere(as_player(alice), played)
    assert SECRET in texts["cards"] and SECRET in texts["export json"]
    assert "hidden until" not in texts["cards"]
    assert played.version > version, "windows that are open are told"
    assert played.scenario.cards.get(title=TITLE).hidden, "others begin without it"


def test_the_context_names_the_rule_and_no_hidden_card(as_player, alice, played):
    StoryCard.objects.create(adventure=played, title="Tide", keys=["tide"], text="It turns.")
    turn = ended(
        played,
        alice,
        "count",
        fired=(
            Firing(title="The bank", rule="sticky", turns=2),
            Firing(title="Tide", key="tide", rule="secondary"),
        ),
        passed_over=(
            PassedOver(title=TITLE, why="probability"),
            PassedOver(title="Tide", why="cooldown", turns=1),
        ),
    )
    page = as_player(alice).get(reverse("context", args=[played.pk, turn.pk]) + "?part")
    shown = " ".join(page.content.decode().split())
    assert "stays for 2 more turns" in shown
    assert "as its secondary keys allow" in shown
    assert "rests for 1 more turn" in shown
    assert TITLE not in page.content.decode()


def test_another_card_of_the_same_title_stays_hidden(alice, played, secret):
    other = played.cards.create(title=TITLE, keys=["vault"], text="Another.", hidden=True)
    ended(played, alice, "open it", fired=(Firing(title=TITLE, key="ledger"),))
    secret.refresh_from_db()
    other.refresh_from_db()
    assert (secret.hidden, other.hidden) == (False, True)


def test_the_owner_may_see_everything_and_nobody_else_decides_that(
    as_player, alice, bob, played, secret
):
    url = reverse("reveal_cards", args=[played.pk])
    assert as_player(bob).post(url).status_code == 404
    member = Membership.objects.create(player=bob, adventure=played, role="player")
    assert as_player(bob).post(url).status_code == 403
    assert "Show me everything" not in as_player(bob).get(reverse("cards", args=[played.pk])).text
    member.delete()
    secret.refresh_from_db()
    assert secret.hidden
    assert as_player(alice).get(url).status_code == 405
    assert "Show me everything" in as_player(alice).get(reverse("cards", args=[played.pk])).text
    page = as_player(alice).post(url, follow=True).content.decode()
    assert SECRET in page and "hidden until" not in page


def test_a_link_shows_no_hidden_card_and_a_copy_keeps_it_hidden(
    as_player, client, alice, bob, played
):
    share = shares.share(alice, played.head, plot=True)
    page = client.get(f"/s/{share.token}/").content.decode()
    assert "It has a vault." in page and leaks({"link": page}) == []
    assert leaks({"my data": data.export_of(alice)}) == []
    for copy, player in (
        (shares.play_on(share, bob), bob),
        (copies.duplicate(alice, played, only_path=True), alice),
    ):
        assert copy.cards.get(title=TITLE).hidden
        answer = as_player(player).get(reverse("cards", args=[copy.pk]))
        assert leaks({"copy": answer.content.decode()}) == []


def test_a_writer_hides_cards_and_finds_them_again(as_player, alice):
    client = as_player(alice)
    client.post("/scenarios/new/", form(**{"cards-0-hidden": "on"}))
    made = Scenario.objects.get()
    assert made.cards.get().hidden
    page = client.get(f"/scenarios/{made.slug}/edit/").content.decode()
    assert 'name="cards-0-hidden" id="id_cards-0-hidden" checked' in page
    assert (
        "hidden: true" in client.get(reverse("export_scenario", args=[made.slug])).content.decode()
    )
    again = writing.write(alice, writing.from_yaml(writing.as_yaml(made).encode()))
    assert again.cards.get().hidden
    assert "It burns whale oil." in client.get(f"/scenarios/{again.slug}/edit/").content.decode()


def test_the_cards_of_our_scenarios_are_hidden():
    every = [card for file in FILES for card in read_scenario(file).cards]
    assert every and all(card.hidden for card in every)
