"""Reveals hidden entries of the state that the story has come to tell. Pure.

A hidden person or thing is revealed when its name is told, a hidden place, time, aim or fact when
most of its words stand in one sentence. That somebody is dead or gone, or their mood, is revealed
only by a change that says so.
"""

from collections.abc import Iterable, Iterator

from inference.contract.world import WorldChange
from inference.reply import spaceless
from inference.reply.sentences import parts_of
from inference.words import SearchIndex, folded, key_of
from inference.world.folding import Entries, Entry

SHARE = 2 / 3  # of the words of an aim or a fact that one sentence has to have
SHORTEST = 4  # letters of a word that counts


def reveal(entries: Entries, text: str) -> Iterator[WorldChange]:
    """The changes that make entries visible which `text` tells of."""
    hidden = [entry for entry in entries.values() if entry.hidden and entry.value]
    if not hidden:
        return
    sentences = [(sentence, SearchIndex(sentence)) for sentence in parts_of(text) if sentence]
    for entry in hidden:
        wanted, share = sought_words(entry)
        for sentence, index in sentences:
            if wanted and share_found(index, wanted) >= share:
                yield WorldChange(
                    part=entry.part,
                    name=entry.name,
                    field=entry.field,
                    value=entry.value,
                    source="rule",
                    sentence=sentence.strip(),
                )
                break


def names_secret(entries: Entries, text: str) -> bool:
    """Whether a text names somebody of whom players do not know their death or their mood."""
    names = [
        entry.name.split()[-1:]
        for entry in entries.values()
        if entry.hidden and entry.value and entry.part == "person" and entry.field != "here"
    ]
    index = SearchIndex(text)
    return any(name and share_found(index, name) >= 1 for name in names)


def sought_words(entry: Entry) -> tuple[list[str], float]:
    """The words that tell of an entry, and which share of them has to be found; none for secrets.

    Of a name the last word is enough: "Adeyemi" tells of Mrs. Adeyemi.
    """
    match entry.part, entry.field:
        case "person", "life" if entry.value != "alive":
            return [], 1
        case "person", "mood":
            return [], 1
        case (("person" | "thing"), _):
            return entry.name.split()[-1:], 1
        case (("place" | "time"), _):
            return words_of(entry.value), SHARE
    return words_of(entry.name), SHARE


def words_of(text: str) -> list[str]:
    """The words by which a text is recognised; pairs of characters where words have no spaces."""
    plain = folded(text)
    if any(map(spaceless, plain)):
        letters = "".join(char for char in plain if char.isalnum())
        return [letters[at : at + 2] for at in range(max(1, len(letters) - 1))]
    words = [
        "".join(char for char in word if char.isalnum() or char in "'-") for word in plain.split()
    ]
    return [word for word in words if len(word) >= SHORTEST] or words


def share_found(index: SearchIndex, words: Iterable[str]) -> float:
    """Which share of the words is in an indexed text."""
    keys = [key for word in words if (key := key_of(word)) is not None]
    return sum(index.last(key) >= 0 for key in keys) / len(keys) if keys else 0.0
