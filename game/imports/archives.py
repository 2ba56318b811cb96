"""Zip files, read in memory and within limits: nothing of them is written to a disk."""

import io
import re
import zipfile
import zlib

from game.exchange.parsers import Unreadable
from game.imports import limits

LEADS_OUT = re.compile(r"(^|[/\\])\.\.([/\\]|$)|^[/\\]|^[A-Za-z]:|\x00")


def is_archive(content: bytes) -> bool:
    """Whether a file is a zip file, or a JPEG with one behind it as some characters have."""
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return True
    return content.startswith(b"\xff\xd8\xff") and zipfile.is_zipfile(io.BytesIO(content))


# Of the others zipfile decompresses all that it has read, however much is asked for.
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def open_zip(content: bytes) -> zipfile.ZipFile:
    """The zip file in these bytes. Raises Unreadable for one that is damaged."""
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError):
        raise Unreadable("zip") from None


def read_member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """A file in a zip file, decompressed, of at most `most` bytes.

    Raises KeyError if it is not there, and Unreadable for one that is damaged, larger, packed in a
    way that cannot be read in pieces, or has a password.
    """
    if archive.getinfo(name).compress_type not in COMPRESSIONS:
        raise Unreadable("zip")
    try:
        with archive.open(name) as file:
            found = file.read(most + 1)  # what the directory says of its size may be a lie
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError):
        raise Unreadable("zip") from None
    except RuntimeError:  # zipfile raises it for a password
        raise Unreadable("zip_password") from None
    if len(found) > most:
        raise Unreadable("bomb", f"{most // limits.MIB}")
    return found


class Archive:
    """A zip file. Raises Unreadable for one that is damaged or tries to do harm."""

    def __init__(self, content: bytes) -> None:
        self.zip = open_zip(content)
        members = self.zip.infolist()
        if len(members) > limits.MOST_MEMBERS:
            raise Unreadable("zip_many", f"{limits.MOST_MEMBERS:,}")
        if any(LEADS_OUT.search(each.orig_filename) for each in members):
            raise Unreadable("zip_path")
        self.names = {each.filename: each for each in members if not each.is_dir()}
        if any(name.rsplit("/")[-1] == "data.pkl" for name in self.names):
            raise Unreadable("pickle")
        self.left = limits.LARGEST_PART  # bytes that may still be read of it

    def read(self, name: str) -> bytes:
        """A file in it, decompressed within what is left of LARGEST_PART."""
        if self.names[name].flag_bits & 1:
            raise Unreadable("zip_password")
        try:
            found = read_member(self.zip, name, self.left)
        except Unreadable as problem:
            if problem.reason == "bomb":
                raise Unreadable("bomb", f"{limits.LARGEST_PART // limits.MIB}") from None
            raise
        self.left -= len(found)
        return found
