"""Collects every text to translate, of Python, templates and scripts, for one language or more.

    manage.py makemessages -l de        # makes or refreshes locale/de/LC_MESSAGES/*.po
    msgfmt -o django.mo django.po       # there, for both; then `make play` speaks German

It needs GNU gettext (Debian: gettext).
"""

from typing import Any

from django.core.management.commands import makemessages

OTHERS = ["tests/*", "var/*", "docs/*"]
SCRIPTS = ["--keyword=t", "--keyword=n:1,2"]  # static/js/i18n.js


class Command(makemessages.Command):
    help = "Collect the texts to translate. Wants -l LANGUAGE."

    def handle(self, *args: Any, **options: Any) -> None:
        usual = makemessages.Command.xgettext_options
        options["ignore_patterns"] = [*options["ignore_patterns"], *OTHERS]
        for domain, more in {"django": [], "djangojs": SCRIPTS}.items():
            self.xgettext_options = [*usual, *more]
            super().handle(*args, **{**options, "domain": domain, "extensions": None})
