"""The report of a turn's prompt in compact form: the worker packs it, the game unpacks it.

The story is not stored twice. A piece of it is stored as its passage and its place there, with a
checksum, so that the text can be taken from the story and checked against the one that was read.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from inference.contract.plain import Plain
from inference.contract.sampling import SamplingParams
from inference.contract.world import Recalled
from inference.narrators import Narrator
from inference.prompts.parts import Firing, PassedOver, Piece, Report
from inference.reply.worn import worn_phrases

STORY_PIECES = 1_000  # the newest are kept
LONGEST_UNPACKED = 1_000_000  # bytes; a packed report is never larger


class Part(Plain):
    """A piece of the prompt: its text, or the place in the story where its text is."""

    origin: str
    text: str = ""
    title: str = ""
    passage: int | None = None
    side: str = ""
    skip: int = 0
    length: int = 0
    check: int = 0  # CRC-32 of the text in UTF-8


class PromptReport(Plain):
    """The prompt, the narrator and the sampling of one reply."""

    narrator: str
    revision: str
    parts: tuple[Part, ...]
    tokens: int
    window: int
    sampling: SamplingParams | None = None  # without its banned phrases: `bans` counts them
    ignored: tuple[str, ...] = ()  # settings that the engine does not support
    bans: int = 0
    banned: tuple[str, ...] = ()  # phrases that the engine avoided, once for each time
    fired: tuple[Firing, ...] = ()
    left_out: tuple[str, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    cut: dict[str, int] = {}
    passages: int = 0
    first: int = 0
    resampled: tuple[str, ...] = ()  # why the reply was retried, once for each time
    shortened: str = ""  # why it is shorter than it might be
    not_kept: int = 0  # the oldest pieces of the story, beyond STORY_PIECES
    recalled: tuple[Recalled, ...] = ()  # the old turns in the prompt, without their texts


class UnreadableReport(ValueError):
    """A packed report cannot be read."""


def check_sum(text: str) -> int:
    """CRC-32 of the text in UTF-8."""
    return zlib.crc32(text.encode("utf-8", "replace"))


def compact_report(
    report: Report,
    narrator: Narrator,
    resampled: Sequence[str] = (),
    shortened: str = "",
    banned: Sequence[str] = (),
) -> PromptReport:
    """The compact report of a prompt, with the newest STORY_PIECES pieces of the story.

    `resampled` are the reasons of discarded attempts, `banned` the phrases that were avoided.
    """
    pieces = list(report.pieces)
    of_story = [index for index, piece in enumerate(pieces) if piece.passage is not None]
    surplus = of_story[: max(0, len(of_story) - STORY_PIECES)]
    if surplus:  # with the frame between them
        del pieces[surplus[0] : surplus[-1] + 1]
    sampling = report.sampling
    return PromptReport(
        narrator=narrator.name,
        revision=narrator.revision or narrator.fingerprint,
        parts=tuple(compact_part(piece) for piece in pieces),
        tokens=report.tokens,
        window=report.window,
        sampling=sampling and sampling.model_copy(update={"banned": (), "echoes": ()}),
        ignored=report.ignored,
        bans=number_of_bans(sampling) if sampling else 0,
        banned=tuple(banned),
        fired=report.fired,
        left_out=report.left_out,
        passed_over=report.passed_over,
        cut=report.cut,
        passages=report.passages,
        first=report.first,
        resampled=tuple(resampled),
        shortened=shortened,
        not_kept=len(surplus),
        recalled=report.recalled,
    )


def number_of_bans(sampling: SamplingParams) -> int:
    """How many phrases are banned from a reply."""
    return len(sampling.banned) + (len(worn_phrases()) if sampling.worn else 0)


def compact_part(piece: Piece) -> Part:
    """A piece of the prompt without text that the story has."""
    if piece.passage is None:
        return Part(origin=piece.origin, text=piece.text, title=piece.title)
    return Part(
        origin=piece.origin,
        passage=piece.passage,
        side=piece.side,
        skip=piece.skip,
        length=len(piece.text),
        check=check_sum(piece.text),
    )


def pack(details: PromptReport) -> str:
    """The report as compressed text for JSON, at most about a tenth of its length."""
    content = details.model_dump(mode="json", exclude_defaults=True)
    raw = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.b85encode(zlib.compress(raw, 9)).decode("ascii")


def unpack(packed: str) -> PromptReport:
    """The report that `pack` wrote. Raises UnreadableReport."""
    try:
        compressed = base64.b85decode(packed)
        raw = zlib.decompressobj().decompress(compressed, LONGEST_UNPACKED)
        return PromptReport.from_message(raw)
    except (ValueError, zlib.error, binascii.Error, ValidationError) as wrong:
        raise UnreadableReport(str(wrong)) from None


def text_of(part: Part, candidates: list[str]) -> tuple[str, bool]:
    """The text of a part of the story, and whether the checksum confirms it.

    `candidates` are the texts that its passage has and had, as narrators read them, the present one
    first.
    """
    for text in candidates:
        words = text[part.skip :]
        if len(words) == part.length and check_sum(words) == part.check:
            return words, True
    present = candidates[0] if candidates else ""
    return present[part.skip :], False


def report_fields(details: PromptReport) -> dict[str, Any]:
    """The report without its parts, for JSON."""
    return details.model_dump(mode="json", exclude={"parts"})
