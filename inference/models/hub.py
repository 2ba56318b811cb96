"""Fetching a checkpoint from a Hugging Face hub: what telling needs, resumed and verified.

The hub's own client is no part of the light environment. HF_ENDPOINT names another hub, HF_TOKEN
lets in where a model is not for everyone; both are the client's own names. Weights are taken as
safetensors alone: a pickle may run code.
"""

import hashlib
import http.client
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from inference.models.download import CHUNK, TIMEOUT, DownloadError, download

Progress = Callable[[int, int], None]

ENDPOINT = "https://huggingface.co"
WEIGHTS = re.compile(r"model(-\d+-of-\d+)?\.safetensors")
BESIDE = re.compile(
    r"(model\.safetensors\.index|config|generation_config|tokenizer|tokenizer_config"
    r"|special_tokens_map|added_tokens|vocab|chat_template)\.json"
    r"|(merges|vocab)\.txt|(tokenizer|spiece)\.model|chat_template\.jinja"
)
LONGEST_LISTING = 32 << 20  # bytes of the hub's answer about one repository


class HubError(Exception):
    """Why a checkpoint cannot be fetched, in one line."""


class Remote(NamedTuple):
    """A file on the hub. `digest` is its SHA-256, or git's SHA-1 where it is small."""

    name: str
    size: int
    digest: str


@dataclass(frozen=True)
class Share:
    """The progress of one file among others."""

    report: Progress
    before: int
    total: int

    def __call__(self, done: int) -> None:
        self.report(self.before + done, self.total)


def fetch(repo: str, revision: str, folder: Path, report: Progress) -> str:
    """Bring `repo` as it is at `revision` into `folder`; the commit. Raises HubError, OSError.

    What is there already and whole is not fetched again; half a file is gone on with.
    """
    commit, files = look(repo, revision)
    folder.mkdir(parents=True, exist_ok=True)
    total = sum(each.size for each in files)
    done = 0
    for each in files:
        path = folder / each.name
        if not (path.is_file() and path.stat().st_size == each.size and whole(path, each)):
            fetch_file(repo, commit, each, path, Share(report, done, total))
        done += each.size
        report(done, total)
    return commit


def fetch_one(
    repo: str, revision: str, name: str, path: Path, report: Progress, limit: int = 0
) -> Path:
    """Bring one file of `repo` as it is at `revision` to `path`. Raises HubError, OSError.

    Where `limit` is not 0, a file of more bytes than that is refused.
    """
    commit, files = listing(repo, revision)
    for each in files:
        if each.name == name:
            if limit and each.size > limit:
                raise HubError(f"{repo}: {name} is too large: {each.size} bytes, of {limit}")
            if not (path.is_file() and path.stat().st_size == each.size and whole(path, each)):
                fetch_file(repo, commit, each, path, Share(report, 0, each.size))
            return path
    raise HubError(f"{repo} has no file {name}")


def look(repo: str, revision: str) -> tuple[str, list[Remote]]:
    """The commit that `revision` is now, and its files that telling needs."""
    commit, siblings = listing(repo, revision)
    if not any(WEIGHTS.fullmatch(each.name) for each in siblings):
        raise HubError(f"{repo} has no safetensors{what_else([each.name for each in siblings])}")
    wanted = [
        each for each in siblings if WEIGHTS.fullmatch(each.name) or BESIDE.fullmatch(each.name)
    ]
    return commit, wanted


def listing(repo: str, revision: str) -> tuple[str, list[Remote]]:
    """The commit that `revision` is now, and all of its files."""
    quoted = urllib.parse.quote(revision, safe="")
    try:
        with ask(f"/api/models/{repo}/revision/{quoted}?blobs=true") as answer:
            said: dict[str, Any] = json.loads(answer.read(LONGEST_LISTING))
        commit = str(said["sha"])
        siblings = [
            Remote(
                str(each["rfilename"]),
                int(each["size"]),
                str((each.get("lfs") or {}).get("sha256") or each["blobId"]),
            )
            for each in said["siblings"]
        ]
    except (TimeoutError, ConnectionError) as error:
        reason = error.strerror or str(error) or "no answer in time"
        raise HubError(f"the hub does not answer: {reason}") from error
    except (ValueError, KeyError, TypeError, AttributeError, http.client.HTTPException) as error:
        raise HubError(f"the hub's answer about {repo} makes no sense: {error!r}") from error
    return commit, siblings


def what_else(names: list[str]) -> str:
    """What a repository has in place of safetensors, and what can be done with that."""
    ggufs = sorted(name for name in names if name.lower().endswith(".gguf"))
    if ggufs:
        some = ", ".join(ggufs[:3]) + (", …" if len(ggufs) > 3 else "")
        return f" but GGUF files ({some}): write hf:org/name@revision/file.gguf as `model`"
    if any(name.endswith((".bin", ".pt", ".pth")) for name in names):
        return ": its weights are a pickle, which may run code"
    return ""


def fetch_file(
    repo: str, commit: str, remote: Remote, path: Path, report: Callable[[int], None]
) -> None:
    """Fetch one file beside its place, verify it, and put it there."""
    part = path.with_name(path.name + ".part")
    address = f"/{repo}/resolve/{commit}/{urllib.parse.quote(remote.name)}"
    try:
        download(partial(ask, address), part, remote.size, report)
    except DownloadError as problem:
        raise HubError(f"{repo}: {remote.name} {problem}") from problem
    if not whole(part, remote):
        part.unlink()
        raise HubError(f"{repo}: {remote.name} is not the file that the hub promised")
    part.replace(path)


def ask(path: str, headers: dict[str, str] | None = None) -> Any:
    """Open an address of the hub. Raises HubError where it says no or does not answer."""
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or ENDPOINT
    if not endpoint.startswith(("https://", "http://")):
        raise HubError(f"HF_ENDPOINT is no address: {endpoint}")
    request = urllib.request.Request(endpoint + path, headers=headers or {})  # noqa: S310
    token = os.environ.get("HF_TOKEN")
    if token:
        # Large files are redirected to other hosts, whom the token is no concern of.
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        return urllib.request.urlopen(request, timeout=TIMEOUT)  # noqa: S310
    except urllib.error.HTTPError as error:
        why = {
            401: "there is no such model, or it wants HF_TOKEN",
            403: "HF_TOKEN may not read it; some models want their licence accepted first",
            404: "there is no such model or revision",
        }.get(error.code, f"{error.code} {error.reason}")
        raise HubError(f"the hub says no to {path.split('?')[0]}: {why}") from error
    except urllib.error.URLError as error:
        if isinstance(error.reason, TimeoutError | ConnectionError):
            raise error.reason from error
        raise HubError(f"the hub {endpoint} does not answer: {error.reason}") from error


def whole(path: Path, remote: Remote) -> bool:
    """Whether a file is what the hub says it is."""
    if len(remote.digest) == 40:  # git's name for a blob
        found = hashlib.sha1(f"blob {remote.size}\0".encode(), usedforsecurity=False)
    else:
        found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            found.update(chunk)
    return found.hexdigest() == remote.digest
