"""How a story is told to the player in each language: for the checker's rules. Pure.

Heuristics that find slips. English has more of them (`inference.finetune.rules`).
"""

import re
from dataclasses import dataclass
from re import Pattern

from inference.languages import language_of

# Languages that `language_of` may take for one another in a short text.
ALIKE = (
    frozenset(("danish", "norwegian", "swedish")),
    frozenset(("spanish", "portuguese", "italian")),
)
FEWEST_WORDS = 25  # of a text whose language is looked at by itself
HAN_SHARE = 0.3  # of the letters of a Chinese text


@dataclass(frozen=True)
class Voice:
    """Patterns of one language; None where nothing is looked for.

    `first` is the narrator as a person, `you` the player, `speaks` the player speaking or deciding
    in a reply, `asks` the last sentence of a reply that asks the player what to do.
    """

    first: Pattern[str] | None = None
    you: Pattern[str] | None = None
    speaks: Pattern[str] | None = None
    asks: Pattern[str] | None = None


def pattern(text: str) -> Pattern[str]:
    """A pattern without regard to case."""
    return re.compile(text, re.IGNORECASE)


VOICES: dict[str, Voice] = {
    "en": Voice(
        # "I WAS HERE" is what somebody painted on a wall.
        first=re.compile(
            r"(?<![\w'’./-])(?:I(?:['’](?:m|ve|ll|d))?(?!['’\w.-])(?!\s+[A-Z]{2})"
            r"|(?:my|myself|me|we|us|ours?)(?![\w-]))"
        ),
        you=pattern(r"\byou\b"),
        asks=pattern(r"\byou\b.*\?$"),
    ),
    "zh": Voice(
        first=pattern(r"我们?|咱们?"),
        you=pattern(r"[你您]"),
        speaks=pattern(
            r"(?:^|[。！？，；])[你您](?:们)?(?:便|就|又|也)?(?:决定|说道|问道|答道|回答|说[：:“「])"
        ),
        asks=pattern(r"[你您].*[？?]$"),
    ),
    "de": Voice(
        first=pattern(r"\b(?:ich|mich|mir|mein\w*|wir|uns|unser\w*)\b"),
        you=re.compile(r"\b(?:[Dd](?:u|ich|ir|ein\w*)|Sie|Ihnen|Ihr\w*|[Ee]u(?:ch|er\w*)|ihr)\b"),
        speaks=pattern(
            r"\bdu (?:sagst|fragst|antwortest|rufst|flüsterst|erwiderst|beschließt|entscheidest)\b"
            r"(?! nichts)"
        ),
        asks=pattern(r"\b(?:du|dir|dich|sie)\b.*\?$"),
    ),
    "fr": Voice(
        first=pattern(r"\b(?:je|moi|me|mon|ma|mes|nous|notre|nos)\b|\bj['’]"),
        you=pattern(r"\b(?:tu|te|toi|ton|ta|tes|vous|votre|vos)\b|\bt['’]"),
        speaks=pattern(
            r"\b(?:tu (?:dis|demandes|réponds|cries|murmures|décides|choisis)"
            r"|vous (?:dites|demandez|répondez|criez|murmurez|décidez|choisissez))\b(?! rien)"
        ),
        asks=pattern(r"\b(?:tu|vous|toi)\b.*\?$"),
    ),
    "es": Voice(
        first=pattern(r"\b(?:yo|me|mí|mis?|conmigo|nosotr[oa]s|nuestr[oa]s?)\b"),
        # Verbs alone say who is meant.
        speaks=pattern(
            r"(?:^|[.;] )(?:dices|preguntas|respondes|contestas|gritas|susurras|decides|eliges)\b"
            r"(?! nada)"
        ),
        asks=pattern(r"¿[^?]*\b(?:tú|te|ti|tus?|haces|vas|quieres|prefieres|usted)\b[^?]*\?$"),
    ),
}
SILENT = Voice()  # of languages that have no patterns


def voice_of(language: str) -> Voice:
    """The patterns of a language by its code."""
    return VOICES.get(language, SILENT)


def found_language(text: str) -> str:
    """The language of a text as `inference.languages` calls it; "" where nothing tells."""
    letters = [each for each in text if each.isalpha()]
    if any("\u3040" <= each <= "\u30ff" for each in letters):
        return "japanese"
    if any("\uac00" <= each <= "\ud7a3" for each in letters):
        return "korean"
    han = sum("\u3400" <= each <= "\u9fff" for each in letters)
    if han > HAN_SHARE * len(letters):
        return "chinese"
    return language_of(text)


def same(one: str, other: str) -> bool:
    """Whether two languages are one, or may be taken for one another."""
    return one == other or any(one in group and other in group for group in ALIKE)
