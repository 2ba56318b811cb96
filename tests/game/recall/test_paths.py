"""What is recalled is what the path alone tells, whatever was played, undone or edited before."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from game.models import Adventure, Kind, Membership, RecallMark, Status, Turn
from game.play import context, edits, tree
from game.recall import indexing, search
from game.recall.index import AdventureIndex, packed, unpacked
from inference.contract.request import Passage

pytestmark = pytest.mark.django_db

ROOM = 600  # tokens of a prompt
IN_PROMPT = 0.1  # of that for the newest turns: three or four
REPLIES = [
    "Marta hid the brass key under the third stone.",
    "The ferryman asks for two silver marks. Old Marta laughs.",
    "You climb the tower; a bell without a clapper hangs there, and Jonas will not touch it.",
    "“Seven steps,” Jonas says, “and then the water.” You count them.",
    "老周把铜钥匙放在桌上。雨还在下。",
    "Nothing happens. You walk on along the river until it is dark, and nobody says a word.",
]
ACTIONS = ["ask Marta for the key", "follow Jonas", "问老周铜钥匙在哪里", "wait", ""]

steps = st.lists(
    st.tuples(
        st.sampled_from(["play", "play", "play", "play", "undo", "redo", "go", "edit", "mark"]),
        st.integers(0, 50),
    ),
    min_size=6,
    max_size=16,
)


@pytest.fixture(autouse=True)
def short_prompts_and_no_queue(monkeypatch):
    monkeypatch.setattr(search, "PROMPT_SHARE", IN_PROMPT)
    monkeypatch.setattr(search, "request_index", lambda adventure: None)


class Story:
    """An adventure that is played without a narrator."""

    def __init__(self, player):
        self.player = player
        self.adventure = Adventure.objects.create(title="x")
        Membership.objects.create(player=player, adventure=self.adventure)
        self.turns = []
        self.play(0, Kind.OPENING)

    def play(self, number, kind=Kind.DO):
        turn = Turn.objects.create(
            adventure=self.adventure,
            parent=self.adventure.head,
            kind=kind,
            action=ACTIONS[number % len(ACTIONS)] if kind == Kind.DO else "",
            reply=REPLIES[number % len(REPLIES)],
            status=Status.TOLD,
        )
        if turn.parent:
            Turn.objects.filter(pk=turn.parent_id).update(last_child=turn)
        self.turns.append(turn)
        self.move(turn)
        if number % 3:  # an end whose indexing was lost is indexed when it is asked for
            indexing.index_turns([turn.pk])

    def move(self, turn):
        self.adventure.head = turn
        self.adventure.save(update_fields=["head"])

    def step(self, what, number):
        head = Turn.objects.get(pk=self.adventure.head_id)
        any_turn = Turn.objects.get(pk=self.turns[number % len(self.turns)].pk)
        if what == "play":
            self.play(number)
        elif what == "undo" and head.parent:
            self.move(head.parent)
        elif what == "redo" and head.last_child:
            self.move(head.last_child)
        elif what == "go":
            self.move(any_turn)
        elif what == "edit":
            texts = {"reply": f"{REPLIES[(number + 1) % len(REPLIES)]} Then {number}."}
            edits.replace(self.adventure, any_turn, texts, self.player)
        elif what == "mark":
            mark = RecallMark.Mark.values[number % 2]
            RecallMark.objects.update_or_create(turn=any_turn, defaults={"mark": mark})

    def recalled(self, action):
        path = tree.path_lengths(self.adventure.head_id)
        newest = context.recent_story(path)[-1:]
        return search.recall(self.adventure, path, action, newest, ROOM)

    def computed_afresh(self, action):
        path = tree.path_lengths(self.adventure.head_id)
        newest = context.recent_story(path)[-1:]
        index = AdventureIndex()
        texts = indexing.read_texts([step.id for step in path])
        for each in texts:
            index.add(each.id, each.stamp, unpacked(packed(each.sentences())))
        marks = RecallMark.objects.filter(turn__in=[step.id for step in path])
        limit = search.first_in_prompt(path, ROOM)
        if not limit:
            return ()
        found = search.find(
            index, path, limit, action, newest, ROOM, {each.turn_id: each.mark for each in marks}
        )
        return search.read(found, path, texts, ROOM)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps, others=steps)
def test_recall_is_that_of_a_fresh_index_of_the_path(alice, bob, steps, others):
    mine, theirs = Story(alice), Story(bob)
    for number in range(max(len(steps), len(others))):
        for story, list_of in ((mine, steps), (theirs, others)):
            if number < len(list_of):
                story.step(*list_of[number])
            action = Passage(kind="do", action=ACTIONS[number % len(ACTIONS)])
            found = story.recalled(action)
            assert found == story.computed_afresh(action)
            path = {str(step.id) for step in tree.path_lengths(story.adventure.head_id)}
            assert {each.turn for each in found} <= path


def test_what_the_newest_turns_ask_for_does_not_depend_on_the_action(alice):
    story = Story(alice)
    for number in range(30):
        story.play(number)
    found = [
        [each for each in story.recalled(Passage(kind="do", action=action)) if not each.by_action]
        for action in ACTIONS
    ]
    assert found[0] and all(each == found[0] for each in found)
