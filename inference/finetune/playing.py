"""An adventure from a file as play would have it: the request of each turn. Pure.

Cards, memory, note and the state of the world go through the same code as in play; only what a
search finds there, the recalled sentences, is chosen by the author.
"""

from collections.abc import Iterator
from functools import cached_property

from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.contract.world import Recalled, World, WorldChange
from inference.finetune.corpus import Adventure, Turn
from inference.finetune.header import Change
from inference.prompts.cards import cards_for
from inference.prompts.world import mentions_any
from inference.words import SearchIndex
from inference.world import turns as reading
from inference.world.folding import Entries, fold, world_of

NEWEST = 2  # passages whose words find old turns before the player acts


class Played:
    """An adventure at play."""

    def __init__(self, adventure: Adventure) -> None:
        self.adventure = adventure

    def request(self, turn: Turn) -> GenerationRequest:
        """A turn, asked for as in play."""
        path = self.adventure.path_to(turn)
        passages = self.passages(path)
        first = first_sent(path)
        story = passages[first:-1]
        action = passages[-1].model_copy(update={"reply": ""})
        header = self.adventure.header
        cards = list(self.adventure.cards)
        return GenerationRequest(
            adventure="",
            turn=str(turn.number),
            attempt=1,
            narrator="",
            context=StoryContext(
                memory=header.memory,
                authors_note=header.note,
                cards=cards_for(cards, (*story, action)),
                card_characters=sum(len(card.text) for card in cards),
                summary=header.summary,
                story=story,
                turns=header.before + len(passages) - 1,
                earlier=tuple(self.recalled(path, passages)),
                world=self.world_before(turn),
                action=action,
            ),
        )

    def passages(self, path: list[Turn]) -> tuple[Passage, ...]:
        """The opening and the turns of a path."""
        opening = Passage(kind="opening", reply=self.adventure.opening)
        return (opening, *(turn.passage for turn in path))

    def recalled(self, path: list[Turn], passages: tuple[Passage, ...]) -> Iterator[Recalled]:
        """What the author has the last turn of a path recall.

        As in play, what only the action asks for is told apart: it stands behind what is read
        ahead.
        """
        turn = path[-1]
        newest = SearchIndex(
            "\n".join(f"{each.action}\n{each.reply}" for each in passages[:-1][-NEWEST:])
        )
        action = SearchIndex(turn.action)
        before = self.adventure.header.before
        places = {0: 0, **{each.number: place for place, each in enumerate(path, 1)}}
        for index, sentence in enumerate(turn.earlier):
            # What was told before the opening has a place of its own there.
            place = (
                min(index, before - 1) if sentence.number < 0 else before + places[sentence.number]
            )
            yield Recalled(
                turn=str(sentence.number),
                number=place,
                text=sentence.text,
                by_action=mentions_any(action, sentence.text)
                and not mentions_any(newest, sentence.text),
            )

    # ---- the state of the world

    def world_before(self, turn: Turn) -> World | None:
        """The state before a turn; None where nothing is known."""
        world = world_of(self.entries[turn.parent])
        return None if world == World() else world

    @property
    def entries(self) -> list[Entries]:
        """The state after each turn by its number, the opening being 0."""
        return self._states[0]

    @property
    def read_entries(self) -> list[Entries]:
        """The same without what the author declares of the turn itself."""
        return self._states[1]

    @cached_property
    def _states(self) -> tuple[list[Entries], list[Entries]]:
        """Both of them. Rules read each turn, as in play; what the author declares is trusted more.

        Where nothing is declared, nothing is known.
        """
        if not self.adventure.has_state:
            nothing: list[Entries] = [{} for _ in range(len(self.adventure.turns) + 1)]
            return nothing, nothing
        declared = [each.change for each in self.adventure.header.state]
        opening = Passage(kind="opening", reply=self.adventure.opening)
        before = fold({}, "0", 0, declared)
        read = self.read(opening, before, [])
        states = [fold({}, "0", 0, [*declared, *read])]
        by_rules = [fold({}, "0", 0, read)]
        for turn in self.adventure.turns:
            path = self.adventure.path_to(turn)
            before = states[turn.parent]
            passages = self.passages(path[:-1])
            read = self.read(turn.passage, before, passages[-reading.NEWEST_TURNS :])
            changes = [*read, *declared_in(turn.changes)]
            states.append(fold(before, str(turn.number), len(path), changes))
            by_rules.append(fold(before, str(turn.number), len(path), read))
        return states, by_rules

    def read(
        self, passage: Passage, before: Entries, newest: tuple[Passage, ...] | list[Passage]
    ) -> list[WorldChange]:
        """What rules read from a turn."""
        header = self.adventure.header
        texts = [text for each in newest for text in (each.action, each.reply)]
        titles = [card.title for card in self.adventure.cards]
        known = reading.known_names(header.memory, titles, texts)
        player = " ".join([reading.name_of_player(header.memory), *header.players]).strip()
        return reading.read_changes(passage, before, known, player)


def declared_in(changes: tuple[Change, ...]) -> list[WorldChange]:
    """The declared changes without their lines."""
    return [each.change for each in changes]


def first_sent(path: list[Turn]) -> int:
    """The number of the first passage of a path, the opening being 0, that is sent to the narrator.

    A turn that is recalled has left the prompt, with all before it; and, as in play, it does not
    come back for the turns that follow.
    """
    places = {0: 0, **{turn.number: place for place, turn in enumerate(path, 1)}}
    recalled = [places[each.number] for turn in path for each in turn.earlier if each.number >= 0]
    return max(recalled, default=-1) + 1
