"""A link as a QR code, drawn here: no request leaves for another host."""

import segno
from django.utils.safestring import SafeString, mark_safe


def qr_svg(address: str, label: str) -> SafeString:
    """The address as an inline SVG of black and white, which phones' cameras read.

    `label` is what a screen reader says of it.
    """
    drawn = segno.make(address, error="m", micro=False)
    picture = drawn.svg_inline(
        scale=4, border=4, light="#fff", dark="#000", title=label, svgclass="qr", lineclass=None
    )
    return mark_safe(picture)  # noqa: S308 - segno escapes the title, and the rest are numbers
