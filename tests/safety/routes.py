"""Every route, and who may have it. A test fails when one is missing here: say who, and add it.

THEIRS      what is alice's: an adventure, a scenario, a link; for all others it is not there (404).
            Members of her adventure may read it, or send something, where `reads` and `writes` name
            their role; the rest is refused to them (403)
PUBLIC      anybody, and everybody sees the same
OWN         whoever is logged in, each their own; others are asked to log in
PASSWORD    as OWN, but guests are sent to sign up first
ENTRANCE    nobody and guests; whoever is logged in is sent on, or sees that it is over
"""

import uuid
from dataclasses import dataclass, field

from django.urls import reverse
from django.utils import timezone

from game.models import Adventure, Scenario, Share, StoryCard

THEIRS, PUBLIC, OWN, PASSWORD, ENTRANCE = "theirs", "public", "own", "password", "entrance"


@dataclass
class Route:
    whose: str
    arguments: dict = field(default_factory=dict)  # beside adventure_id
    post: dict = field(default_factory=dict)  # what is sent
    reads: tuple[str, ...] = ()  # members beside the owner who may have it
    writes: tuple[str, ...] = ()  # and those who may send something to it
    query: str = ""  # what follows the address, with the same words for ids
    missing: bool = False  # with these arguments it is there for nobody


ALL = ("player", "spectator")
NOWHERE = str(uuid.UUID(int=0))
SLUG = {"slug": "the-cellar"}

ROUTES = {
    # The library
    "home": Route(PUBLIC),
    "scenarios": Route(PUBLIC),
    "scenario": Route(PUBLIC, SLUG),
    "begin": Route(PUBLIC, SLUG),
    "rate": Route(PUBLIC, SLUG),
    "adventures": Route(PUBLIC),  # an empty shelf for nobody
    # An adventure
    "adventure": Route(THEIRS, reads=ALL),
    "turns": Route(THEIRS, reads=ALL, query="?before={turn}"),
    "tree": Route(THEIRS, reads=ALL),
    "whole_words": Route(THEIRS, {"turn_id": "turn"}, reads=ALL),
    "read": Route(THEIRS, reads=ALL),
    "search": Route(THEIRS, reads=ALL, query="?q=lamp"),
    "export": Route(THEIRS, {"form": "json"}),
    "adventure_exports": Route(THEIRS),
    "export_adventure_as": Route(THEIRS, {"form": "kobold"}),
    "plot": Route(THEIRS, post={"memory": "stolen", "authors_note": "stolen"}),
    "options": Route(THEIRS, post={"dice": "on"}),
    "narrator": Route(THEIRS, post={"narrator": ""}),
    "writer": Route(THEIRS, post={"preset": "wild"}),
    "narrator_part": Route(THEIRS, reads=ALL),
    "summary": Route(THEIRS, post={"text": "stolen"}),
    "chapters": Route(THEIRS, post={"turn": "turn", "title": "stolen"}, reads=ALL),
    "reopen_chapter": Route(THEIRS, {"turn_id": "turn"}),
    "world": Route(THEIRS, reads=("player",), query="?turn={turn}"),
    "unlock_world": Route(THEIRS),
    "context": Route(THEIRS, {"turn_id": "turn"}),
    "mark_memory": Route(THEIRS, {"turn_id": "turn"}, {"mark": "forgotten"}),
    "versions": Route(THEIRS, {"turn_id": "turn"}, reads=("player",)),
    "cards": Route(THEIRS, post={"title": "x", "keys": "x", "text": "stolen"}),
    "reveal_cards": Route(THEIRS),
    "import_cards": Route(THEIRS, post={"text": "{}"}),
    "card": Route(THEIRS, {"card_id": "card"}, {"title": "x", "keys": "x", "text": "stolen"}),
    "pin_card": Route(THEIRS, {"card_id": "card"}),
    "delete_card": Route(THEIRS, {"card_id": "card"}),
    "restore_card": Route(THEIRS, {"card_id": "card"}),
    "rename": Route(THEIRS, post={"title": "stolen"}),
    "archive": Route(THEIRS, post={"archived": "on"}),
    "duplicate": Route(THEIRS),
    "delete": Route(THEIRS),
    "restore": Route(THEIRS),
    "purge": Route(THEIRS),
    "learning": Route(THEIRS, post={"learning": "on"}, reads=("player",)),
    "audience": Route(THEIRS, post={"audience": "everyone"}),
    # Playing together
    "table": Route(THEIRS, reads=ALL),
    "set_character": Route(THEIRS, post={"name": "Mira"}, writes=("player",)),
    "leave_table": Route(THEIRS, writes=ALL),
    "close_table": Route(THEIRS),
    "set_rules": Route(THEIRS, post={"order": "round", "seconds": "60", "changes": "vote"}),
    "make_invite": Route(THEIRS, post={"role": "spectator", "days": "1"}),
    "revoke_invite": Route(THEIRS, {"invite_id": "invite"}),
    "change_member": Route(THEIRS, {"member_id": "member"}, {"does": "remove"}),
    "unblock": Route(THEIRS, {"block_id": "block"}),
    "join_by_code": Route(PUBLIC),
    "join": Route(PUBLIC, {"token": "invite_token"}),
    # What players see of moderation
    "policy": Route(PUBLIC),
    "notices": Route(OWN),
    "appeal": Route(OWN, {"notice_id": NOWHERE}, {"text": "x"}),
    "limit": Route(OWN, post={"audience": "everyone"}),
    "report_scenario": Route(PUBLIC, SLUG),
    "report_turn": Route(PUBLIC, {"token": "token", "turn_id": "turn"}),
    # What a browser keeps
    "manifest": Route(PUBLIC),
    "worker": Route(PUBLIC),
    "offline": Route(PUBLIC),
    "taste": Route(PUBLIC),
    # Scenarios of one's own, and links to stories
    "my_scenarios": Route(PUBLIC),
    "new_scenario": Route(PUBLIC),
    "import_scenario": Route(PUBLIC),
    "edit_scenario": Route(THEIRS, {"slug": "own"}, {"title": "stolen"}),
    "publish_scenario": Route(THEIRS, {"slug": "own"}, {"visibility": "public"}),
    "delete_scenario": Route(THEIRS, {"slug": "own"}),
    "restore_scenario": Route(THEIRS, {"slug": "own"}),
    "undo_scenario": Route(THEIRS, {"slug": "own"}),
    "export_scenario": Route(THEIRS, {"slug": "own"}),
    "scenario_exports": Route(THEIRS, {"slug": "own"}),
    "export_scenario_as": Route(THEIRS, {"slug": "own", "form": "kobold"}),
    "share": Route(THEIRS, {"turn_id": "turn"}),
    "shares": Route(PUBLIC),
    "update_share": Route(THEIRS, {"share_id": "share"}),
    "revoke": Route(THEIRS, {"share_id": "share"}),
    "restore_share": Route(THEIRS, {"share_id": "share"}),
    "shared": Route(PUBLIC, {"token": "token"}),
    "shared_card": Route(PUBLIC, {"token": "token"}),
    "play_on": Route(PUBLIC, {"token": "token"}),
    # Imports
    "import_files": Route(PUBLIC),
    "import": Route(THEIRS, {"import_id": "import"}, {"way": "adventure"}),
    "remove_import": Route(THEIRS, {"import_id": "import"}),
    "export_everything": Route(OWN),
    # Accounts
    "account_home": Route(OWN),
    "account_data": Route(OWN),
    "account_delete": Route(OWN),
    "invited": Route(PUBLIC, {"token": "x"}, missing=True),
    "account_login": Route(ENTRANCE),
    "account_signup": Route(ENTRANCE),
    "account_logout": Route(PUBLIC),
    "account_inactive": Route(PUBLIC),
    "account_reauthenticate": Route(PASSWORD),
    "account_email": Route(PASSWORD),
    "account_email_verification_sent": Route(PUBLIC, missing=True),
    "account_change_password": Route(PASSWORD),
    "account_set_password": Route(PASSWORD),
    "account_reset_password": Route(PUBLIC, missing=True),
    "account_reset_password_done": Route(PUBLIC),
    "account_reset_password_from_key": Route(PUBLIC, {"uidb36": "1", "key": "x"}),
    "account_reset_password_from_key_done": Route(PUBLIC),
    "account_confirm_email": Route(PUBLIC, {"key": "x"}),
    "mfa_index": Route(PASSWORD),
    "mfa_authenticate": Route(ENTRANCE),
    "mfa_reauthenticate": Route(PASSWORD),
    "mfa_activate_totp": Route(PASSWORD),
    "mfa_deactivate_totp": Route(PASSWORD),
    "mfa_view_recovery_codes": Route(PASSWORD),
    "mfa_generate_recovery_codes": Route(PASSWORD),
    "mfa_download_recovery_codes": Route(PASSWORD),
    # The house
    "set_language": Route(PUBLIC),
    "operator_code": Route(PUBLIC, missing=True),
    "socket": Route(PUBLIC, {"whose": NOWHERE}),  # says nothing of the adventure
    "operator": Route(PUBLIC, {"token": "x"}, missing=True),
    "healthz": Route(PUBLIC),
    "readyz": Route(PUBLIC),
    "metrics": Route(
        PUBLIC
    ),  # from a private network, as the tests come; see tests/dungeon/test_telemetry.py
}


def arguments(route, world, there=True):
    """The arguments of a route's address; not `there`: of one that leads nowhere."""
    ids = {
        "turn": str(world.turn.pk),
        "card": str(world.card.pk),
        "own": world.scenario.pk if there else "nowhere",
        "share": str(world.share.pk) if there else NOWHERE,
        "import": str(world.imported.pk) if there else NOWHERE,
        "token": world.share.token,
        "invite": str(world.invite.pk),
        "invite_token": world.invite.token,
        "member": str(world.watcher.pk),
        "block": str(world.block.pk),
    }
    found = {name: ids.get(value, value) for name, value in route.arguments.items()}
    if route.whose == THEIRS and not found.keys() & {"slug", "share_id", "import_id"}:
        found["adventure_id"] = str(world.adventure.pk) if there else NOWHERE
    return found


def address(name, world, there=True):
    route = ROUTES[name]
    return reverse(name, kwargs=arguments(route, world, there)) + route.query.format(
        turn=world.turn.pk
    )


def prepare(name, world):
    """What has to have happened before a page is there even for its owner."""
    if name in ("restore", "purge"):
        Adventure.objects.update(deleted=timezone.now())
    deleted = {"restore_card": StoryCard, "restore_scenario": Scenario, "restore_share": Share}
    if name in deleted:
        deleted[name].objects.update(deleted=timezone.now())
