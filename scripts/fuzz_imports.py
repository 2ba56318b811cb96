"""Reads mutated files of other programs and reports what breaks, and how much memory it took.

Run as a program: `python scripts/fuzz_imports.py 10000`. Each file is one of those in
tests/game/imports/foreign_files.py with bytes changed, cut out, repeated or taken from another.
"""

import random
import resource
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from game.exchange.parsers import Unreadable
from game.imports.reader_process import read_document
from tests.game.imports.foreign_files import FILES

PIECES = [
    *(b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"\\ud800", b"NaN", b"1e999", b"null", b"[]", b"{}"),
    *(b'"', b"{", b"[[[[[[[[", b"-", b"9" * 400, b"true", b'"a":', b"base64:", b"{{user}}"),
    *(b"${", b"</script>", b"@@depth 4\\n", b"\\u0000", b"> ", b"\n", b"\xf0\x9f\x99\x82", b"0"),
]
VALUES = [
    b"null",
    b"[]",
    b"{}",
    b"0",
    b"-1",
    b"true",
    b'""',
    b'"x"',
    b"[null]",
    b'{"a":[1]}',
    b"1e9",
]


def mutate(content: bytes, pick: random.Random) -> bytes:
    """A file with one to five changes."""
    tidy = pick.random() < 0.5  # only changes after which JSON is still JSON
    for _ in range(pick.randint(1, 5)):
        place = pick.randrange(len(content) + 1)
        end = min(len(content), place + pick.choice([1, 2, 8, 40, 400]))
        way = 6 if tidy else pick.randrange(7)
        if way == 0:
            content = content[:place] + pick.choice(PIECES) + content[end:]
        elif way == 1:
            content = content[:place] + content[end:]
        elif way == 2:
            content = content[:end] + content[place:]
        elif way == 3:
            content = content[:place] + bytes([pick.randrange(256)]) + content[place + 1 :]
        elif way == 4:
            other = pick.choice(list(FILES.values()))
            start = pick.randrange(len(other))
            content = content[:place] + other[start : start + 200] + content[end:]
        else:
            content = replace_value(content, pick)
    return content


def replace_value(content: bytes, pick: random.Random) -> bytes:
    """JSON with a value of another kind after one of its colons: a reader must not trust kinds."""
    colons = [place for place, byte in enumerate(content) if byte == 0x3A]
    if not colons:
        return content
    place = pick.choice(colons) + 1
    depth = 0
    for end in range(place, len(content)):
        byte = content[end : end + 1]
        if byte in b"[{":
            depth += 1
        elif byte in b"]}":
            depth -= 1
        if depth < 0 or (byte == b"," and depth == 0):
            return content[:place] + b" " + pick.choice(VALUES) + content[end:]
    return content


def fuzz(count: int, seed: int = 1) -> tuple[Counter[str], list[str]]:
    """Read this many mutated files. Returns what became of them, and what broke."""
    pick = random.Random(seed)  # noqa: S311
    names = list(FILES)
    ends: Counter[str] = Counter()
    broken: list[str] = []
    for number in range(count):
        name = names[number % len(names)]
        content = mutate(FILES[name], pick)
        try:
            read_document(content, name)
            ends["read"] += 1
        except Unreadable as problem:
            ends[problem.reason] += 1
        except Exception as problem:  # whatever it is, it is what this looks for
            broken.append(f"{number} {name}: {type(problem).__name__}: {problem}")
    return ends, broken


def memory_mib() -> float:
    """The most memory that this process had, in MiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1024 if sys.platform != "darwin" else most / 1024**2


if __name__ == "__main__":
    began = time.monotonic()
    ended, problems = fuzz(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    sys.stdout.write(
        f"{dict(ended.most_common())}\n"
        f"{time.monotonic() - began:.1f} s, at most {memory_mib():.0f} MiB\n"
        + ("\n".join(problems[:40]) or "nothing broke")
        + "\n"
    )
    sys.exit(bool(problems))
