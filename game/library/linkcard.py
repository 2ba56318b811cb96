"""The picture that stands where a link to a story is pasted: its title, last words and cover.

Drawn here, since what shows a link asks for a PNG and runs nothing. Its letters are Source Serif 4
(SIL Open Font License, `pictures/`); a text in letters that it has not is left to the page.
"""

from functools import cache
from io import BytesIO
from pathlib import Path

import resvg_py
from PIL import Image, ImageDraw, ImageFont

from game.library import covers
from game.library.excerpts import start_of

PICTURES = Path(__file__).parent / "pictures"
FONT = PICTURES / "SourceSerif4-Regular.ttf"
BACKDROP = PICTURES / "backdrop.png"  # backdrop.svg, 1200 by 630

LEFT, TOP, WIDTH = 80, 76, 640
INK, SOFT, LAMP = "#f2e8d8", "#d3c5ae", "#f3b555"
TITLE_SIZES = (64, 54, 46)
MOST_LINES = 3
LONGEST_LINE = 300  # characters: more than a line of the narrowest letters has
WORDS_SIZE, WORDS_LINES = 36, 5
STEP = 12  # characters that are left out at once, until the words fit
BOTTOM = 510
NAME_AT = (136, 556)
COVER_AT, COVER_WIDTH = (752, 176), 400


def draw(title: str, words: str, cover: str) -> bytes:
    """The picture as PNG. `cover` is the drawing of game/library/covers.py."""
    picture = backdrop().copy()
    picture.paste(painted(cover), COVER_AT, cover_corners())
    pen = ImageDraw.Draw(picture)
    font, lines = title_that_fits(title if readable(title) else "")
    y = write(pen, lines, font, TOP, INK, spacing=1.18)
    if lines:
        pen.line((LEFT, y + 20, LEFT + 72, y + 20), fill=LAMP, width=3)
        y += 48
    font = letters(WORDS_SIZE)
    room = min(WORDS_LINES, int((BOTTOM - y) / (WORDS_SIZE * 1.4)))
    write(
        pen,
        words_that_fit(words if readable(words) else "", font, room),
        font,
        y,
        SOFT,
        spacing=1.4,
    )
    pen.text(NAME_AT, "Grue", font=letters(34), fill=INK, anchor="lm")
    out = BytesIO()
    # In 255 colours it is a tenth of the size, and made in a quarter of the time.
    picture.quantize(255, method=Image.Quantize.FASTOCTREE).save(out, "PNG")
    return out.getvalue()


def painted(cover: str) -> Image.Image:
    """A cover in the colours of the night."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {covers.WIDTH} {covers.HEIGHT}">'
    png = resvg_py.svg_to_bytes(
        svg_string=f"{svg}{cover}</svg>",
        style_sheet=covers.COLOURS,
        background=covers.GROUND,
        width=COVER_WIDTH,
        skip_system_fonts=True,
    )
    with Image.open(BytesIO(png)) as picture:
        return picture.convert("RGB")


@cache
def cover_corners() -> Image.Image:
    """A mask that rounds a cover's corners."""
    size = (COVER_WIDTH, COVER_WIDTH * covers.HEIGHT // covers.WIDTH)
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), 14, fill=255)
    return mask


@cache
def backdrop() -> Image.Image:
    with Image.open(BACKDROP) as picture:
        return picture.convert("RGB")


@cache
def letters(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONT, size)


def write(
    pen: ImageDraw.ImageDraw,
    lines: list[str],
    font: ImageFont.FreeTypeFont,
    y: float,
    colour: str,
    spacing: float,
) -> float:
    """Write lines one below the other, from `y` on. Where they end."""
    for line in lines:
        pen.text((LEFT, y), line, font=font, fill=colour)
        y += font.size * spacing
    return y


def title_that_fits(title: str) -> tuple[ImageFont.FreeTypeFont, list[str]]:
    """The title in the largest letters in which it is whole; in the smallest, cut."""
    for size in TITLE_SIZES:
        font = letters(size)
        lines = wrapped(title, font, MOST_LINES + 1)
        if len(lines) <= MOST_LINES:
            return font, lines
    return font, wrapped(title, font, MOST_LINES)


def words_that_fit(words: str, font: ImageFont.FreeTypeFont, most: int) -> list[str]:
    """Words in at most `most` lines; where they are cut, no quotation stays open."""
    room = min(len(words), most * LONGEST_LINE)
    lines = wrapped(words, font, most + 1)
    while len(lines) > most and room > STEP:
        room -= STEP
        lines = wrapped(start_of(words, room), font, most + 1)
    return lines[:most]


def wrapped(text: str, font: ImageFont.FreeTypeFont, most: int) -> list[str]:
    """At most `most` lines of WIDTH, the last with an ellipsis where more would follow."""
    lines: list[str] = []
    text = text[: most * LONGEST_LINE]  # measuring takes time, and anybody may ask for it
    left = [piece for word in text.split() for piece in pieces(word, font)]
    while left and len(lines) < most:
        line = left.pop(0)
        while left and font.getlength(f"{line} {left[0]}") <= WIDTH:
            line = f"{line} {left.pop(0)}"
        lines.append(line)
    if left and lines:
        last = lines[-1]
        while last and font.getlength(f"{last}…") > WIDTH:
            last = last[:-1]
        lines[-1] = f"{last.rstrip(' ,;:–—')}…"
    return lines


def pieces(word: str, font: ImageFont.FreeTypeFont) -> list[str]:
    """A word, or where it is wider than a line, its parts."""
    found = []
    while font.getlength(word[:LONGEST_LINE]) > WIDTH:
        end, most = 1, LONGEST_LINE
        while end < most:
            half = (end + most + 1) // 2
            if font.getlength(word[:half]) <= WIDTH:
                end = half
            else:
                most = half - 1
        found.append(word[:end])
        word = word[end:]
    return [*found, word]


def readable(text: str) -> bool:
    """Whether the font has every letter. What it lacks it draws as one and the same box."""
    return all(has(each) for each in set(text) if not each.isspace())


@cache
def missing() -> bytes:
    return bytes(letters(24).getmask("\uffff"))


def has(letter: str) -> bool:
    return bytes(letters(24).getmask(letter)) != missing()
