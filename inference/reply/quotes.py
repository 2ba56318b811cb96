"""Quotation: where it begins and where it ends, with straight, curly and other marks."""

import re

DOUBLE = re.compile(
    r'"[^"”]*(?:["”]|$)|“[^”"]*(?:[”"]|$)|«[^»]*(?:»|$)|„[^“”"]*(?:[“”"]|$)|「[^」]*(?:」|$)'
)
# Words that begin with an apostrophe, as far as players type them.
ELISION = re.compile(
    r"['‘’](?:tis|twas|twere|em|cause|til|till|n|bout|round|neath|nuff|fraid|gainst|cos|cuz|\d)"
    r"(?!\w)|['‘’]\d",
    re.IGNORECASE,
)
# A closing mark stands after a character and before none; after punctuation it is sure to be one.
SURE_CLOSE = re.compile(r"(?<=[.,!?…])['’](?!\w)")
MAYBE_CLOSE = re.compile(r"(?<=[^\s'‘’])['’](?!\w)")


def quotations(text: str) -> list[tuple[int, int]]:
    """Where `text` is quoted: begin and end of each quotation, its marks included, in order.

    A double mark that is never closed quotes to the end. A single one that is never closed is an
    apostrophe.
    """
    found = []
    place = 0
    while place < len(text):
        double = DOUBLE.match(text, place)
        end = double.end() if double else single_quotation(text, place)
        if end:
            found.append((place, end))
            place = end
        else:
            place += 1
    return found


def single_quotation(text: str, place: int) -> int:
    """The end of the quotation in single marks that begins at `place`; 0 where none begins."""
    if text[place] not in "'‘" or ELISION.match(text, place):
        return 0
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    if before.isalnum() or not after.strip():
        return 0
    # A quotation does not go past a double mark, which would be the quotation then.
    limit = re.compile(r'["“”]').search(text, place)
    stop = limit.start() if limit else len(text)
    sure = SURE_CLOSE.search(text, place + 1, stop)
    found = sure or MAYBE_CLOSE.search(text, place + 1, stop)
    return found.end() if found else 0


def outside(text: str) -> list[tuple[bool, str]]:
    """`text` in stretches: whether each is quoted, and its words."""
    parts: list[tuple[bool, str]] = []
    place = 0
    for begin, end in quotations(text):
        parts += [(False, text[place:begin]), (True, text[begin:end])]
        place = end
    return [*parts, (False, text[place:])]


def unquoted(text: str) -> str:
    """`text` without what is quoted in double marks."""
    return re.sub(r'"[^"]*"?|“[^”]*”?', "", text)


DOUBLE_QUOTED = re.compile(r'"[^"]*(?:"|$)|“[^”"]*(?:[”"]|$)|«[^»]*(?:»|$)')
# What closes a quotation by mistake, where the marks of a text do not come in pairs.
CLOSED_SINGLY = re.compile(r"(?<=[.!?,])'(?=\s+[A-Z])")


def narration(text: str) -> str:
    """`text` with `""` for what is said in double quotation marks."""
    if text.count('"') % 2:
        text = CLOSED_SINGLY.sub('"', text)
    return DOUBLE_QUOTED.sub('""', text)


# ---- quotations that are open in a growing text

PAIRS = {"“": "”", "„": "“", "«": "»", "‹": "›", "「": "」", "『": "』", "‘": "’"}
STRAIGHT = "\"'"
LONGEST_STACK = 3  # quotations within quotations
DOUBLE_CLOSES = '"”“'


def quoting(marks: str, text: str, before: str = "") -> str:
    """The closing marks of the quotations that are open after `text`, innermost last.

    `marks` are those before it, `before` is the character before it. Straight and curly marks
    close one another, since models mix them. The end of `text` counts as the end of a word.
    """
    for index, each in enumerate(text):
        if each not in "\"“”„«»‹›「」『』'‘’":
            continue
        last = text[index - 1] if index else before
        following = text[index + 1 : index + 2]
        if each in "'‘’":
            marks = quoting_single(marks, each, last, following, text[index:])
        else:
            marks = quoting_double(marks, each, last, following)
    return marks


def quoting_double(marks: str, each: str, last: str, following: str) -> str:
    """As `quoting`, for one mark that is not a single one, between two characters."""
    opening = not last.strip() or last in "(（[—–-“‘\"'"
    if each in closes(marks):
        begins = opening and (last == "\n" or not last or following.isalnum()) and each != "”"
        # The next paragraph of the same quotation begins with a mark, or one was not closed.
        return marks if begins else marks[: closes_at(marks, each)]
    if each == "»" and opening and following.isalnum():
        return opened(marks, "«")
    if each in PAIRS:
        return opened(marks, PAIRS[each])
    # A straight mark after a word and before none closes a quotation that was never opened.
    opens = each == '"' and (opening or following.isalnum())
    return opened(marks, '"') if opens else marks


def quoting_single(marks: str, each: str, last: str, following: str, rest: str) -> str:
    """As `quoting`, for one single mark, which is an apostrophe more often than not."""
    if each != "‘" and "'" in marks + "'" and last.strip() and not following.isalnum():
        mark = "’" if "’" in marks else "'"
        return marks[: marks.rindex(mark)] if mark in marks else marks
    opens = (not last.strip() or last in '(—–“"') and following.isalnum()
    if opens and each != "’" and not ELISION.match(rest):
        return opened(marks, "’" if each == "‘" else "'")
    return marks


def closes(marks: str) -> str:
    """Every mark that closes an open quotation."""
    return marks + (DOUBLE_CLOSES if set(marks) & set(DOUBLE_CLOSES) else "")


def closes_at(marks: str, each: str) -> int:
    """The index in `marks` of the quotation that `each` closes."""
    own = marks.rfind(each)
    return own if own >= 0 else max(marks.rfind(mark) for mark in DOUBLE_CLOSES)


def opened(marks: str, mark: str) -> str:
    """`marks` with one more open quotation, at most LONGEST_STACK."""
    return marks + mark if len(marks) < LONGEST_STACK else marks


def opens_at_end(text: str, marks: str) -> bool:
    """Whether `text` ends with a mark that opens something; `marks` are open after it."""
    if text[-1] in "“„«‹「『‘(（[【":
        return True
    return text[-1] in STRAIGHT and marks.endswith(text[-1]) and not text[-2:-1].strip(" \n(—–")


def quotes_at_start(word: str, marks: str) -> bool:
    """Whether `word` begins a quotation; `marks` are open after it."""
    return word[0] in '"“„«「' or (word[0] in "'‘" and bool(marks))


def without_stray_mark(word: str) -> str:
    """`word` without a mark at its end that closes a quotation which was never opened."""
    stray = len(word) > 1 and word[-1] in '"”' and word[-2] in ".!?…"
    return word[:-1] if stray and not set(word[:-1]) & set('"“”„«»') else word
