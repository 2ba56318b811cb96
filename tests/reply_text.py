"""A reply as players read it, from the raw text of an engine."""

from inference.reply import ReplyStream


def tell(raw: str, finish="stop", cuts=(), **given) -> str:
    return stream_of(raw, finish, cuts, **given).told


def stream_of(raw: str, finish="stop", cuts=(), **given) -> ReplyStream:
    """The stream after `raw`, which comes in pieces cut at `cuts`."""
    stream = ReplyStream(given.pop("kind", "do"), given.pop("action", ""), **given)
    begin = 0
    for cut in [*sorted(min(cut, len(raw)) for cut in cuts), len(raw)]:
        stream.feed(raw[begin:cut])
        begin = cut
    stream.finish(finish)
    return stream
