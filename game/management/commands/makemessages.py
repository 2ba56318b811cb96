"""`manage.py makemessages`: collects the texts to translate from Python, templates and scripts.

    manage.py makemessages -l de        # makes or refreshes locale/de/LC_MESSAGES/*.po
    msgfmt -o django.mo django.po       # there, for both; then `make play` speaks German

It needs GNU gettext (Debian: gettext).
"""

from typing import Any

from django.core.management.commands import makemessages

OTHERS = ["tests/*", "var/*", "docs/*"]
SCRIPTS = ["--keyword=t", "--keyword=n:1,2"]  # static/js/i18n.js


class Command(makemessages.Command):
    """Django's command, for Python, templates and scripts in one call."""

    help = "Collect the texts to translate. Wants -l LANGUAGE."

    def handle(self, *args: Any, **options: Any) -> None:
        """Collect the texts of both domains."""
        standard = makemessages.Command.xgettext_options
        options["ignore_patterns"] = [*options["ignore_patterns"], *OTHERS]
        for domain, more in {"django": [], "djangojs": SCRIPTS}.items():
            self.xgettext_options = [*standard, *more]
            super().handle(*args, **{**options, "domain": domain, "extensions": None})
