"""The link preview of a shared story: a PNG with its title, last words and cover.

The font is Source Serif 4 (SIL Open Font License, `pictures/`). A text with letters that it lacks
is left out of the picture.
"""

from functools import cache
from io import BytesIO
from pathlib import Path

import resvg_py
from PIL import Image, ImageDraw, ImageFont

from game.library import covers, motifs
from game.library.excerpts import start_of

PICTURES = Path(__file__).parent / "pictures"
FONT = PICTURES / "SourceSerif4-Regular.ttf"
BACKDROP = PICTURES / "backdrop.png"  # backdrop.svg, 1200 by 630

LEFT, TOP, WIDTH = 80, 76, 640
INK, SOFT, LAMP = "#f2e8d8", "#d3c5ae", "#f3b555"
TITLE_SIZES = (64, 54, 46)
MAX_TITLE_LINES = 3
LONGEST_LINE = 300  # characters, more than fit on a line of the narrowest letters_glyph
WORDS_SIZE, MAX_WORDS_LINES = 36, 5
STEP = 12  # characters by which a text is shortened until it fits
BOTTOM = 510
NAME_AT = (136, 556)
COVER_AT, COVER_WIDTH = (752, 176), 400


def draw(title: str, words: str, cover: str) -> bytes:
    """Draw the preview as PNG, 1200 by 630. `cover` is SVG of game.library.covers."""
    picture = backdrop().copy()
    picture.paste(render_cover(cover), COVER_AT, cover_corners())
    pen = ImageDraw.Draw(picture)
    font, lines = title_that_fits(title if readable(title) else "")
    y = write(pen, lines, font, TOP, INK, spacing=1.18)
    if lines:
        pen.line((LEFT, y + 20, LEFT + 72, y + 20), fill=LAMP, width=3)
        y += 48
    font = font_of_size(WORDS_SIZE)
    room = min(MAX_WORDS_LINES, int((BOTTOM - y) / (WORDS_SIZE * 1.4)))
    write(
        pen,
        words_that_fit(words if readable(words) else "", font, room),
        font,
        y,
        SOFT,
        spacing=1.4,
    )
    pen.text(NAME_AT, "Grue", font=font_of_size(34), fill=INK, anchor="lm")
    out = BytesIO()
    # With 255 colours the file is a tenth of the size and encoded in a quarter of the time.
    picture.quantize(255, method=Image.Quantize.FASTOCTREE).save(out, "PNG")
    return out.getvalue()


def render_cover(cover: str) -> Image.Image:
    """Render a cover's SVG as an image, COVER_WIDTH wide."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {motifs.WIDTH} {motifs.HEIGHT}">'
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
    size = (COVER_WIDTH, COVER_WIDTH * motifs.HEIGHT // motifs.WIDTH)
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), 14, fill=255)
    return mask


@cache
def backdrop() -> Image.Image:
    """The background of every preview, read once."""
    with Image.open(BACKDROP) as picture:
        return picture.convert("RGB")


@cache
def font_of_size(size: int) -> ImageFont.FreeTypeFont:
    """The font in a size (pixels)."""
    return ImageFont.truetype(FONT, size)


def write(
    pen: ImageDraw.ImageDraw,
    lines: list[str],
    font: ImageFont.FreeTypeFont,
    y: float,
    colour: str,
    spacing: float,
) -> float:
    """Draw lines of text one below the other from `y` on. Returns the y where they end."""
    for line in lines:
        pen.text((LEFT, y), line, font=font, fill=colour)
        y += font.size * spacing
    return y


def title_that_fits(title: str) -> tuple[ImageFont.FreeTypeFont, list[str]]:
    """The largest font in which the title fits, with its lines; else the smallest, cut."""
    for size in TITLE_SIZES:
        font = font_of_size(size)
        lines = wrapped(title, font, MAX_TITLE_LINES + 1)
        if len(lines) <= MAX_TITLE_LINES:
            return font, lines
    return font, wrapped(title, font, MAX_TITLE_LINES)


def words_that_fit(words: str, font: ImageFont.FreeTypeFont, most: int) -> list[str]:
    """The text in at most `most` lines, cut like an excerpt (game.library.excerpts)."""
    room = min(len(words), most * LONGEST_LINE)
    lines = wrapped(words, font, most + 1)
    while len(lines) > most and room > STEP:
        room -= STEP
        lines = wrapped(start_of(words, room), font, most + 1)
    return lines[:most]


def wrapped(text: str, font: ImageFont.FreeTypeFont, most: int) -> list[str]:
    """At most `most` lines of WIDTH pixels, the last with an ellipsis if text is left."""
    lines: list[str] = []
    text = text[: most * LONGEST_LINE]  # bounds the time: measuring is slow, and anybody may ask
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
    """A word, in parts if it is wider than a line."""
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
    """Whether the font has every letter of the text. It draws those that it lacks as one box."""
    return all(has_glyph(each) for each in set(text) if not each.isspace())


@cache
def missing_glyph() -> bytes:
    """The bitmap of the box that the font draws for a letter it lacks."""
    return bytes(font_of_size(24).getmask("\uffff"))


def has_glyph(letter: str) -> bool:
    """Whether the font can draw a letter."""
    return bytes(font_of_size(24).getmask(letter)) != missing_glyph()
