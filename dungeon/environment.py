"""Reads settings from the environment, each with an error that names the variable."""

import os
import re
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NoReturn, TypeVar
from urllib.parse import SplitResult, urlsplit

T = TypeVar("T")

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}
HOST_NAME = re.compile(r"\.?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\]|\*")


def refuse(name: str, wants: str) -> NoReturn:
    """Stop start-up with one line: which variable, and what it wants."""
    sys.exit(f"grue: {name} {wants}")


def read(
    name: str, default: T, parse: Callable[[str], T], wants: str, *, secret: bool = False
) -> T:
    """The variable `name` parsed, or `default` where it is unset or empty.

    The value is shown when it is wrong, unless it is a `secret`.
    """
    raw = os.environ.get(name, "")
    if raw == "":
        return default
    try:
        return parse(raw)
    except (ValueError, OverflowError):
        refuse(name, wants if secret else f"{wants} (it is {raw!r})")


def text(name: str, default: str = "") -> str:
    """The variable as it is, or `default` where it is unset or empty."""
    return os.environ.get(name, "") or default


def boolean(name: str, default: bool) -> bool:
    """1, true, yes, on or 0, false, no, off, in any case."""

    def parse(raw: str) -> bool:
        if raw.lower() in TRUE | FALSE:
            return raw.lower() in TRUE
        raise ValueError(raw)

    return read(name, default, parse, "wants yes or no")


def whole_number(name: str, default: int, least: int, most: int) -> int:
    """An integer from `least` to `most`, both included."""

    def parse(raw: str) -> int:
        value = int(raw)
        if not least <= value <= most:
            raise ValueError(raw)
        return value

    return read(name, default, parse, f"wants a whole number from {least} to {most}")


def one_of(name: str, default: str, choices: list[str]) -> str:
    """One of `choices`, matched in any case, in the spelling of the list."""

    def parse(raw: str) -> str:
        for choice in choices:
            if raw.lower() == choice.lower():
                return choice
        raise ValueError(raw)

    return read(name, default, parse, f"wants one of {', '.join(choices)}")


# Placeholders that people write in place of a secret.
PLACEHOLDER = re.compile(
    r"change.?(me|this|it)|replace.?(me|this)|insecure|placeholder|example|secret.?key|your.?secret"
    r"|password|x{6}|1234567",
    re.IGNORECASE,
)


def secret(name: str, default: Callable[[], str], least: int) -> str:
    """A secret of at least `least` characters; `default` creates one where none is given."""

    def parse(raw: str) -> str:
        if len(raw) < least or len(set(raw)) < least // 4 or PLACEHOLDER.search(raw):
            raise ValueError
        return raw

    wants = f"wants {least} random characters or more, or to be left out"
    return read(name, "", parse, wants, secret=True) or default()


def host(name: str, default: str) -> str:
    """An address or name to listen on, without scheme, port or brackets."""

    def parse(raw: str) -> str:
        bare = raw.removeprefix("[").removesuffix("]")
        if not (HOST_NAME.fullmatch(bare) or HOST_NAME.fullmatch(f"[{bare}]")) or bare == "*":
            raise ValueError(raw)
        return bare

    return read(name, default, parse, "wants an address to listen on, like 0.0.0.0 or 192.168.1.5")


def host_names(name: str) -> list[str]:
    """Host names for ALLOWED_HOSTS, separated by commas."""

    def parse(raw: str) -> list[str]:
        names = split_commas(raw)
        if not all(HOST_NAME.fullmatch(each) for each in names):
            raise ValueError(raw)
        return names

    return read(
        name, [], parse, "wants host names without scheme or port, like a.example,b.example"
    )


def origins(name: str) -> list[str]:
    """Full origins, separated by commas."""

    def parse(raw: str) -> list[str]:
        return [origin_of(each) for each in split_commas(raw)]

    return read(name, [], parse, "wants origins like https://grue.example,http://10.0.0.5:8000")


# The first parts of Grue's own paths: the path of PUBLIC_URL must not contain them.
OUR_PATHS = {
    *("accounts", "admin", "adventures", "everything.grue", "healthz", "import", "join"),
    *("language", "manifest.webmanifest", "metrics", "notices", "offline", "operator", "policy"),
    *("readyz", "report", "s", "scenarios", "shares", "static", "taste", "worker.js", "ws"),
}
BASE_PATH = re.compile(r"(/[A-Za-z0-9_~.-]+)*")


def public_url(name: str) -> tuple[str, str]:
    """The address that browsers use: its origin, and its path without the last slash."""

    def parse(raw: str) -> tuple[str, str]:
        found = urlsplit(raw)
        path = found.path.rstrip("/")
        if not BASE_PATH.fullmatch(path) or set(path.split("/")) & {*OUR_PATHS, ".", ".."}:
            raise ValueError(raw)
        return origin_of(found._replace(path="").geturl()), path

    return read(
        name,
        ("", ""),
        parse,
        "wants the address that browsers use, like https://home.example/grue/, with no path of"
        " Grue's own in it",
    )


def origin_of(raw: str) -> str:
    """`raw` as browsers write an origin: no path, no port that the scheme implies."""
    found = urlsplit(raw)
    port = {"http": 80, "https": 443}.get(found.scheme)
    if port is None or not found.hostname or found.username or found.path.strip("/"):
        raise ValueError(raw)
    if found.query or found.fragment:
        raise ValueError(raw)
    name = f"[{found.hostname}]" if ":" in found.hostname else found.hostname
    shown = "" if found.port in (None, port) else f":{found.port}"
    return f"{found.scheme}://{name}{shown}"


def split_commas(raw: str) -> list[str]:
    """The parts of a list with commas, without spaces around them and without empty ones."""
    return [word.strip() for word in raw.split(",") if word.strip()]


def address(
    name: str,
    default: str,
    schemes: Collection[str],
    fits: Callable[[SplitResult], bool],
    like: str,
) -> str:
    """A server's URL. It may hold a password, so it is never shown."""

    def parse(raw: str) -> str:
        found = urlsplit(raw)
        _ = found.port  # raises ValueError unless it is a number
        if found.scheme not in schemes or not fits(found):
            raise ValueError
        return raw

    return read(name, default, parse, f"wants an address like {like}", secret=True)


def path(name: str, default: Path) -> Path:
    """An absolute path without links; `~` is the home folder."""
    try:
        return Path(os.environ.get(name, "") or default).expanduser().resolve()
    except (OSError, RuntimeError, ValueError):  # ~nobody/, a loop of links, a NUL
        refuse(name, f"wants a path (it is {os.environ.get(name, '')!r})")


def folder(name: str, default: Path) -> Path:
    """A folder that exists or can be created."""
    found = path(name, default)
    if found.exists() and not found.is_dir():
        refuse(name, f"wants a folder, and {found} is something else")
    return found


def file(name: str, default: Path) -> Path:
    """A file that exists and can be read.

    Links are not resolved, so that a link which is pointed elsewhere later is followed then.
    """
    path(name, default)  # refuses what is no path at all
    found = Path(os.environ.get(name, "") or default).expanduser().absolute()
    if not found.is_file() or not os.access(found, os.R_OK):
        refuse(name, f"wants a file that can be read (it is {str(found)!r})")
    return found


def rules_file(name: str, shipped: Path, default: str) -> Path | None:
    """A file of rules; the one that comes with Grue (`shipped`), or none (`none`)."""
    chosen = text(name, default)
    if chosen == "none":
        return None
    return shipped if chosen == "shipped" else file(name, shipped)
