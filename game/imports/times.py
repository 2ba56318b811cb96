"""Times as other programs write them."""

import re
from datetime import UTC, datetime
from typing import Any

# SillyTavern: "2023-4-17 @13h 05m 22s 123ms", with or without the milliseconds.
TAVERN = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2}) ?@ ?(\d{1,2})h ?(\d{1,2})m ?(\d{1,2})s.{0,10}")
ENGLISH = ("%B %d, %Y %I:%M%p", "%B %d, %Y %I:%M %p")  # "June 5, 2023 3:42pm"
LEAST = 10**8  # seconds since 1970; smaller numbers only count


def time_of(value: Any) -> str:
    """A time as ISO 8601, of a text or of seconds or milliseconds since 1970; "" for others."""
    try:
        if isinstance(value, str):
            return text_time(value.strip()[:60])
        if isinstance(value, int | float) and not isinstance(value, bool) and value > LEAST:
            seconds = value / 1000 if value > 10**11 else value
            return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        pass
    return ""


def text_time(text: str) -> str:
    """A time in words as ISO 8601. Raises ValueError for what is none."""
    if found := TAVERN.fullmatch(text):
        return aware(datetime(*map(int, found.groups())))  # type: ignore[arg-type]
    if text.isdecimal():
        return time_of(int(text))
    for form in ENGLISH:
        try:
            return aware(datetime.strptime(text, form))
        except ValueError:
            continue
    return aware(datetime.fromisoformat(text))


def aware(moment: datetime) -> str:
    """A moment as ISO 8601; one without a zone is taken as UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
