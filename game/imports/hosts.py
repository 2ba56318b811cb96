"""Players on their way from one host to another: written to a file, and added from one.

A file is a zip of `players.json` and one bundle for each player. Adding it again adds what is not
there yet: a player is known by id, an adventure by its id, a scenario by its slug.
"""

import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import identify_hasher
from django.db import transaction
from django.utils import timezone

from game.exchange import sandbox
from game.exchange.parsers import Unreadable
from game.imports import bundles, importing, player_settings
from game.imports.documents import AdventureDocument, ScenarioDocument
from game.imports.fitting import moment
from game.imports.notes import Notes
from game.imports.reading import read_file
from game.imports.scenario_storing import store_scenario
from game.imports.storing import store_adventure
from game.models import Adventure, Player, Scenario, Visibility
from game.moderation import screening

INDEX = "players.json"
VERSION = 1
LONGEST_INDEX = 64 * 1024**2  # bytes


class HostError(Exception):
    """A file of players cannot be read. The message is for the operator."""


# ---- writing


def write_players(file: Path, names: Iterable[str] = ()) -> list[str]:
    """Write players with an account, or those with these names, to a file. Returns their names.

    The file is readable by its owner only, and appears once it is complete. Raises OSError, and
    HostError for a name that nobody has.
    """
    players = list(chosen_players(list(names)))
    draft = file.with_name(f".{file.name}.part")
    draft.unlink(missing_ok=True)
    try:
        opened = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "w+b") as target, zipfile.ZipFile(target, "w") as out:
            rows = [write_player(out, place, player) for place, player in enumerate(players, 1)]
            out.writestr(INDEX, json.dumps({"grue_players": VERSION, "players": rows}))
        draft.rename(file)
    finally:
        draft.unlink(missing_ok=True)
    return [player.username for player in players]


def chosen_players(names: list[str]) -> Iterator[Player]:
    """The players with these names, or all that have an account. Raises HostError."""
    if not names:
        yield from Player.objects.filter(is_guest=False).order_by("date_joined", "pk")
    for name in names:
        found = Player.objects.filter(username=name, is_guest=False).first()
        if found is None:
            raise HostError(f"There is no player with the name {name}.")
        yield found


def write_player(out: zipfile.ZipFile, place: int, player: Player) -> dict[str, Any]:
    """Write a player's bundle. Returns their row of the index."""
    name = f"players/{place:06d}.grue"
    with out.open(name, "w", force_zip64=True) as file:
        for piece in bundles.everything_of(player, hidden=True):
            file.write(piece)
    emails = EmailAddress.objects.filter(user=player).order_by("pk")
    return {
        "id": str(player.pk),
        "username": player.username,
        "password": player.password,
        "emails": list(emails.values("email", "verified", "primary")),
        "joined": player.date_joined.isoformat(),
        "active": player.is_active,
        "file": name,
    }


# ---- adding


def add_players(file: Path, names: dict[str, str], say: Callable[[str], None]) -> int:
    """Add the players of a file and what they have. Returns how many things could not be added.

    `names`: other names for some of them. Each player, scenario and adventure is added alone; `say`
    gets a line for each that could not be. Raises HostError.
    """
    problems = 0
    try:
        with zipfile.ZipFile(file) as archive:
            for row in rows_of(archive):
                name = names.get(row["username"], row["username"])
                player = player_of(row, name, say)
                if player is None:
                    problems += 1
                else:
                    problems += add_bundle(player, archive.read(row["file"]), say)
    except (zipfile.BadZipFile, KeyError, OSError, ValueError, TypeError) as problem:
        raise HostError(f"{file} is no file of players, or damaged: {problem}") from None
    return problems


def add_archive(file: Path, name: str, say: Callable[[str], None]) -> int:
    """Add an archive of everything to the player with this name. As `add_players` otherwise."""
    [player] = chosen_players([name])
    try:
        return add_bundle(player, file.read_bytes(), say)
    except (OSError, Unreadable) as problem:
        raise HostError(f"{file} is no archive, or damaged: {problem}") from None


def rows_of(archive: zipfile.ZipFile) -> list[dict[str, Any]]:
    """The players in a file. Raises HostError."""
    with archive.open(INDEX) as file:
        index = json.loads(file.read(LONGEST_INDEX))
    if index.get("grue_players") != VERSION:
        raise HostError("That file was written by another version of Grue.")
    rows: list[dict[str, Any]] = index["players"]
    return rows


def player_of(row: dict[str, Any], name: str, say: Callable[[str], None]) -> Player | None:
    """The player of a row, added if they are not there. None if somebody else has the name."""
    there = Player.objects.filter(pk=UUID(row["id"])).first()
    if there is not None:
        return there
    if Player.objects.filter(username__iexact=name).exists():
        say(f"{name}: somebody else has this name here. Give another one with --as {name}=NAME.")
        return None
    with transaction.atomic():
        player = Player(
            id=UUID(row["id"]),
            username=name,
            is_active=row["active"] is True,
            date_joined=moment(row["joined"], now := timezone.now()) or now,
        )
        store_password(player, row["password"])
        player.save(force_insert=True)
        add_emails(player, row["emails"], say)
    return player


def store_password(player: Player, hashed: str) -> None:
    """Set the password's hash; none, where this host cannot check it."""
    try:
        identify_hasher(hashed)
    except ValueError:
        player.set_unusable_password()
    else:
        player.password = hashed


def add_emails(player: Player, rows: list[dict[str, Any]], say: Callable[[str], None]) -> None:
    """Add a player's e-mail addresses that nobody else has."""
    for row in rows:
        if EmailAddress.objects.filter(email__iexact=row["email"]).exists():
            say(f"{player.username}: somebody else has one of their e-mail addresses here.")
            continue
        EmailAddress.objects.create(user=player, **row)
        if row["primary"]:
            player.email = row["email"]
            player.save(update_fields=["email"])


def add_bundle(player: Player, content: bytes, say: Callable[[str], None]) -> int:
    """Add a player's scenarios, adventures and settings. Returns how many could not be added."""
    problems = 0
    scenarios: dict[str, Scenario] = {}
    for part in bundles.parts_of(content):
        try:
            document = read_file(part, "")
        except Unreadable as problem:
            say(f"{player.username}: {sandbox.message_of(problem)}")
            problems += 1
            continue
        player_settings.apply(player, document.settings)
        for scenario in document.scenarios:
            problems += tried(player, scenario, say, partial(add_scenario, player, scenario))
        names = [each.scenario for each in document.adventures if each.scenario]
        scenarios |= Scenario.objects.in_bulk(names)
        for adventure in document.adventures:
            problems += tried(
                player, adventure, say, partial(add_adventure, player, adventure, {**scenarios})
            )
    return problems


def tried(
    player: Player,
    document: AdventureDocument | ScenarioDocument,
    say: Callable[[str], None],
    add: Callable[[], None],
) -> int:
    """Add something in a transaction. 0, or 1 if it could not be added."""
    try:
        with transaction.atomic():
            add()
    except importing.Problem as problem:
        if isinstance(problem, screening.Rejected):
            problem.store_hits()
        kind = "scenario" if isinstance(document, ScenarioDocument) else "adventure"
        say(f"{player.username}: one {kind} was not added. {problem}")
        return 1
    return 0


def add_scenario(player: Player, document: ScenarioDocument) -> None:
    """Add a scenario with its slug, unless there is one."""
    if Scenario.with_deleted.filter(pk=document.name).exists():
        return
    visibility = document.extra.get("visibility")
    row = Scenario(
        slug=document.name,
        author=player,
        visibility=visibility if visibility in Visibility.values else Visibility.PRIVATE,
    )
    store_scenario(player, document, Notes(), row)


def add_adventure(
    player: Player, document: AdventureDocument, scenarios: dict[str, Scenario]
) -> None:
    """Add an adventure with its id, unless there is one."""
    identity = UUID(str(document.extra["id"]))
    if not Adventure.objects.filter(pk=identity).exists():
        store_adventure(player, document, Notes(), scenarios, identity)
