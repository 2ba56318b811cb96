"""The token budget of each part of a prompt. Pure; docs/context.md describes it.

    memory, pinned cards | story, cut from the oldest | summary, fired cards, note | action | told

or, with `cards_beside_action`,

    memory, pinned cards, summary | story with its cards, note | recalled, world | action | told

Parts that do not change come first, so that the engine finds them in its prompt cache.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from inference.contract.request import Card, GenerationRequest, Passage, StoryContext
from inference.contract.sampling import SamplingParams
from inference.contract.world import Recalled
from inference.narrators import Narrator
from inference.prompts import cards as story_cards
from inference.prompts import steering
from inference.prompts.cards import card_text
from inference.prompts.cutting import (
    CHARS_PER_TOKEN,
    Count,
    Keep,
    chars_per_token,
    common_front,
    trimmed,
    without_blocks,
)
from inference.prompts.echoes import echoes_for
from inference.prompts.formats import (
    ChatMessage,
    RenderChat,
    chat,
    chat_pieces,
    chat_text,
    text_of,
    transcript,
)
from inference.prompts.parts import (
    BuiltPrompt,
    Firing,
    Given,
    Line,
    Origin,
    Report,
)
from inference.prompts.placing import CardPlacer
from inference.prompts.stalling import stands_still
from inference.prompts.world import world_lines
from inference.reply import ReplyStream, neutralise, shown_action
from inference.reply.languages import english
from inference.reply.worn import phrases_for
from inference.screening import Listener, screen_for
from inference.world.checks import BEGINNINGS, Facts

MEMORY_SHARE = 0.4
NOTE_SHARE = 0.1
ACTION_SHARE = 0.2
DICE_SHARE = 0.05
FACT_SHARE = 0.05
TOLD_SHARE = 0.2
CARD_SHARE = 0.25
SUMMARY_SHARE = 0.15
EARLIER_SHARE = 0.15  # recalled sentences of old turns
WORLD_SHARE = 0.08
BLOCK_SHARE = 0.25
SHORT_ACTION_SHARE = 0.05

# A reply may exceed the narrator's max_tokens by this share, to complete its last sentence.
MARGIN = 0.5

# Cards fire on keys in this much of the latest text.
RECENT_LINES = 6
RECENT_CHARS = 3000

# Replies that a new one should not resemble; older ones it should not repeat exactly.
RECENT_REPLIES = 6
LATEST_TEXTS = 30  # turns whose words are known


def build(
    request: GenerationRequest,
    narrator: Narrator,
    count: Count,
    render_chat: RenderChat,
    window: int,
) -> BuiltPrompt:
    """The prompt for a turn. With its reply it never exceeds `window` tokens of the engine.

    Raises ValueError where the window has no room for any prompt.
    """
    if request.output is not None:  # its format applies from the first token on
        request = request.model_copy(update={"told": ""})
    if narrator.state == "none":
        context = request.context.model_copy(update={"world": None})
        request = request.model_copy(update={"context": context})
    sampling = sampling_for(request, narrator, count, window)
    room = window - sampling.max_tokens

    reminder = narrator.reminder if wants_reminder(request.context, narrator) else ""

    def conversation(given: Given) -> list[ChatMessage]:
        return chat(given, narrator.style, narrator.example, reminder)

    def render(given: Given) -> str:
        if narrator.format == "transcript":
            return text_of(transcript(given))
        return chat_text(conversation(given), given.begun, render_chat)

    def tokens(given: Given) -> int:
        return count(render(given))

    budget = allocate(request, narrator, count, room)
    given = fit(budget, room, tokens)
    if narrator.format == "transcript":
        pieces = transcript(given)
    else:
        pieces = chat_pieces(conversation(given), given.begun, render_chat)
    text = text_of(pieces)
    passages = len(request.context.story)
    report = Report(
        tokens=count(text),
        window=window,
        max_tokens=sampling.max_tokens,
        pieces=tuple(pieces),
        fired=fired_cards(given),
        left_out=given.left_out,
        recalled=tuple(each.model_copy(update={"text": ""}) for each in given.earlier),
        cut={origin: lost for origin, lost in given.cut.items() if lost},
        sampling=sampling,
        passages=passages,
        first=next((line.passage for line in given.story if line.passage is not None), passages),
    )
    return BuiltPrompt(text, sampling, report, request.output)


# Two actions without a common word: their prompts differ from the action on.
GUESSES = (Passage(kind="do", action="…"), Passage(kind="continue"))


def stable_front(
    request: GenerationRequest,
    narrator: Narrator,
    count: Count,
    render_chat: RenderChat,
    window: int,
) -> str:
    """The first part of a turn's prompt that does not depend on the action, for a prefill.

    The action in `request` does not matter. An action that is a narrator's line, or fires another
    card, changes the prompt from the summary and cards on. Raises ValueError as `build` does.
    """

    known = tuple(each for each in request.context.earlier if not each.by_action)

    def prompt(action: Passage) -> str:
        context = request.context.model_copy(update={"action": action, "earlier": known})
        guess = request.model_copy(update={"context": context, "told": ""})
        return build(guess, narrator, count, render_chat, window).text

    one, other = map(prompt, GUESSES)
    return one[: common_front(one, other)]


def room_for_prompt(window: int, max_tokens: int) -> int:
    """The tokens of a window that a prompt may take, beside a reply of `max_tokens`."""
    return window - max(1, min(int(max_tokens * (1 + MARGIN)), window // 2))


def wants_reminder(context: StoryContext, narrator: Narrator) -> bool:
    """Whether the narrator's reminder stands after this turn's action."""
    if narrator.reminder_when == "always" or context.action.kind == "continue":
        return True
    return stands_still(context.story)


def sampling_for(
    request: GenerationRequest, narrator: Narrator, count: Count, window: int
) -> SamplingParams:
    """The sampling, with the margin for the last sentence and less the tokens of `request.told`."""
    sampling = request.sampling or narrator.sampling
    wanted = int(sampling.max_tokens * (1 + MARGIN))
    if request.told:
        wanted = max(wanted - count(request.told), 16)
    update = {
        "max_tokens": max(1, min(wanted, window // 2)),
        "echoes": () if narrator.repeats_itself else echoes_for(request.context),
    }
    return sampling.model_copy(update=update)


def begun(request: GenerationRequest, narrator: Narrator) -> str:
    """The first words of the reply that the prompt ends with; the player reads them too."""
    if request.told or request.output:
        return ""
    context = request.context
    facts = facts_of(context, narrator)
    usual = narrator.begun.get(context.action.kind, "")
    if facts is None:
        return steering.filled(usual, context)
    return contrary(context, facts) or steering.filled(usual, context, facts.silent)


def named_fact(request: GenerationRequest, narrator: Narrator) -> str:
    """The fact about the dead, absent or lost that the action names; "" where it names none."""
    facts = facts_of(request.context, narrator)
    if facts is None or request.told or begun(request, narrator):
        return ""
    found = facts.about(shown_line(request.context.action))
    return found.fact if found else ""


def contrary(context: StoryContext, facts: Facts) -> str:
    """How the reply begins to someone who cannot answer, or to the use of what is lost; or "".

    Left to itself a small model lets the dead answer whoever speaks to them. For English.
    """
    if not english(context.action.action):
        return ""
    name = steering.spoken_to(context)
    why = facts.silent(name) if name else None
    if why is not None:
        return BEGINNINGS[why].format(name=name)
    if context.action.kind == "do" and (thing := facts.lost_in_use()):
        return BEGINNINGS["lost"].format(name=thing)
    return ""


def reply_stream(
    request: GenerationRequest, narrator: Narrator, again: bool = False
) -> ReplyStream:
    """The clean-up of the engine's raw text into the reply that players read.

    `again`: a reply that goes wrong early may be discarded and generated again.
    """
    sampling = request.sampling or narrator.sampling
    action = request.context.action
    story = () if narrator.repeats_itself else request.context.story
    told = [passage.reply for passage in story if passage.reply]
    return ReplyStream(
        action.kind,
        "" if narrator.repeats_itself else action.action,
        request.told,
        enough=sampling.max_tokens * CHARS_PER_TOKEN,
        begun=begun(request, narrator),
        recent=told[-RECENT_REPLIES:],
        older=told[:-RECENT_REPLIES],
        again=again,
        sentences=narrator.shows == "sentences",
        rules=Listener(screen_for(request.screening)) if request.screening else None,
        bans=phrases_for(sampling.banned, sampling.worn),
        reminder=narrator.reminder,
        texts=() if narrator.repeats_itself else texts_of(request.context),
        facts=facts_of(request.context, narrator),
        fact=request.fact,
    )


def facts_of(context: StoryContext, narrator: Narrator) -> Facts | None:
    """What the reply should not contradict; None where nothing is known, or nobody minds."""
    if context.world is None or narrator.repeats_itself or narrator.state == "none":
        return None
    return Facts(context.world, shown_line(context.action), texts_of(context))


def shown_line(action: Passage) -> str:
    """The player's action as the page shows it."""
    return shown_action(action.kind, action.action, action.player)


def texts_of(context: StoryContext) -> tuple[str, ...]:
    """What the prompt is made of, with the latest replies alone."""
    cards = [text for card in context.cards for text in (card.title, card.text)]
    latest = [text for each in context.story[-LATEST_TEXTS:] for text in (each.action, each.reply)]
    return (context.memory, context.authors_note, *cards, *latest, context.action.action)


# ---- the budget


@dataclass(frozen=True)
class Budget:
    """The parts of a prompt within their limits, before the story is cut.

    `block` is the size in characters of the blocks in which the story is cut. `spare` is the number
    of tokens to keep free for cards and actions to come, `reserved` what placed cards, recalled
    sentences and the state of the world may take together: so none of them moves the cut.
    `card_room` is for placed cards alone.
    """

    given: Given
    count: Count
    block: int
    spare: int
    placer: CardPlacer | None = None
    card_room: int = 0
    reserved: int = 0
    first_turn: int = 0  # the number of the first passage on the path


def allocate(request: GenerationRequest, narrator: Narrator, count: Count, room: int) -> Budget:
    """The parts within their budgets, with the whole story."""
    context = request.context
    cut: dict[str, int] = {}

    def within(origin: Origin, text: str, limit: float, keep: Keep = "start") -> str:
        kept = trimmed(text, int(limit), count, keep)
        cut[origin] = len(text) - len(kept)
        return kept

    memory = within("memory", neutralise(context.memory).strip(), room * MEMORY_SHARE)
    note = within("note", neutralise(context.authors_note).strip(), room * NOTE_SHARE)
    told = within("told", neutralise_told(request.told), room * TOLD_SHARE, "end")
    action = line_of(context.action)
    if action is not None:
        action = action._replace(text=within("action", action.text, room * ACTION_SHARE))
    dice = within("dice", neutralise(context.action.outcome).strip(), room * DICE_SHARE)
    story = tuple(lines_of(context.story))
    fact = request.fact or named_fact(request, narrator)

    rest = room - count(memory) - count(note) - int(room * ACTION_SHARE)
    summary_room = max(0, min(int(room * SUMMARY_SHARE), rest // 4))
    summary = within("summary", neutralise(context.summary).strip(), summary_room, "end")
    card_room = max(0, min(int(room * CARD_SHARE), rest // 2))
    earlier = within_room(context.earlier, min(int(room * EARLIER_SHARE), rest // 4), count)
    world = world_lines(context, min(int(room * WORLD_SHARE), rest // 8), count)
    given = Given(
        memory=memory,
        pinned=(),
        story=story,
        summary=summary,
        cards=(),
        note=note,
        action=action,
        dice=dice,
        begun=told or begun(request, narrator),
        cut=cut,
        fact=trimmed(neutralise(fact).strip(), int(room * FACT_SHARE), count, "start"),
        earlier=earlier,
        world=world,
        passages=len(context.story),
        beside_action=narrator.cards_beside_action,
    )
    selection = CardSelection(card_room, count)
    ratio = chars_per_token(story, count)
    block = max(16, int(room * BLOCK_SHARE * ratio))
    spare = max(0, int(room * SHORT_ACTION_SHARE) - (count(action.text) if action else 0))
    # A story in play gets both as soon as it is cut: then the next turn must not move the cut.
    in_play = context.turns > 0
    reserved = int(room * WORLD_SHARE) if in_play or context.world is not None else 0
    reserved += int(room * EARLIER_SHARE) if in_play or context.earlier else 0
    first_turn = max(0, context.turns - len(context.story))
    loose = int(loose_characters(context) / ratio)
    if narrator.cards_beside_action:
        others = selection.take_pinned(context)
        given = replace(
            given,
            pinned=tuple(selection.pinned),
            fired=tuple(selection.fired),
            left_out=tuple(selection.left_out),
        )
        for_cards = min(selection.room, loose)
        return Budget(
            given,
            count,
            block,
            spare,
            placer=CardPlacer(others, count),
            card_room=selection.room,
            reserved=reserved + for_cards,
            first_turn=first_turn,
        )
    selection.take_all(context, recent_text(story, action, told))
    spare += max(0, min(selection.room_for_others, loose) - selection.size_of_fired)
    given = replace(
        given,
        pinned=tuple(selection.pinned),
        cards=tuple(selection.cards),
        fired=tuple(selection.fired),
        left_out=tuple(selection.left_out),
    )
    return Budget(given, count, block, spare, reserved=reserved, first_turn=first_turn)


def within_room(earlier: tuple[Recalled, ...], room: int, count: Count) -> tuple[Recalled, ...]:
    """The best recalled sentences within `room` tokens, in the order of the story.

    A third of the room is for those that the action found. They were not read ahead, and never
    push out others, which were.
    """
    rooms = {True: room // 3, False: room - room // 3}
    kept = []
    for each in earlier:
        each = each.model_copy(update={"text": neutralise(each.text).strip()})
        size = count(each.text)
        if each.text and size <= rooms[each.by_action]:
            rooms[each.by_action] -= size
            kept.append(each)
    return tuple(sorted(kept, key=lambda each: each.number))


def neutralise_told(told: str) -> str:
    """The text so far, unchanged at its end but for white space, so that the reply continues it."""
    return neutralise(told).rstrip() if told else ""


def lines_of(story: tuple[Passage, ...]) -> Iterator[Line]:
    """The story as the narrator reads it, oldest first, without empty lines."""
    for index, passage in enumerate(story):
        action = line_of(passage)
        if action is not None:
            yield action._replace(passage=index, side="action")
        outcome = neutralise(passage.outcome).strip()
        if outcome:
            yield Line("dice", outcome, index, "dice")
        reply = neutralise(passage.reply).strip()
        if reply:
            yield Line("narrator", reply, index, "reply")


def line_of(passage: Passage) -> Line | None:
    """The player's line in the story; None for Continue."""
    shown = shown_action(passage.kind, neutralise(passage.action), passage.player)
    shown = neutralise(shown).strip()
    if not shown:
        return None
    return Line("player" if passage.kind in ("do", "say") else "narrator", shown)


# ---- cards


def recent_text(story: tuple[Line, ...], action: Line | None, told: str) -> str:
    """The latest text, which is searched for the keys of cards."""
    lines = [line.text for line in story[-RECENT_LINES:]]
    if action is not None:
        lines.append(action.text)
    return "\n".join([*lines, told])[-RECENT_CHARS:]


def loose_characters(context: StoryContext) -> int:
    """The length in characters of all cards that are not pinned, sent or not."""
    pinned = sum(len(card.text) for card in context.cards if card.pinned)
    sent = sum(len(card.text) for card in context.cards)
    return max(context.card_characters, sent) - pinned


@dataclass
class CardSelection:
    """Selects the cards of a prompt within `room` tokens, each once."""

    room: int
    count: Count
    pinned: list[Card] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    fired: list[Firing] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    room_for_others: int = 0  # than the pinned ones
    size_of_fired: int = 0

    def take_all(self, context: StoryContext, recent: str) -> None:
        """Take pinned cards, cards that the recent text mentions, and cards that those name."""
        rest = self.take_only_pinned(context)
        mentioned = [(found, "") for found in story_cards.fired(rest, recent)]
        new = [*self.pinned, *self.take_fired(mentioned)]
        for _ in range(story_cards.STEPS):
            seen = {id(found.card) for found, _ in mentioned}
            rest = [card for card in rest if id(card) not in seen]
            if not new or not rest:
                return
            named = story_cards.named(rest, new)
            mentioned = [(found, source.title) for found, source in named]
            new = self.take_fired(mentioned)

    def take_pinned(self, context: StoryContext) -> list[Card]:
        """Take pinned cards and those that they name, as pinned; returns the others."""
        self.take_all(context, "")
        self.pinned += self.cards
        taken = {id(card) for card in self.pinned}
        return [card for card in context.cards if not card.pinned and id(card) not in taken]

    def take_only_pinned(self, context: StoryContext) -> list[Card]:
        """Take pinned cards; returns the others."""
        for card in context.cards:
            if card.pinned and self.take(card):
                self.pinned.append(card)
                self.fired.append(Firing(title=card.title))
        self.room_for_others = self.room
        return [card for card in context.cards if not card.pinned]

    def take_fired(self, mentioned: list[tuple[story_cards.Found, str]]) -> list[Card]:
        """Take cards in this order where there is room; returns those that were taken."""
        taken = []
        for found, via in mentioned:
            if self.take(found.card):
                taken.append(found.card)
                self.fired.append(Firing(title=found.card.title, key=found.key, via=via))
        self.cards += taken
        return taken

    def take(self, card: Card) -> bool:
        """Take a card; False where it is empty or has no room."""
        text = card_text(card)
        size = self.count(text) if text else 0
        if not text:
            return False
        if size > self.room:
            self.left_out.append(card.title)
            return False
        self.room -= size
        if not card.pinned:
            self.size_of_fired += size
        return True


# ---- the cut


def fit(budget: Budget, room: int, tokens: Callable[[Given], int]) -> Given:
    """The parts with as little of the story cut as needed to fit in `room` tokens."""
    whole, block = budget.given, budget.block
    length = sum(len(line.text) for line in whole.story)

    def cut(blocks: int) -> Given:
        story = without_blocks(whole.story, blocks, block)
        lost = length - sum(len(line.text) for line in story)
        return with_story(budget, replace(whole, cut={**whole.cut, "story": lost}), story)

    def fits(given: Given) -> bool:
        whole_story = not given.cut["story"]
        free = 0 if whole_story and budget.placer is None else unused(budget, given)
        return tokens(given) <= room - budget.spare - free

    # No text has more than 8 characters a token for long: more than that is not worth counting.
    fewest = max(0, -(-(length - room * 8) // block))
    most = -(-length // block)
    if fits(cut(fewest)):
        return cut(fewest)
    while most - fewest > 1:
        middle = (fewest + most) // 2
        fewest, most = (fewest, middle) if fits(cut(middle)) else (middle, most)
    given = cut(most)
    while tokens(given) > room:
        given = less(given)
    return given


def with_story(budget: Budget, given: Given, story: tuple[Line, ...]) -> Given:
    """`given` with this part of the story, its cards, and what it recalls of the rest."""
    visible = {line.passage for line in story}
    if budget.placer is not None:
        action = given.action.text if given.action else ""
        placed, left_out = budget.placer.place(story, action, given.passages, budget.card_room)
        given = replace(given, placed=placed, left_out=(*given.left_out, *left_out))
    earlier = tuple(
        each for each in given.earlier if each.number - budget.first_turn not in visible
    )
    return replace(given, story=story, earlier=earlier)


def unused(budget: Budget, given: Given) -> int:
    """How much of `Budget.reserved` is not used, in tokens."""
    if not budget.reserved:
        return 0
    count = budget.count
    used = budget.placer.tokens(given.placed) if budget.placer else 0
    used += sum(count(each.text) for each in given.earlier)
    used += sum(count(each.text) for each in given.world)
    return max(0, budget.reserved - used)


def fired_cards(given: Given) -> tuple[Firing, ...]:
    """The cards in the prompt, each once."""
    fired = {each.title: each for each in given.fired}
    for placed in given.placed:
        fired.setdefault(placed.card.title, placed.firing)
    return tuple(fired.values())


def less(given: Given) -> Given:
    """A little less of what can be spared, when no story is left to cut.

    The shares leave room for the frame in any sensible window; this is for the others.
    """
    if given.earlier:
        return replace(given, earlier=given.earlier[1:])
    if given.placed:
        out = (*given.left_out, given.placed[-1].card.title)
        return replace(given, placed=given.placed[:-1], left_out=out)
    if given.world:
        return replace(given, world=given.world[:-1])
    if given.cards:
        card = given.cards[-1].title
        out = (*given.left_out, card)
        return replace(given, cards=given.cards[:-1], fired=given.fired[:-1], left_out=out)
    if given.summary:
        return shortened(given, "summary", given.summary)
    if given.pinned:
        card = given.pinned[-1].title
        out = (*given.left_out, card)
        return replace(given, pinned=given.pinned[:-1], fired=given.fired[:-1], left_out=out)
    action = given.action.text if given.action else ""
    texts = {
        "memory": given.memory,
        "note": given.note,
        "told": given.begun,
        "dice": given.dice,
        "action": action,
    }
    longest = max(texts, key=lambda origin: len(texts[origin]))
    if not texts[longest]:
        raise ValueError("the narrator's context has no room for a prompt")
    return shortened(given, longest, texts[longest])


def shortened(given: Given, origin: str, text: str) -> Given:
    """`given` with one part a quarter shorter, cut at its end; `told` and summary at the front."""
    keep = len(text) * 3 // 4
    from_front = origin in ("told", "summary")
    kept = text[len(text) - keep :] if from_front else text[:keep].rstrip()
    cut = {**given.cut, origin: given.cut.get(origin, 0) + len(text) - len(kept)}
    if origin == "action" and given.action is not None:
        action = given.action._replace(text=kept) if kept else None
        return replace(given, action=action, cut=cut)
    if origin == "told":
        return replace(given, begun=kept, cut=cut)
    if origin == "memory":
        return replace(given, memory=kept, cut=cut)
    if origin == "note":
        return replace(given, note=kept, cut=cut)
    if origin == "dice":
        return replace(given, dice=kept, cut=cut)
    return replace(given, summary=kept, cut=cut)
