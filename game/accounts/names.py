"""Rules for players' names."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

SHORTEST, LONGEST = 2, 30
NAME = re.compile(r"\w[\w.-]*\w")
RESERVED = re.compile(r"guest-|(player|operator|moderator|staff|admin|grue)$", re.IGNORECASE)


def check_name(name: str) -> None:
    """Check length, letters (of any script, no @) and reserved words. Raises ValidationError."""
    if not SHORTEST <= len(name) <= LONGEST:
        raise ValidationError(_("A name has 2 to 30 characters."))
    if not NAME.fullmatch(name):
        raise ValidationError(
            _("A name is made of letters and digits, with dots, dashes and _ between them.")
        )
    if RESERVED.match(name):
        raise ValidationError(_("That name is not available. Choose another one."))


validators = [check_name]
