"""Which sentences of old turns matter now: BM25 over the turns of one path. Pure.

Two things ask. The newest turns ask first, and what they find does not depend on the action, so
that a worker can read it before the player has typed anything. The action asks for what they did
not find. Of each turn one sentence is taken, or two: room holds many turns, and where only a name
is shared, the answer may be in any turn that has it. Among these, sentences that say something rare
come first.
"""

import heapq
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from game.recall.index import AdventureIndex
from game.recall.terms import ACTION

K1, B = 1.2, 0.3  # of BM25: how fast repetition saturates, how much length counts
NAME_WEIGHT = 1.5  # of a name that the action asks for
NEWEST_NAME_WEIGHT = 3.0  # of a name in the newest turns: whoever is there matters most
NEWEST_WEIGHT = 0.25  # of their other words
COMMON = 0.35  # a term in more of the turns than this says nothing, where there are many turns
FEW_TURNS = 12
BEFORE_SHARE = 0.9  # of a term's weight for the sentence after it: it is often about the same
TURN_SHARE = 0.4  # and for other sentences of the turn
RARITY_WEIGHT = 12.0  # of what a sentence says, beside what is asked
RAREST = 6  # terms of a sentence by which its rarity is measured
LONG = 10  # terms of a sentence, from which it takes the room of two
LENGTH_WEIGHT = 0.15
RECENCY_WEIGHT = 0.3
ACTION_WEIGHT = 0.7  # of a sentence of the player's, who often asks in the same words again
SEEN_AGAIN = 0.85  # a term's weight falls so with each turn that was chosen for it
CANDIDATES = 3  # turns that are looked into for each that is wanted
MOST_VISITS = 8_000  # turns that are scored, with repetition: each takes a tenth of a microsecond
MOST_ASKED = 30  # terms of the newest turns
WITH_ANTECEDENT = 2  # turns whose sentence comes with the one before it, which has the name


@dataclass(frozen=True)
class Chosen:
    """Sentences of a turn, by number, with the score and the terms that matched."""

    slot: int
    number: int  # of the turn on the path
    sentences: tuple[int, ...]
    score: float
    matched: frozenset[int]


class PathRanking:
    """Ranks the turns of the path that an index follows; other branches have no influence.

    Turns from `limit` on are in the prompt anyway. `hidden` are the slots that are never found.
    """

    def __init__(self, index: AdventureIndex, limit: int, hidden: Collection[int] = ()) -> None:
        self.index = index
        self.limit = limit
        self.hidden = hidden
        self.mean_length = max(1.0, index.length / max(1, index.turns))
        self.highest = math.log(1 + index.turns) or 1.0
        self.rarities: dict[int, float] = {}

    # ---- terms

    def rarity(self, term: int) -> float:
        """How much a term says, by the turns of the path that have it (BM25's idf)."""
        found = self.rarities.get(term)
        if found is None:
            count = self.index.frequencies.get(term, 0)
            found = math.log(1 + (self.index.turns - count + 0.5) / (count + 0.5))
            self.rarities[term] = found
        return found

    def is_name(self, term: int) -> bool:
        """Whether a term is mostly written with a capital inside sentences."""
        named = self.index.name_frequencies.get(term, 0)
        return named * 3 >= self.index.frequencies.get(term, 0) > 0

    def asked(
        self, terms: Mapping[int, float], name_weight: float = NAME_WEIGHT, weight: float = 1.0
    ) -> dict[int, float]:
        """The terms of a query that weigh most, with their weights.

        `terms` have the share of each. What is in too many turns says nothing.
        """
        weights = {}
        turns, most = self.index.turns, COMMON * self.index.turns
        for term, share in terms.items():
            count = self.index.frequencies.get(term, 0)
            if count and (count <= most or turns <= FEW_TURNS):
                kind = name_weight if self.is_name(term) else weight
                weights[term] = share * kind * self.rarity(term)
        best = sorted(weights, key=lambda term: (-weights[term], term))[:MOST_ASKED]
        # The commonest are left out where they are in more turns than there is time to look at.
        kept: set[int] = set()
        visits = 0
        for term in sorted(best, key=lambda term: (self.index.frequencies[term], term)):
            visits += self.index.frequencies[term]
            if visits > MOST_VISITS and kept:
                break
            kept.add(term)
        return {term: weights[term] for term in best if term in kept}

    # ---- turns

    def scores(self, asked: Mapping[int, float]) -> dict[int, float]:
        """The score of each old turn that has one of the terms, by slot."""
        found: dict[int, float] = {}
        get, numbers, limit = found.get, self.index.numbers, self.limit
        for term, weight in asked.items():
            for slot in self.index.postings.get(term, ()):
                if 0 <= numbers[slot] < limit:
                    found[slot] = get(slot, 0.0) + weight
        entries, mean = self.index.entries, self.mean_length
        for slot, score in found.items():
            found[slot] = score * (K1 + 1) / (1 + K1 * (1 - B + B * len(entries[slot]) / mean))
        for slot in self.hidden:
            found.pop(slot, None)
        return found

    def pins(self, slots: Iterable[int], asked: Mapping[int, float]) -> list[Chosen]:
        """Turns that the player pinned, oldest first, each with its sentences, the best first."""
        found = []
        for slot in slots:
            number = self.index.numbers[slot]
            if not 0 <= number < self.limit:
                continue
            scored, matched = self.sentences(slot, asked)
            sentences = tuple(each for each, _ in scored)
            found.append(Chosen(slot, number, sentences, 1.0, matched))
        return sorted(found, key=lambda each: each.number)

    def best(self, asked: Mapping[int, float], most: int) -> list[Chosen]:
        """At most `most` turns for these terms, the best first, each with its best sentence."""
        scores = self.scores(asked)
        numbers = self.index.numbers
        ranked = ((-score, numbers[slot], slot) for slot, score in scores.items())
        candidates = []
        for _, number, slot in heapq.nsmallest(most * CANDIDATES, ranked):
            scored, matched = self.sentences(slot, asked)
            sentence, score = scored[0]
            score += RECENCY_WEIGHT * number / self.limit
            candidates.append(Chosen(slot, number, (sentence,), score, matched))
        chosen = self.spread(candidates, asked, most)
        first = [self.with_antecedent(each, asked) for each in chosen[:WITH_ANTECEDENT]]
        return first + chosen[WITH_ANTECEDENT:]

    def spread(
        self, candidates: list[Chosen], asked: Mapping[int, float], most: int
    ) -> list[Chosen]:
        """The best turns first, where what was found often already weighs less each time."""
        shares: dict[int, float] = {}

        def worth(each: Chosen) -> float:
            lost = sum(asked[term] * (1 - shares.get(term, 1.0)) for term in each.matched)
            return each.score - lost

        # What a turn is worth only falls: whoever is best when looked at again is the best of all.
        heap = [(-each.score, each.number, place) for place, each in enumerate(candidates)]
        heapq.heapify(heap)
        chosen: list[Chosen] = []
        while heap and len(chosen) < most:
            _, number, place = heap[0]
            again = (-worth(candidates[place]), number, place)
            if len(heap) > 1 and again > min(heap[1:3]):
                heapq.heapreplace(heap, again)
                continue
            heapq.heappop(heap)
            chosen.append(candidates[place])
            for term in candidates[place].matched:
                shares[term] = shares.get(term, 1.0) * SEEN_AGAIN
        return chosen

    # ---- sentences

    def sentences(
        self, slot: int, asked: Mapping[int, float]
    ) -> tuple[list[tuple[int, float]], frozenset[int]]:
        """The sentences of a turn with their scores, the best first, and the terms asked for."""
        every = self.index.sentences(slot)
        hits = [{term for term in terms if term in asked} for _, terms in every]
        matched = frozenset().union(*hits)
        scored = []
        for place, (number, terms) in enumerate(every):
            here = hits[place]
            before = hits[place - 1] - here if place and number != ACTION else set()
            rest = matched - here - before
            score = sum(asked[term] for term in here)
            score += BEFORE_SHARE * sum(asked[term] for term in before)
            score += TURN_SHARE * sum(asked[term] for term in rest)
            score += RARITY_WEIGHT * self.rarity_of(terms)
            score -= LENGTH_WEIGHT * max(0, len(terms) - LONG)
            scored.append((number, score * (ACTION_WEIGHT if number == ACTION else 1.0)))
        return sorted(scored, key=lambda each: -each[1]), matched

    def with_antecedent(self, chosen: Chosen, asked: Mapping[int, float]) -> Chosen:
        """With the sentence before, where that has a term that was asked for and this has none."""
        every = dict(self.index.sentences(chosen.slot))
        [number] = chosen.sentences
        before = every.get(number - 1, []) if number != ACTION else []
        if any(term in asked for term in every[number]) or not any(
            term in asked for term in before
        ):
            return chosen
        return replace(chosen, sentences=(number - 1, number))

    def rarity_of(self, terms: Iterable[int]) -> float:
        """How rare a sentence's rarest terms are, between 0 and 1."""
        rarest = sorted(map(self.rarity, terms), reverse=True)[:RAREST]
        return sum(rarest) / RAREST / self.highest
