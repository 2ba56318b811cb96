"""What a text is made of for rules: words, ends of sentences, and what disguises stand for."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from inference.reply.characters import spaceless

END = "."  # the end of a sentence or line, among words
LONGEST = 48  # of a longer word the rest says nothing

_LETTER = r"[^\W_]"
TOKEN = re.compile(
    rf"[@$]?{_LETTER}(?:(?:{_LETTER}|[@$!|+'’])*(?:{_LETTER}|[@$]))?"
    r"|[.!?…。！？]+(?=[\"'”’»)\]]*(?:\s|$))|\n"
)
# One character that no eye sees, or an accent on a letter.
INVISIBLE = re.compile(
    r"[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef]"
)
ACCENT = re.compile(r"[\u0300-\u036f\u0483-\u0487\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]")

# Letters that look like Latin ones. NFKC has unfolded the full-width, mathematical, circled and
# superscript ones before this is asked; Unicode's own table (UTS 39) has rare scripts beside these.
LOOKALIKES = str.maketrans(
    dict(
        zip(
            "абвгдеѐёзіїјкӏмнопрстуухԁԛԝѕһɡьџ"
            "αβγδεζηικλμνορστυχωϲϳ"
            "օսոցհյաեքզլ"
            "ɑɐᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ"
            "ıɩɫłøđħŧƅɓɗƙƥʈʋƴȥʂʃ",
            "abvrdeee3iijklmhonpctyyxdqwshgbu"
            "abydezniklmvopotuxwcj"
            "ouughjweqql"
            "aaabcdefghijklmnoprstuvwyz"
            "iillodhtbbdkptvyzss",
            strict=True,
        )
    )
    | {"ß": "ss", "æ": "ae", "œ": "oe"}
)
LEET = dict(zip("034578926@$+", "oeastbgzgast", strict=True))
LEET_I = str.maketrans({**LEET, "1": "i", "!": "i", "|": "i"})
LEET_L = str.maketrans({**LEET, "1": "l", "!": "i", "|": "l"})
DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")


def words_of(text: str) -> Iterator[str]:
    """The words of a text as they stand in it, and END where a sentence or line ends.

    Scripts without spaces give a word for each character.
    """
    for word, _ in words_apart(text):
        yield word


def words_apart(text: str) -> Iterator[tuple[str, bool]]:
    """The words of a text, each with whether a space or nothing stands before it.

    Dots and dashes join: of `e.a.t it` only `e` and `it` stand apart.
    """
    if not text.isascii():
        text = visible(text)
    end = 0
    for match in TOKEN.finditer(text):
        token = match[0]
        between, end = text[end : match.start()], match.end()
        apart = not between.strip() if between else match.start() == 0
        if token[0] in ".!?…。！？\n":
            yield END, True
        elif token.isascii() or not any(map(spaceless, token)):
            yield token, apart
        else:
            for piece in pieces(token):
                yield piece, apart


def visible(text: str) -> str:
    """`text` as it looks: composed letters, none without width."""
    return unicodedata.normalize("NFKC", INVISIBLE.sub("", text))


def pieces(token: str) -> Iterator[str]:
    """A word in which characters are words of their own."""
    rest = ""
    for each in token:
        if spaceless(each):
            if rest:
                yield rest
            rest = ""
            yield each
        else:
            rest += each
    if rest:
        yield rest


@lru_cache(maxsize=32768)
def forms(word: str) -> tuple[str, ...]:
    """What a word may stand for, as rules are written: `K1LL` for kill, `ѕех` for sex."""
    word = word[:LONGEST]
    if word.isascii() and word.isalpha():
        plain = word.lower()
        return (plain,) if not DRAWN_OUT.search(plain) else with_short_ones([plain])
    bare = ACCENT.sub("", unicodedata.normalize("NFKD", word.casefold()))
    plain = unicodedata.normalize("NFC", bare)
    apart = re.split("['’]", plain)
    found = ["".join(apart)]
    if len(apart) == 2 and apart[1] == "s":
        found.append(apart[0])
    for each in list(found):
        alike = each.translate(LOOKALIKES)
        found.append(alike)
        if any(c.isalpha() for c in alike) and not alike.isalpha():
            found += [alike.translate(LEET_I), alike.translate(LEET_L)]
    return with_short_ones(found)


def with_short_ones(found: list[str]) -> tuple[str, ...]:
    """Each once, and of drawn-out ones (`kiiiill`) the words with one letter and with two."""
    short = [DRAWN_OUT.sub(kept, each) for each in found for kept in (r"\1", r"\1\1")]
    return tuple(dict.fromkeys([*found, *short]))
