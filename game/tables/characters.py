"""Names of characters: how players are called in the story."""

import unicodedata

from django.utils.translation import gettext as _

from game.models import LONGEST_CHARACTER, LONGEST_DESCRIPTION, Adventure, Membership
from game.play.protocol import Refused, clean_text

MARKS = " '’-."  # allowed in a name beside letters, their marks and digits
# These would be read as somebody else in the story.
TAKEN = {"i", "you", "me", "narrator", "nobody", "somebody", "someone"}


def clean_name(typed: str) -> str:
    """A name as it is stored, on one line. Raises Refused if it cannot be one."""
    name = clean_line(typed)
    if not name:
        raise Refused("bad_message", _("Choose a name for your character."))
    if len(name) > LONGEST_CHARACTER:
        raise Refused(
            "bad_message",
            _("A name has at most %(most)d characters.") % {"most": LONGEST_CHARACTER},
        )
    if not all(is_of_a_name(each) for each in name) or not any(map(str.isalpha, name)):
        raise Refused(
            "bad_message", _("A name has letters, digits, spaces, hyphens, dots and apostrophes.")
        )
    if name.casefold().strip(MARKS) in TAKEN:
        raise Refused("bad_message", _("The narrator could not tell this name from other words."))
    return name


def clean_description(typed: str) -> str:
    """A description as it is stored, on one line. Raises Refused if it is too long."""
    text = clean_line(typed)
    if len(text) > LONGEST_DESCRIPTION:
        raise Refused(
            "bad_message",
            _("A description has at most %(most)d characters.") % {"most": LONGEST_DESCRIPTION},
        )
    return text


def clean_line(typed: str) -> str:
    """A text without line breaks, control characters and double spaces."""
    return " ".join(clean_text(typed).split())


def is_of_a_name(character: str) -> bool:
    """Whether a character may stand in a name, in any script."""
    return character in MARKS or unicodedata.category(character)[0] in "LM" or character.isdigit()


def refuse_taken(adventure: Adventure, name: str, but: Membership | None = None) -> None:
    """Raise Refused if another member of the adventure, which is locked, has this name."""
    others = Membership.objects.filter(adventure=adventure.pk, role__in=Membership.ACTING)
    if but is not None:
        others = others.exclude(pk=but.pk)
    names = others.values_list("character", flat=True)
    if name.casefold() in {each.casefold() for each in names}:
        raise Refused("bad_message", _("Somebody here has this name already. Choose another one."))
