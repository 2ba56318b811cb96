"""The languages of the pages: English, and every one that there is a translation for.

A translation is a folder as gettext wants it, `locale/de/LC_MESSAGES/`, with `django.mo` for pages
and `djangojs.mo` for scripts. The host's own are in DATA_DIR/locale and take precedence.
"""

import gettext
import logging
import struct
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.conf.locale import LANG_INFO
from django.http import HttpRequest
from django.utils.translation import get_language, to_locale

logger = logging.getLogger(__name__)

PLURALS = 200  # numbers whose plural form pages get; beyond, the last two digits decide


def spoken(folders: Sequence[Path]) -> list[tuple[str, str]]:
    """The setting LANGUAGES: pairs of a code and the language's own name."""
    files = [file for folder in folders for file in folder.glob("*/LC_MESSAGES/django.mo")]
    # One that cannot be read would break every page for whoever chooses its language.
    broken = {file.parent.parent.name for file in files if not readable(file)}
    names_of = {file.parent.parent.name for file in files} - broken
    codes = {name.replace("_", "-").lower() for name in names_of}
    others = sorted(codes - {"en"})
    names = {code: str(LANG_INFO.get(code, {}).get("name_local", code)) for code in others}
    return [("en", "English"), *names.items()]


def readable(file: Path) -> bool:
    """Whether gettext can read a compiled translation; prints a line where it cannot."""
    try:
        with file.open("rb") as compiled:
            gettext.GNUTranslations(compiled)
    except (OSError, ValueError, LookupError, struct.error) as problem:
        sys.stderr.write(f"grue: {file} is no translation ({problem}): its language is left out\n")
        return False
    return True


@cache
def script_words(language: str) -> dict[str, Any]:
    """The texts for static/js/i18n.js in `language`; empty for English.

    `plural` has, for each number below PLURALS, the index of its plural form as one digit: the
    content security policy forbids a page to evaluate the translation's formula.
    """
    texts: dict[str, str | list[str]] = {}
    plural = ""
    for folder in reversed(settings.LOCALE_PATHS):
        try:
            found: Any = gettext.translation("djangojs", folder, [to_locale(language)])
        except FileNotFoundError:
            continue
        except (OSError, ValueError, LookupError, struct.error) as problem:
            logger.error("scripts speak English: djangojs.mo in %s: %s", folder, problem)
            continue
        for key, text in found._catalog.items():
            if isinstance(key, str):
                texts[key] = text
            else:
                forms = texts.setdefault(key[0], [])
                assert isinstance(forms, list)
                forms.append(text)
        plural = "".join(str(found.plural(number)) for number in range(PLURALS))
    texts.pop("", None)  # the header
    return {"texts": texts, "plural": plural} if texts else {}


def words(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `script_words`, the texts for scripts in the page's language."""
    return {"script_words": lambda: script_words(get_language() or "en")}
