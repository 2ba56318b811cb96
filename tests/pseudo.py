"""A language that nobody speaks, made of every text that is marked for translation.

Its letters are no ASCII letters: what still is ASCII on a page was not marked, or not found by
`manage.py makemessages`.
"""

import fcntl
import os
import re
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import allauth
import django
import polib

ROOT = Path(__file__).resolve().parent.parent
CODE, FOLDER = "en-xa", "en_XA"
# For real languages these bring their own words.
LIBRARIES = (
    Path(django.__file__).parent / "conf/locale/en/LC_MESSAGES/django.po",
    Path(django.__file__).parent / "contrib/auth/locale/en/LC_MESSAGES/django.po",
    Path(allauth.__file__).parent / "locale/de/LC_MESSAGES/django.po",
)
ROOMS = ("dungeon", "game", "inference", "templates", "static", "manage.py")

LETTERS = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "áƀçðéƒǧĥíĵķļɱñóþɋŕšţúṽŵẋýžÁƁÇÐÉƑǦĤÍĴĶĻṀÑÓÞɊŔŠŢÚṼŴẊÝŽ",
)
# Names of values, markup, and the name of the game stay.
KEPT = re.compile(r"(%\(\w+\)[sd]|%[sd%]|\{\w+\}|<[^>]*>|&\w+;|\bGrue\b)")
# What is no word of ours wherever it stands: units, and names of forms, keys and programs.
NAMES = r"Grue|JSON|HTML|Markdown|English|KoboldAI|NovelAI|SillyTavern"


def pseudo(text):
    parts = KEPT.split(text)
    return "".join(part if at % 2 else part.translate(LETTERS) for at, part in enumerate(parts))


def translate(catalog):
    for entry in catalog:
        if entry.msgid_plural:
            entry.msgstr_plural = {0: pseudo(entry.msgid), 1: pseudo(entry.msgid_plural)}
        else:
            entry.msgstr = pseudo(entry.msgid)
        entry.flags = [flag for flag in entry.flags if flag != "fuzzy"]
    catalog.metadata = {
        "Content-Type": "text/plain; charset=UTF-8",
        "Plural-Forms": "nplurals=2; plural=(n != 1);",
    }
    return catalog


@cache
def texts(folder):
    """The files that `manage.py makemessages` writes, by domain, made below `folder`."""
    (folder / "locale").mkdir(parents=True)
    for room in ROOMS:
        (folder / room).symlink_to(ROOT / room)
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "dungeon.settings", "DATA_DIR": str(folder)}
    # Django writes beside what it reads: it is shown the rooms in a folder of their own.
    code = (
        "import manage; from django.conf import settings; settings.LOCALE_PATHS = []; "
        "from django.core.management import execute_from_command_line as run; "
        f"run(['manage.py', 'makemessages', '-v0', '--symlinks', '-l', '{FOLDER}'])"
    )
    subprocess.run([sys.executable, "-c", code], cwd=folder, env=environ, check=True)
    made = folder / "locale" / FOLDER / "LC_MESSAGES"
    return {domain: polib.pofile(str(made / f"{domain}.po")) for domain in ("django", "djangojs")}


def write(locale, folder):
    """Put the language into `locale`, a folder that LOCALE_PATHS names; `folder` is for scraps."""
    target = Path(locale) / FOLDER / "LC_MESSAGES"
    target.mkdir(parents=True)
    # One process at a time: makemessages leaves files of its own in the tree while it reads it.
    with (Path(tempfile.gettempdir()) / f"grue-pseudo-{os.getuid()}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = texts(folder)
    for domain, catalog in found.items():
        if domain == "django":
            known = {(entry.msgctxt, entry.msgid) for entry in catalog}
            for file in LIBRARIES:
                for entry in polib.pofile(str(file)):
                    if (entry.msgctxt, entry.msgid) not in known:
                        known.add((entry.msgctxt, entry.msgid))
                        catalog.append(entry)
        translate(catalog).save_as_mofile(str(target / f"{domain}.mo"))


def untranslated(texts):
    """Those of `texts` that have a word in ASCII letters."""
    word = re.compile(rf"(?!(?:{NAMES})\b)\b[A-Za-z]{{2,}}")
    return [text for text in texts if word.search(text)]
