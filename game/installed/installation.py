"""The operator's actions on narrators: install, connect, retry, save, remove, make the default."""

import re
from pathlib import PurePosixPath

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.translation import gettext as _
from pydantic import ValidationError

from game.database import after_commit
from game.installed import registry
from game.installed.publishing import publish_on_commit
from game.installed.registry import State, complaint, names_of_file, narrator_of
from game.models import InstalledNarrator, Player
from game.moderation import audit
from inference.contract.sampling import SamplingParams
from inference.engines.servers import Server
from inference.installing.catalogue import Entry, catalogue
from inference.installing.jobs import FoundFile
from inference.installing.sealing import seal, variable_of
from inference.models.sources import SCHEMES, hub_file
from inference.narrators import Narrator

MOST = 30  # narrators that can be installed
LONGEST_NAME = 40
SAMPLING = SamplingParams(
    max_tokens=120, temperature=0.7, top_p=0.95, min_p=0.05, repetition_penalty=1.05
)
CONTEXT, SLOTS = 8192, 2  # of a model without an entry; its own context window may be smaller
SERVER_SLOTS = 4


class CannotInstall(Exception):
    """An action is not possible. The message is for the operator."""


def install_entry(by: Player, name: str) -> InstalledNarrator:
    """Install a narrator of the catalogue. Raises CannotInstall."""
    entry: Entry | None = catalogue().get(name)
    if entry is None:
        raise CannotInstall(_("There is no such narrator in the catalogue."))
    return add(by, entry.narrator, licence=entry.licence)


def install_source(by: Player, source: str, name: str = "") -> InstalledNarrator:
    """Install a model from the hub by its address. Raises CannotInstall."""
    source = source.strip()
    form, example = SCHEMES["hf"]
    if not source.startswith("hf:"):
        source = f"hf:{source}"
    if len(source) > 300 or not form.fullmatch(source):
        raise CannotInstall(_("Write the model as %(example)s.") % {"example": example})
    is_file = hub_file(source) is not None
    if source.lower().endswith(".gguf") and not is_file:
        raise CannotInstall(_("Write the model as %(example)s.") % {"example": example})
    model_name = PurePosixPath(source.partition("@")[0] if not is_file else source).name
    narrator = described(name or model_name, model_name, source, "llama" if is_file else "openvino")
    return add(by, narrator, adapt=True)


def install_file(by: Player, file: FoundFile, name: str = "") -> InstalledNarrator:
    """Install a GGUF file from the models folder. Raises CannotInstall."""
    if file.problem:
        raise CannotInstall(file.problem)
    narrator = described(name or file.file, file.file, file.file, "llama")
    return add(by, narrator, adapt=True)


def described(name: str, model_name: str, model: str, engine: str) -> Narrator:
    """The entry of a model of which only the source is known. Raises CannotInstall."""
    stem = re.sub(r"\.gguf$", "", model_name, flags=re.IGNORECASE)
    stem = re.sub(r"[.\-_](?:I?Q\d\w*|B?F16|F32)$", "", stem, flags=re.IGNORECASE)
    try:
        return Narrator.model_validate(
            {
                "name": slug_of(re.sub(r"\.gguf$", "", name, flags=re.IGNORECASE)),
                "title": stem.replace("_", " ").replace("-", " ")[:40].strip(),
                "line": _("Installed by the host."),
                "engine": engine,
                "model": model,
                "format": "chat",
                "context": CONTEXT,
                "slots": SLOTS,
                "sampling": SAMPLING,
            }
        )
    except ValidationError as problem:
        raise CannotInstall(complaint(problem)) from None


def slug_of(name: str) -> str:
    """A narrator's name made from a text: lower case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST_NAME].strip("-")


def connect(
    by: Player, *, name: str, title: str, address: str, model: str, key: str, chat: bool
) -> InstalledNarrator:
    """Have a worker test a server; players are offered it once it is saved.

    Raises CannotInstall.
    """
    slug = slug_of(name)
    try:
        narrator = Narrator(
            name=slug,
            title=title,
            line=_("Runs on a server of the host’s choice."),
            engine="openai",
            model=address,
            format="chat" if chat else "transcript",
            context=CONTEXT,
            slots=SERVER_SLOTS,
            sampling=SAMPLING,
            server=Server(model=model, key=variable_of(slug) if key else ""),
        )
    except ValidationError as problem:
        raise CannotInstall(complaint(problem)) from None
    return add(by, narrator, key=key, replace=True)


def add(
    by: Player,
    narrator: Narrator,
    *,
    licence: str = "",
    adapt: bool = False,
    key: str = "",
    replace: bool = False,
) -> InstalledNarrator:
    """Store a narrator, which is a job for a worker. Raises CannotInstall if the name is in use.

    With `replace` a narrator of this name that players are not offered is replaced.
    """
    if narrator.name in names_of_file():
        raise CannotInstall(
            _("The narrators file has a narrator “%(name)s” already: choose another name.")
            % {"name": narrator.name}
        )
    sealed = seal(key, settings.SECRET_KEY) if key else ""
    try:
        with transaction.atomic():
            if InstalledNarrator.objects.count() >= MOST:
                raise CannotInstall(_("There are too many narrators: remove one first."))
            before = 0
            if replace:
                old = InstalledNarrator.objects.select_for_update().filter(
                    name=narrator.name, state__in=(State.FAILED, State.TESTED)
                )
                before = max(old.values_list("attempt", flat=True), default=0)
                old.delete()
            row = InstalledNarrator.objects.create(
                name=narrator.name,
                entry=narrator.model_dump(mode="json"),
                adapt=adapt,
                licence=licence,
                sealed_key=sealed,
                attempt=before + 1,
                by=by,
            )
            audit.record(
                "narrator_install", by, subject=row.name, details={"model": narrator.model}
            )
    except IntegrityError:
        raise CannotInstall(
            _("There is a narrator “%(name)s” already: choose another name, or remove it first.")
            % {"name": narrator.name}
        ) from None
    publish_on_commit()
    return row


def retry(by: Player, name: str) -> None:
    """Repeat a failed installation or removal. Raises CannotInstall.

    Files that were downloaded before are used again.
    """
    if InstalledNarrator.objects.filter(name=name, state=State.NOT_REMOVED).exists():
        remove(by, name)
        return
    change(name, {State.FAILED}, state=State.INSTALLING)
    audit.record("narrator_install", by, subject=name)


def save(by: Player, name: str) -> None:
    """Offer a tested server to players. Raises CannotInstall."""
    change(name, {State.TESTED}, state=State.READY)
    audit.record("narrator_save", by, subject=name)


def remove(by: Player, name: str) -> None:
    """Remove a narrator and its files, also while it is being installed. Raises CannotInstall.

    One whose entry this version cannot read is deleted at once, since its files are unknown.
    """
    row = InstalledNarrator.objects.filter(name=name).first()
    if row is not None and narrator_of(row) is None:
        row.delete()
        audit.record("narrator_remove", by, subject=name)
        publish_on_commit()
        return
    states = {State.INSTALLING, State.TESTED, State.READY, State.FAILED, State.NOT_REMOVED}
    change(name, states, state=State.REMOVING, is_default=False)
    audit.record("narrator_remove", by, subject=name)


def make_default(by: Player, name: str) -> None:
    """Make a narrator the default for adventures that chose none. Raises CannotInstall.

    "" restores the default of the narrators file.
    """
    with transaction.atomic():
        InstalledNarrator.objects.filter(is_default=True).update(is_default=False)
        if name and not InstalledNarrator.objects.filter(name=name, state=State.READY).update(
            is_default=True
        ):
            raise CannotInstall(_("It is not installed."))
        audit.record("narrator_default", by, subject=name)
    registry.ready_cache.expire()
    after_commit(registry.ready_cache.expire)


def change(name: str, states: set[State], **fields: object) -> None:
    """Change a row that is in one of these states, and raise its attempt. Raises CannotInstall."""
    changed = InstalledNarrator.objects.filter(name=name, state__in=states).update(
        attempt=F("attempt") + 1, problem="", **fields
    )
    if not changed:
        raise CannotInstall(_("It has changed meanwhile: look again."))
    publish_on_commit()
