"""The command line of backups: save, check, load."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from dungeon.backup.check import check
from dungeon.backup.errors import BackupError
from dungeon.backup.installation import Installation
from dungeon.backup.restore import load
from dungeon.backup.save import default_file_name, save
from dungeon.services import ServiceError


def main(arguments: Sequence[str]) -> int:
    """Run one command. Returns the exit status: 1 after an error, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="backup")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("save").add_argument("file", nargs="?", type=Path)
    commands.add_parser("check").add_argument("file", type=Path)
    loading = commands.add_parser("load")
    loading.add_argument("file", type=Path)
    loading.add_argument("--replace", action="store_true", help="even where stories are there")
    options = parser.parse_args(arguments)
    # As an exception, so that drafts are removed and the database is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if options.command == "save":
            file = options.file or Path(default_file_name())
            save(Installation(), file)
            say(f"saved in {file} ({file.stat().st_size / 1e6:.1f} MB)")
        elif options.command == "check":
            for line in check(Installation(), options.file):
                say(line)
            say(f"{options.file} is whole")
        else:
            for line in load(Installation(), options.file, options.replace):
                say(line)
            say(f"{options.file} is back")
    except (BackupError, ServiceError) as problem:
        print(f"grue: {problem}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print("grue: stopped", file=sys.stderr)  # noqa: T201
        return 130
    return 0


def say(line: str) -> None:
    """Print one line for the host, as Grue's own."""
    print(f"grue: {line}")  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
