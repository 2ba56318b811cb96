"""Writes adventures with consent as files of a corpus, in the format of docs/finetuning.md.

Adventures with the same title and opening become one tree, so that none of them is in the training
part while another is in the held-out part.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from game.models import Adventure, Kind, Player, Status, Turn
from game.play.tree import turns_in_order, whole_path
from game.play.wording import shown_turn
from game.training.anonymisation import answers, remove_names
from game.training.consent import adventures_with_consent
from inference.finetune.corpus import parse
from inference.finetune.trouble import CorpusError
from inference.reply import neutralise

PREFIX = "players-"
FEWEST_TURNS = 3
HEADER = "title: {title}\ntags: players\nauthor: a player\nlicence: LicenseRef-Players\n"
KINDS = {Kind.DO, Kind.SAY, Kind.CONTINUE}

Show = Callable[[str], None]


@dataclass
class Node:
    """A turn of a tree: the action, the reply, and the turns after it."""

    action: str = ""
    reply: str = ""
    children: list["Node"] = field(default_factory=list)

    def child(self, action: str, reply: str) -> "Node":
        """The child with this action and reply; a new one if there is none."""
        for each in self.children:
            if (each.action, each.reply) == (action, reply):
                return each
        self.children.append(Node(action, reply))
        return self.children[-1]


def collect(folder: Path, show: Show) -> int:
    """Write every adventure with consent into `folder`. Returns the number of files.

    Earlier files are replaced. `show` is called with each line of the report. Raises
    FileExistsError if the folder holds other files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    other = [path for path in folder.iterdir() if not path.name.startswith(PREFIX)]
    if other:
        raise FileExistsError(f"{folder} holds {other[0].name}: name a folder of its own")
    trees: dict[tuple[str, str], Node] = {}
    left_out = 0
    for adventure in adventures_with_consent():
        story = Story(adventure)
        if len(story.turns) < FEWEST_TURNS:
            left_out += 1
            continue
        node = trees.setdefault((story.title, story.opening), Node(reply=story.opening))
        for action, reply in story.turns:
            node = node.child(action, reply)
    written = dict(files(trees, show))
    for path in folder.iterdir():
        if path.name not in written:
            path.unlink()
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    if left_out:
        show(f"{left_out} adventures have fewer than {FEWEST_TURNS} turns and were left out")
    return len(written)


def files(trees: dict[tuple[str, str], Node], show: Show) -> Iterable[tuple[str, str]]:
    """The name and text of each file. Trees that are no valid corpus are reported and left out."""
    titles: set[str] = set()
    for (title, opening), tree in trees.items():
        digest = hashlib.sha256(f"{title}\n{opening}".encode()).hexdigest()[:12]
        name = f"{PREFIX}{digest}.txt"
        while title.casefold() in titles:  # another opening under the same title
            title = f"{title[:50]} {digest[:4]}"
        titles.add(title.casefold())
        text = "\n".join([HEADER.format(title=title), tree.reply, *branches(tree), ""])
        try:
            parse(text, name)
        except CorpusError as error:
            show(f"left out: {error}")
            continue
        yield name, text


def branches(tree: Node) -> Iterable[str]:
    """The turns of a tree in the corpus format: first children in sequence, then the branches."""
    number = 0
    waiting: list[tuple[int, Node]] = []

    def follow(node: Node, at: int) -> Iterable[str]:
        nonlocal number
        while node.children:
            waiting.extend((at, other) for other in node.children[1:])
            node = node.children[0]
            number += 1
            at = number
            yield from turn(node)

    yield from follow(tree, 0)
    while waiting:
        after, node = waiting.pop(0)
        number += 1
        yield f"\n=== after {after}"
        yield from turn(node)
        yield from follow(node, number)


def turn(node: Node) -> Iterable[str]:
    """A turn in the corpus format."""
    yield f"\n> {node.action}".rstrip() + "\n"
    yield node.reply


class Story:
    """An adventure's path to its head, without names.

    It ends before the first turn whose text the player wrote themselves, since narrators should
    learn from replies.
    """

    def __init__(self, adventure: Adventure) -> None:
        assert adventure.head_id is not None
        path = turns_in_order(whole_path(adventure.head_id))
        self._names = names_in(adventure, path[0].reply)
        scenario = adventure.scenario
        self.title = self.clean(scenario.title if scenario else adventure.title)[:60]
        self.opening = self.clean(path[0].reply)
        self.turns = []
        for each in path[1:]:
            if each.kind not in KINDS:
                break
            if each.status in (Status.TOLD, Status.STOPPED) and each.reply.strip():
                self.turns.append((self.action(each), self.clean(each.reply)))

    def action(self, turn: Turn) -> str:
        """The action as players see it, cleaned, on one line."""
        action = shown_turn(turn)
        return " ".join(self.clean(action).split())

    def clean(self, text: str) -> str:
        """A text without names, and without lines that would be read as marks of the file."""
        lines = neutralise(remove_names(text, self._names)).splitlines()
        return "\n".join(line.lstrip("=") if line[:3] == "===" else line for line in lines).strip()


def names_in(adventure: Adventure, opening: str) -> list[str]:
    """Names that may identify players: of their accounts, and of their characters."""
    names: list[str] = []
    for player in Player.objects.filter(membership__adventure=adventure):
        names += [player.username, player.first_name, player.last_name, player.get_full_name()]
        names.append(player.email.partition("@")[0])
    scenario = adventure.scenario
    if scenario is not None:
        pairs = (
            (scenario.memory, adventure.memory),
            *((each, opening) for each in (scenario.opening, *scenario.more_openings)),
        )
        defaults = {each["name"]: each["default"] for each in scenario.placeholders}
        for template, filled in pairs:
            for place, answer in answers(template, filled).items():
                if "name" in place and answer != defaults.get(place):
                    names += [answer, *answer.split()]
    return names
