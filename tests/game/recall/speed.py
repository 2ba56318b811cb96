"""How long recall takes in an adventure of 10,000 turns: `pytest -s tests/game/recall/speed.py`.

No part of `make test`: it tells figures, for docs/recall.md.
"""

import gc
import time
from statistics import median, quantiles

import pytest

from game.models import Adventure, Kind, Status, Turn
from game.play import context, tree
from game.recall import indexing, search
from inference.contract.request import Passage
from inference.lab.recall import stories

pytestmark = pytest.mark.django_db

TURNS = 10_000
ROOM = 4000
CALLS = 60


def test_speed(adventure, monkeypatch):
    monkeypatch.setattr(search, "request_index", lambda adventure: None)
    told = [turn for name in ("english-a", "english-b") for turn in stories.load(name).turns[1:]]
    parent, turns = adventure.head, []
    for number in range(TURNS):
        each = told[number * 7 % len(told)]
        reply = f"{each.reply} That was the {number}th wonder, no. {number * 37 % 9973}."
        parent = Turn(
            adventure=adventure,
            parent=parent,
            kind=each.kind if each.action else Kind.CONTINUE,
            action=each.action,
            reply=reply,
            status=Status.TOLD,
        )
        turns.append(parent)
    Turn.objects.bulk_create(turns, batch_size=1000)
    Adventure.objects.filter(pk=adventure.pk).update(head=parent)
    adventure.refresh_from_db()
    began = time.perf_counter()
    while indexing.index_some(adventure.pk):
        pass
    print(f"\nindexed {TURNS} turns in {time.perf_counter() - began:.1f} s")

    def timed(work, *given):
        """Milliseconds that pass, those of this process alone, and the result."""
        began, busy = time.perf_counter(), time.process_time()
        found = work(*given)
        return (time.perf_counter() - began) * 1000, (time.process_time() - busy) * 1000, found

    took, busy, path = timed(tree.path_lengths, adventure.head_id)
    print(f"the path itself: {took:.0f} ms, of them {busy:.0f} here")
    newest = context.recent_story(path)[-1:]
    gc.set_threshold(10_000, 100, 20)  # as in a web process
    for _ in range(3):
        search.cache = search.IndexCache()
        took, busy, _ = timed(search.recall, adventure, path, told[0], newest, ROOM)
        print(f"cold: {took:.0f} ms, of them {busy:.0f} here")
    warm, warm_busy = [], []
    for number in range(CALLS):
        asked = told[number * 11 % len(told)]
        action = Passage(kind="do", action=asked.action or "look around for Teague")
        length = len(path) - number * 3  # another newest turn each time
        took, busy, found = timed(search.recall, adventure, path[:length], action, newest, ROOM)
        warm.append(took)
        warm_busy.append(busy)
    for name, each in (("warm", warm), ("warm, here", warm_busy)):
        print(f"{name}: median {median(each):.1f}, p95 {quantiles(each, n=20)[-1]:.1f} ms")
    print(f"{len(found)} recalled; terms {search.cache.of(adventure.pk).terms}")
    for _ in range(5):
        turn = Turn(adventure=adventure, parent=parent, kind="do", action="ask Teague about it")
        took, busy, _ = timed(context.story_context, adventure, turn)
        print(f"story_context: {took:.0f} ms, of them {busy:.0f} here")
