"""Rules over the text of a turn: what it changes in the state of the world. One module a language.

The reply decides: what the player does is an attempt, and counts only where the reply takes it up
and denies nothing of it, and the dice did not fail it.
"""

import re
from collections.abc import Sequence

from inference.contract.request import Passage
from inference.contract.world import MOST_CHANGES, Person, World, WorldChange
from inference.reply.actions import shown_action
from inference.world.names import People, are_people, names_in, told_in
from inference.world.rules.accepting import accepted
from inference.world.rules.chinese import CHINESE
from inference.world.rules.english import Reader
from inference.world.rules.french import FRENCH
from inference.world.rules.german import GERMAN
from inference.world.rules.reader import Found
from inference.world.rules.spanish import SPANISH
from inference.world.rules.tables import Language, TableReader
from inference.world.rules.text import has_word, sentences

FAILS = re.compile(r"^(?:The attempt fails|This fails|This does not succeed)")
HAN = re.compile(r"[\u3400-\u9fff]")
KANA = re.compile(r"[\u3040-\u30ff]")
WORD = re.compile(r"[^\W\d_]+")
TABLES = {"de": GERMAN, "fr": FRENCH, "es": SPANISH}
COMMON_WORDS = {
    "en": "the and you your of to is in it his her he she with on at that was not they are",
    "de": "der die das und du dich dir dein ist nicht ein eine den dem mit auf sie er im ich zu",
    "fr": "le la les et tu te vous votre ton ta est pas une un des du dans il elle sur que au je",
    "es": "el la los las y tu te está no una un en que se con del al lo su por es él ella yo",
}
# Letters that the others hardly have.
LETTERS = {"de": "[äöüß]", "fr": "[èêçàœûîô]", "es": "[ñáíóú¿¡]"}
COMMON = {name: frozenset(common.split()) for name, common in COMMON_WORDS.items()}
THROWS = re.compile(r"\b(?:throw|toss|hurl|fling)\b")  # leaves the hand, whatever comes of it


def read_turn(
    passage: Passage,
    world: World,
    known_names: frozenset[str] = frozenset(),
    player_name: str = "",
) -> list[WorldChange]:
    """What a turn changes in `world`, the state before it, by rules; their source is "rule".

    `known_names` are names that memory, cards and story have (`inference.world.names.names_in`);
    others count only where the text introduces them. `player_name` is the player's, who is no one
    of the people. What is so already is no change.
    """
    text = f"{passage.action} {passage.reply}"
    known = are_people(told_in(known_names, text), text)
    people = People([*(person.name for person in world.people), *known])
    player = frozenset(part.casefold() for part in (player_name, *player_name.split()) if part)
    found = Found(world, people, player)
    table = table_for(f"{passage.action}\n{passage.reply}")
    if table is not None:
        read_by_table(passage, found, table)
        return found.changes()[:MOST_CHANGES]
    named = names_in(f"{passage.action}\n{passage.reply}")
    reader = Reader(found, passage.kind == "opening", passage.action, named)
    if passage.kind in ("story", "opening"):
        reader.read(passage.action)
    elif passage.kind == "do":
        fails = FAILS.match(passage.outcome) and not THROWS.search(passage.action)
        attempt = Found(world, people, player)
        attempting = Reader(attempt)
        shown = shown_action("do", passage.action, passage.player)
        attempting.read(shown)
        reader.scene.last_thing = attempting.scene.last_thing
        reader.scene.last_person = attempting.scene.last_person
        for change in attempt.changes():
            if not fails and accepted(change, shown, passage.reply):
                found.take_over(change)
    reader.read(passage.reply)
    return found.changes()[:MOST_CHANGES]


def table_for(text: str) -> Language | None:
    """The table of the language of `text`; None for English, and where nothing tells."""
    if len(HAN.findall(text)) * 4 > len(text):
        return None if KANA.search(text) else CHINESE
    words = [word.casefold() for word in WORD.findall(text)]
    counts = {
        name: sum(word in common for word in words)
        + len(re.findall(LETTERS.get(name, "(?!)"), text))
        for name, common in COMMON.items()
    }
    name = max(counts, key=lambda each: counts[each])
    return TABLES.get(name) if counts[name] else None


def read_by_table(passage: Passage, found: Found, language: Language) -> None:
    """Read a turn in a language that has a table."""
    reader = TableReader(found, language)
    if passage.kind in ("story", "opening"):
        reader.read(passage.action)
    elif passage.kind == "do" and not FAILS.match(passage.outcome):
        denied = re.compile(f"{language.denied}|{language.but}", re.IGNORECASE)
        told = list(sentences(passage.reply))
        refused = not told or denied.search(told[0].told)
        for part, name in () if refused else reader.attempted(passage.action):
            about = next((each for each in told if has_word(each.told, name)), None)
            if about is None or denied.search(about.told):
                continue
            if part == "place":
                found.put_place(name, about)
            else:
                found.put_thing(name, "carried", about)
        if not refused:
            for name in reader.lost_in(passage.action, language.gives):
                found.put_thing(name, "lost", told[0])
    reader.read(passage.reply)


def last_seen(name: str, texts: Sequence[str], people: People) -> bool | None:
    """Whether someone was here when they were last told of in `texts`, the newest last.

    None where none of them says.
    """
    for text in reversed(texts):
        if not text:
            continue
        found = Found(World(people=(Person(name=name, here=True),)), people, frozenset())
        Reader(found).read(text)
        if (here := found.here(name)) is not None:
            return here
    return None
