"""The texts of a turn, and what they can be found by. Pure: neither Django nor its models."""

from dataclasses import dataclass
from uuid import UUID

from game.recall.index import Stamp
from game.recall.terms import ACTION, Sentence, sentences_of, terms_of
from inference.languages import language_of
from inference.reply import shown_action
from inference.reply.third_person import worded_action


@dataclass(frozen=True)
class TurnTexts:
    """The texts of a turn, and their stamp."""

    id: UUID
    kind: str
    action: str
    reply: str
    stamp: Stamp
    character: str = ""  # who acted, where several played

    @property
    def shown(self) -> str:
        """The action as the story shows it."""
        worded = worded_action(self.kind, self.action, self.character)
        return shown_action(self.kind, worded, self.character)  # type: ignore[arg-type]

    def sentences(self) -> list[Sentence]:
        """What the turn can be found by: the sentences of its reply by number, and its action."""
        language = language_of(self.reply) or language_of(self.shown)
        found = sentences_of(self.reply, language)
        if self.shown:
            found.append(Sentence(ACTION, self.shown, terms_of(self.shown, language)))
        return found
