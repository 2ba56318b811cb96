"""Where the package index has a wheel: asked as pip is set up, for what pip does not do.

pip downloads a wheel anew when it was interrupted. So the address of a wheel is found here, in the
JSON that an index answers with (PEP 691), and the wheel is downloaded by ourselves. Whatever is
not found this way is left to pip, which also knows logins, local folders and older indexes.
"""

import ast
import json
import ssl
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from contextlib import suppress
from typing import Any, NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import sys_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from inference.models.download import BROKEN, TIMEOUT

DEFAULT = "https://pypi.org/simple"
JSON = "application/vnd.pypi.simple.v1+json"
LONGEST_LISTING = 16 << 20  # bytes of an index's answer about one package
SECTIONS = ("global", "download", ":env:")  # of pip's settings; a later one counts more
YES = ("1", "true", "yes", "on", "y", "t")


class Location(NamedTuple):
    """Where a wheel is. What the index does not say is None, or "" for the digest."""

    url: str
    size: int | None
    sha256: str


class PackageIndex:
    """The indexes of this environment's pip."""

    def __init__(self, settings: dict[str, str]) -> None:
        """`settings` are pip's own, by the names of its options. Raises OSError, ValueError."""
        self._urls: list[str] = []
        if settings.get("no-index", "").lower() not in YES:
            named = [
                settings.get("index-url", DEFAULT),
                *settings.get("extra-index-url", "").split(),
            ]
            # An address with a login in it is pip's to use.
            self._urls = [each.rstrip("/") for each in named if "@" not in each and is_http(each)]
        handlers: list[urllib.request.BaseHandler] = []
        if proxy := settings.get("proxy"):
            handlers.append(urllib.request.ProxyHandler({"http": proxy, "https": proxy}))
        if cert := settings.get("cert"):
            context = ssl.create_default_context(cafile=cert)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self._opener = urllib.request.build_opener(*handlers)
        self._away = threading.Event()

    def locate(self, requirement: str) -> Location | None:
        """Where the wheel for `name==version` is; None where that is not found out here."""
        name, _, version = requirement.partition("==")
        if self._away.is_set():
            return None
        for index in self._urls:
            try:
                found = self._listed(f"{index}/{canonicalize_name(name)}/", version)
            except BROKEN:
                self._away.set()  # pip finds that out once more, and says why
                return None
            except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
                continue  # it has no such package, or does not speak JSON
            if found is not None:
                return found
        return None

    def open(self, url: str, headers: dict[str, str]) -> Any:
        """Ask for an address. Raises what urllib does."""
        return self._opener.open(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)  # noqa: S310

    def _listed(self, page: str, version: str) -> Location | None:
        try:
            answer = self.open(page, {"Accept": JSON})
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError as problem:
            raise ConnectionError(problem.reason) from problem
        with answer:
            listing = json.loads(answer.read(LONGEST_LISTING))
            secure = answer.url.startswith("https://")
            for each in listing["files"]:
                url = urllib.parse.urljoin(answer.url, each["url"])
                if not is_http(url):
                    continue
                # What was asked for with encryption is not fetched without.
                if fits(each, version) and (url.startswith("https://") or not secure):
                    size, digest = each.get("size"), each["hashes"].get("sha256", "")
                    return Location(url, size if isinstance(size, int) else None, str(digest))
        return None


def fits(file: dict[str, Any], version: str) -> bool:
    """Whether a file of a listing is a wheel of this version, for this machine and Python."""
    try:
        _, its_version, _, tags = parse_wheel_filename(file["filename"])
        python = SpecifierSet(file.get("requires-python") or "")
        right = its_version == Version(version)
    except (InvalidWheelFilename, InvalidVersion, InvalidSpecifier):
        return False
    return right and python.contains(this_python()) and not tags.isdisjoint(sys_tags())


def this_python() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def is_http(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def pip_index() -> PackageIndex | None:
    """The indexes that pip uses here; None where pip is not there, or its settings are no use."""
    settings = pip_settings()
    if settings is None:
        return None
    try:
        return PackageIndex(settings)
    except (OSError, ValueError):  # a certificate that is not there, say: pip names it
        return None


def pip_settings() -> dict[str, str] | None:
    """pip's settings for downloads: of its files and of the environment. None without pip."""
    command = [sys.executable, "-m", "pip", "config", "list", "--no-input"]
    try:
        said = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if said.returncode != 0:
        return None
    found: dict[str, dict[str, str]] = {each: {} for each in SECTIONS}
    for line in said.stdout.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if section in found:
            with suppress(ValueError, SyntaxError):
                found[section][name] = str(ast.literal_eval(value))
    return {name: value for each in SECTIONS for name, value in found[each].items()}
