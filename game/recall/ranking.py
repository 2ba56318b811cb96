"""Which sentences of old turns matter now: BM25 over the turns of one path. Pure.

Two things ask. The newest turns ask first, and what they find does not depend on the action, so
that a worker can read it before the player has typed anything. The action asks for what they did
not find. Of each turn one sentence is taken, or two: room holds many turns, and where only a name
is shared, the answer may be in any turn that has it. Among these, sentences that say something rare
come first.
"""

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from game.recall.index import AdventureIndex
from game.recall.terms import ACTION

K1, B = 1.2, 0.5  # of BM25: how fast repetition saturates, how much length counts
NAME_WEIGHT = 1.6  # of a name in a query
COMMON = 0.35  # a term in more of the turns than this says nothing, where there are many turns
FEW_TURNS = 12
RARITY_WEIGHT = 0.6  # of what a sentence says, beside what is asked
RAREST = 4  # terms of a sentence by which its rarity is measured
RECENCY_WEIGHT = 0.05
AFTER_WEIGHT = 0.15  # of a sentence after one with a name: it is often said of it
ACTION_WEIGHT = 0.7  # of a sentence of the player's, who often asks in the same words again
SEEN_AGAIN = 0.75  # a term's weight falls so with each turn that was chosen for it
MOST_ASKED = 30  # terms of the newest turns


@dataclass(frozen=True)
class Chosen:
    """Sentences of a turn, by number, with the score and the terms that matched."""

    slot: int
    number: int  # of the turn on the path
    sentences: tuple[int, ...]
    score: float
    matched: frozenset[int]


@dataclass
class PathRanking:
    """Ranks the turns of one path. `numbers` has by slot the turn's number on it, or -1.

    Turns from `limit` on are in the prompt anyway. Nothing of other branches has any influence.
    """

    index: AdventureIndex
    numbers: "array[int]"
    limit: int
    hidden: frozenset[int] = frozenset()  # slots that the player forgot
    frequencies: dict[int, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        on_path = [slot for slot, number in enumerate(self.numbers) if number >= 0]
        self.turns = len(on_path)
        self.alone = self.turns == len(self.numbers)  # nothing in the index but this path
        lengths = [len(self.index.entries[slot]) for slot in on_path]
        self.mean_length = max(1.0, sum(lengths) / max(1, len(lengths)))

    # ---- terms

    def frequency(self, term: int) -> tuple[int, int]:
        """In how many turns of the path a term is, and in how many of these as a name."""
        found = self.frequencies.get(term)
        if found is None:
            postings: Iterable[int] = self.index.postings.get(term, ())
            if not self.alone:
                numbers = self.numbers
                postings = [each for each in postings if numbers[each >> 1] >= 0]
            every = list(postings)
            found = self.frequencies[term] = (len(every), sum(each & 1 for each in every))
        return found

    def rarity(self, term: int) -> float:
        """How much a term says, by the turns that have it (BM25's idf)."""
        count, _ = self.frequency(term)
        return math.log(1 + (self.turns - count + 0.5) / (count + 0.5))

    def is_name(self, term: int) -> bool:
        """Whether a term is mostly written with a capital inside sentences."""
        count, named = self.frequency(term)
        return named * 3 >= count > 0

    def weight(self, term: int) -> float:
        """The weight of a term in a query; 0 where it is in too many turns or in none."""
        count, _ = self.frequency(term)
        if not count or (count > COMMON * self.turns and self.turns > FEW_TURNS):
            return 0.0
        return self.rarity(term) * (NAME_WEIGHT if self.is_name(term) else 1.0)

    def asked(self, terms: Mapping[int, float], most: int = MOST_ASKED) -> dict[int, float]:
        """The terms of a query that weigh most, with their weights."""
        weights = {term: share * self.weight(term) for term, share in terms.items()}
        best = sorted(weights, key=lambda term: (-weights[term], term))[:most]
        return {term: weights[term] for term in best if weights[term] > 0}

    # ---- turns

    def scores(self, asked: Mapping[int, float]) -> dict[int, float]:
        """The score of each old turn that has one of the terms, by slot."""
        found: dict[int, float] = {}
        numbers, limit = self.numbers, self.limit
        for term, weight in asked.items():
            for each in self.index.postings.get(term, ()):
                if 0 <= numbers[each >> 1] < limit:
                    found[each >> 1] = found.get(each >> 1, 0.0) + weight
        for slot in found:
            length = len(self.index.entries[slot]) / self.mean_length
            found[slot] *= (K1 + 1) / (1 + K1 * (1 - B + B * length))
        return {slot: score for slot, score in found.items() if slot not in self.hidden}

    def pins(self, slots: Iterable[int], asked: Mapping[int, float]) -> list[Chosen]:
        """Turns that the player pinned, oldest first, each with its sentences, the best first."""
        found = []
        for slot in slots:
            number = self.numbers[slot]
            if not 0 <= number < self.limit:
                continue
            every = self.index.sentences(slot)
            worth = {each: self.worth_of(terms, asked) for each, terms in every}
            sentences = tuple(sorted(worth, key=lambda each: (-worth[each], each)))
            matched = frozenset(term for _, terms in every for term in terms if term in asked)
            found.append(Chosen(slot, number, sentences, 1.0, matched))
        return sorted(found, key=lambda each: each.number)

    def best(self, asked: Mapping[int, float], most: int) -> list[Chosen]:
        """At most `most` turns for these terms, the best first."""
        scores = self.scores(asked)
        top = sorted(scores, key=lambda slot: (-scores[slot], self.numbers[slot]))[: most * 3]
        top_score = max(scores.values(), default=1.0)
        candidates = []
        for slot in top:
            sentences, worth, matched = self.sentences(slot, asked)
            recency = RECENCY_WEIGHT * self.numbers[slot] / max(1, self.limit)
            score = scores[slot] / top_score + RARITY_WEIGHT * worth + recency
            candidates.append(Chosen(slot, self.numbers[slot], sentences, score, matched))
        return self.spread(candidates, asked, most)

    def spread(
        self, candidates: list[Chosen], asked: Mapping[int, float], most: int
    ) -> list[Chosen]:
        """The best turns first, where what was found often already weighs less each time."""
        left = dict(enumerate(candidates))
        shares: dict[int, float] = {}
        chosen: list[Chosen] = []

        def worth(key: int) -> tuple[float, int]:
            each = left[key]
            every = sum(asked[term] for term in each.matched) or 1.0
            fresh = sum(asked[term] * shares.get(term, 1.0) for term in each.matched) / every
            return (each.score * (0.5 + 0.5 * fresh), -each.number)

        while left and len(chosen) < most:
            best = max(left, key=worth)
            each = left.pop(best)
            chosen.append(each)
            for term in each.matched:
                shares[term] = shares.get(term, 1.0) * SEEN_AGAIN
        return chosen

    # ---- sentences

    def sentences(
        self, slot: int, asked: Mapping[int, float]
    ) -> tuple[tuple[int, ...], float, frozenset[int]]:
        """The sentence of a turn to recall, its rarity (0 to 1), and the turn's terms asked for.

        The sentence before it comes along where that has a name that was asked for and it has none.
        """
        every = self.index.sentences(slot)
        matched: set[int] = set()
        best, best_worth = 0, -1.0
        for place, (number, terms) in enumerate(every):
            hits = [term for term in terms if term in asked]
            matched.update(hits)
            worth = self.worth_of(terms, asked)
            if not hits and place and any(term in asked for term in every[place - 1][1]):
                worth += AFTER_WEIGHT
            if number == ACTION:
                worth *= ACTION_WEIGHT
            if worth > best_worth:
                best, best_worth = place, worth
        number, terms = every[best]
        best_rarity = self.rarity_of(terms)
        chosen: tuple[int, ...] = (number,)
        if best and not any(term in asked for term in terms):
            before, its_terms = every[best - 1]
            if before == number - 1 and any(term in asked for term in its_terms):
                chosen = (before, number)
        return chosen, best_rarity, frozenset(matched)

    def worth_of(self, terms: Sequence[int], asked: Mapping[int, float]) -> float:
        """How much a sentence says of what is asked, and how rare it is."""
        hits = sum(asked.get(term, 0.0) for term in terms)
        most = sum(asked.values()) or 1.0
        return min(1.0, 2 * hits / most) + RARITY_WEIGHT * self.rarity_of(terms)

    def rarity_of(self, terms: Iterable[int]) -> float:
        """How rare a sentence's rarest terms are, between 0 and 1."""
        highest = math.log(1 + self.turns) or 1.0
        rarest = sorted((self.rarity(term) for term in terms), reverse=True)[:RAREST]
        return sum(rarest) / RAREST / highest if rarest else 0.0
