"""Writes a story as an EPUB 3 book, which readers of EPUB 2 open as well."""

import io
import uuid
import zipfile
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from game.imports.encodings import clean
from game.imports.writers.prose import Chapter, chapters_of
from game.imports.writers.written import Story, Written

PIECES_A_PART = 120  # of a story without chapters: readers lay out a file at a time
BOOKS = uuid.UUID("9d2d5b3e-1f6a-4c4e-9a0a-7f3f0f6d2b11")

CONTAINER = """<?xml version="1.0" encoding="utf-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="book/content.opf"
media-type="application/oebps-package+xml"/></rootfiles></container>
"""
PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"
xml:lang={language} lang={language}>
<head><meta charset="utf-8"/><title>{title}</title>
<link rel="stylesheet" type="text/css" href="style.css"/></head>
<body>
{body}
</body>
</html>
"""
STYLE = """body { margin: 5%; line-height: 1.5; }
h1, h2 { text-align: center; }
p { margin: 0 0 .8em; }
.action { font-style: italic; }
"""


def write(story: Story, language: str) -> Written:
    """The book, with a file for each chapter."""
    parts = parts_of(chapters_of(story))
    names = [f"part-{number}.xhtml" for number, _ in enumerate(parts, 1)]
    titles = [part.heading or f"{number}" for number, part in enumerate(parts, 1)]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as book:
        # The first file says what this is, and must not be compressed.
        book.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        book.writestr("META-INF/container.xml", CONTAINER)
        book.writestr("book/style.css", STYLE)
        for name, part in zip(names, parts, strict=True):
            book.writestr(f"book/{name}", page(part.heading or story.title, body(part), language))
        book.writestr(
            "book/title.xhtml", page(story.title, f"<h1>{text(story.title)}</h1>", language)
        )
        book.writestr("book/nav.xhtml", page(story.title, nav(names, titles), language))
        book.writestr("book/toc.ncx", toc(story.title, names, titles))
        book.writestr("book/content.opf", package(story.title, names, language))
    return Written(file.getvalue(), "epub", "application/epub+zip")


def parts_of(chapters: list[Chapter]) -> list[Chapter]:
    """Chapters that are short enough for a file each."""
    found = []
    for chapter in chapters or [Chapter()]:
        for start in range(0, max(1, len(chapter.pieces)), PIECES_A_PART):
            pieces = chapter.pieces[start : start + PIECES_A_PART]
            found.append(Chapter(chapter.heading if start == 0 else "", pieces))
    return found


def text(value: str) -> str:
    """A text for XML."""
    return escape(clean(value).replace("\ufffe", "").replace("\uffff", ""))


def page(title: str, content: str, language: str) -> str:
    """A page of the book."""
    return PAGE.format(title=text(title), body=content, language=quoteattr(language))


def body(part: Chapter) -> str:
    """The heading and the paragraphs of a part."""
    lines = [f'<h2 dir="auto">{text(part.heading)}</h2>'] if part.heading else []
    for is_action, piece in part.pieces:
        kind = ' class="action"' if is_action else ""
        lines += [
            f'<p dir="auto"{kind}>{text(line)}</p>' for line in piece.split("\n") if line.strip()
        ]
    return "\n".join(lines) or "<p></p>"


def nav(names: list[str], titles: list[str]) -> str:
    """The contents for readers of EPUB 3."""
    items = "\n".join(
        f'<li><a href="{name}">{text(title)}</a></li>'
        for name, title in zip(names, titles, strict=True)
    )
    return f'<nav epub:type="toc"><ol>\n{items}\n</ol></nav>'


def toc(title: str, names: list[str], titles: list[str]) -> str:
    """The contents for readers of EPUB 2."""
    points = "\n".join(
        f'<navPoint id="p{number}" playOrder="{number}"><navLabel><text>{text(label)}</text>'
        f'</navLabel><content src="{name}"/></navPoint>'
        for number, (name, label) in enumerate(zip(names, titles, strict=True), 1)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/" version="2005-1"><head>'
        f'<meta name="dtb:uid" content="{identifier(title)}"/></head>'
        f"<docTitle><text>{text(title)}</text></docTitle><navMap>\n{points}\n</navMap></ncx>\n"
    )


def identifier(title: str) -> str:
    """The id of a book."""
    return f"urn:uuid:{uuid.uuid5(BOOKS, title)}"


def package(title: str, names: list[str], language: str) -> str:
    """The list of the book's files and their order."""
    listed = ["title.xhtml", *names]
    items = "\n".join(
        f'<item id="f{number}" href="{name}" media-type="application/xhtml+xml"/>'
        for number, name in enumerate(listed)
    )
    spine = "".join(f'<itemref idref="f{number}"/>' for number, _ in enumerate(listed))
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"""<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">{identifier(title)}</dc:identifier>
<dc:title>{text(title)}</dc:title>
<dc:language>{text(language)}</dc:language>
<meta property="dcterms:modified">{now}</meta>
</metadata>
<manifest>
{items}
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>
<item id="css" href="style.css" media-type="text/css"/>
</manifest>
<spine toc="ncx">{spine}</spine>
</package>
"""
