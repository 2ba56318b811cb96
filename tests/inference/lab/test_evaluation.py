"""How narrators are measured: the measures each, the situations, and `make eval` as a whole."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from game.management.commands.evaluate import beginnings, with_settings
from inference.config import InferenceConfig
from inference.contract.outcomes import OUTCOME_LINES
from inference.contract.request import GenerationRequest, Passage, StoryContext
from inference.contract.sampling import SamplingParams
from inference.engines.host import load
from inference.lab.evaluation import blind, runs, situations
from inference.lab.evaluation.endings import cut, empty, leaks
from inference.lab.evaluation.facts import contradicts, stated_of
from inference.lab.evaluation.playing import Play, common_front, draw, play, read_actions
from inference.lab.evaluation.repetition import distinct_3, loops, repeats
from inference.lab.evaluation.scores import figures, score, table
from inference.lab.evaluation.situations import SituationsError, read_situations
from inference.lab.evaluation.telling import Teller, Told
from inference.lab.evaluation.voice import past_tense, says_you, speaks_for_player, wrong_person
from inference.narrators import Narrator
from inference.world.absent import absent_answers
from inference.world.dead import dead_acts
from inference.world.lost import lost_used

NOWHERE = InferenceConfig(redis_url="", narrators_file=Path(), models_dir=Path())


def narrator(*replies, **more):
    options = {"replies": replies, "in_turn": True, "pace": 0} if replies else {"pace": 0}
    return Narrator(name="parrot", line="x", engine="scripted", options=options, **more)


def teller(*replies, **more):
    told_by = narrator(*replies, **more)
    return Teller(told_by, load(told_by, NOWHERE))


def asked(action="open the door", story=(), kind="do", **more):
    return GenerationRequest(
        adventure="a",
        turn="t",
        attempt=1,
        narrator="parrot",
        context=StoryContext(story=story, action=Passage(kind=kind, action=action)),
        **more,
    )


# ---- endings


@pytest.mark.parametrize(
    "reply", ["The door opens.", '"Go," she says. "Now!"', "门开了。", "", "…"]
)
def test_a_reply_that_ends_at_a_sentence_or_says_nothing_is_not_cut(reply):
    assert not cut(reply)


@pytest.mark.parametrize("reply", ["The door opens and", "You look at the…", "He is, ", '"No…"'])
def test_a_reply_that_ends_inside_a_sentence_is_cut(reply):
    assert cut(reply)


def test_a_reply_of_marks_alone_is_empty():
    assert empty(" …\n") and empty("") and not empty("No.")


@pytest.mark.parametrize(
    "reply",
    [
        "It opens.<|im_end|>",
        "> You run.",
        "It opens.\n### Response",
        "Sure! It opens.",
        "[/INST] It",
    ],
)
def test_what_belongs_to_prompts_is_a_leak(reply):
    assert leaks(reply)


def test_a_greater_sign_and_a_name_before_a_colon_in_the_middle_are_none():
    assert not leaks("It weighs > 40 pounds. He writes: user unknown.")


REMINDER = (
    "Tell what happens now in two to four sentences. The others and the world act, then I do."
)


@pytest.mark.parametrize(
    "said",
    ["The other characters and the world act as usual.", "You run. The others and World act."],
)
def test_a_reply_that_says_the_reminder_leaks_it(said):
    assert leaks(said, REMINDER)
    assert not leaks(said)


def test_words_of_the_reminder_may_be_told():
    for told in ("They look at each other again.", '"The world acts up," she says. "Others, too."'):
        assert not leaks(told, REMINDER)


# ---- repetition


def test_four_words_three_times_or_a_long_sentence_twice_are_a_loop():
    assert loops("You look at the door. You look at the wall. You look at the sky.")
    assert loops("The man in the grey coat smiles. You wait. The man in the grey coat smiles.")
    assert not loops("You wait. You wait. No, no, no. You look at the door and at the wall.")


def test_what_an_earlier_reply_told_is_told_again():
    earlier = "The man in the grey coat smiles. A bell rings."
    assert repeats("You wait. The man in the grey coat smiles.", [earlier])
    assert not repeats("You wait. A bell rings. The man smiles.", [earlier])


def test_eight_words_in_a_row_are_told_again_however_long_ago_and_seven_are_not():
    long_ago = "In the dark under the stairs a thing with wet feet is breathing slowly"
    between = [f"A bell rings {number} times." for number in range(40)]
    again = "Now under the stairs a thing with wet feet is here"
    assert repeats(again, [long_ago, *between])
    assert not repeats("Under the stairs a thing with wet socks", [long_ago, *between])


def test_the_players_own_words_and_names_may_come_again():
    told = "You put the heavy iron key back under the loose stone."
    assert repeats(told, [told + " Then you go."])
    action = "You put the heavy iron key back under the loose stone."
    assert not repeats(told + " It fits.", ["No. " + told], action)
    title = "Dame Honor Strake Minister for Bridges and Lower Wickering"
    assert not repeats(f"{title} bows.", [f"{title} sits."], names=[title])


def test_a_whole_reply_that_comes_again_is_a_repetition_however_short():
    assert repeats("You're running.", ["He waits.", "You're running!"])
    assert not repeats("You're running. Fast.", ["You're running."])
    assert not repeats("", [""])


def test_distinct_3_falls_with_what_is_said_again():
    assert distinct_3(["one two three four"]) == 1
    assert distinct_3(["one two three", "one two three"]) == 0.5
    assert distinct_3([]) == 1


# ---- voice


@pytest.mark.parametrize(
    "reply",
    ['You say, "Come in."', '"Who is there?" you ask.', "You quickly tell him everything."],
)
def test_words_in_the_players_mouth_are_found(reply):
    assert speaks_for_player(reply)


@pytest.mark.parametrize(
    "reply", ["You say nothing.", '"You say so," he laughs.', "He asks what you want."]
)
def test_what_others_say_and_silence_are_not(reply):
    assert not speaks_for_player(reply)


def test_a_quotation_alone_after_what_the_player_does_is_the_players():
    assert speaks_for_player('You turn to Clive. "It is late." He nods.')
    assert speaks_for_player('He nods. You sit. "It is late."')
    assert not speaks_for_player('You turn to Clive. "It is late," he says.')
    assert not speaks_for_player('You turn to Clive. "It is late." Clive says it twice.')
    assert not speaks_for_player('You turn to Clive.\n\n"It is late." He nods.')
    assert not speaks_for_player('He turns to you. "It is late." He nods.')


def test_who_is_heard_after_the_player_listens_is_somebody_else():
    assert not speaks_for_player('"Turnip," says Ines. You hear her breathe. "Now you say it."')


def test_what_the_player_did_may_be_told_again():
    assert not speaks_for_player("You shout for help. It echoes.", "You shout for help towards it.")
    assert speaks_for_player("You tell her everything.", "You tell her of the horse.")


def test_a_reply_in_the_past_is_seen_and_what_others_say_is_not_counted():
    assert past_tense("He looked at you and laughed. You are cold.")
    assert not past_tense("He looks at you. It was late when you came, and it is late now.")
    assert not past_tense("He shows it to you. It rustles as if it had heard who came.")
    assert past_tense("The old man opened the cage. Maud turned and the light changed.")
    assert not past_tense('"I was here. I saw it," he says.')
    assert not past_tense("")


def test_who_tells_as_i_or_by_the_players_name_has_left_the_second_person():
    assert wrong_person("I open the door.")
    assert wrong_person('"Yes," says the man next to me.')
    assert wrong_person("Jonna opens the hatch.", "Jonna")
    assert wrong_person("We look at it together.") and wrong_person("They are yours and mine.")
    assert not wrong_person('"It cost me a lot.\' He nods. "Do not take my money," he says.')
    assert not wrong_person('"I see you, Jonna," he says. You stop.', "Jonna")
    assert says_you("The door opens for you.") and not says_you('"You!" he cries.')


# ---- facts


def test_a_thing_that_is_gone_may_be_missed_but_not_used():
    assert contradicts(["your lamp"], "You raise your lamp.")
    for reply in ("If you still had your lamp!", "Your lamp is gone.", "You gave your lamp away."):
        assert not contradicts(["your lamp"], reply)


def test_a_fact_may_be_said_in_several_ways_and_as_whole_words():
    assert stated_of(["nine|9", "egg"], "Locker 9 holds two eggs.") == 1
    assert stated_of(["Lu-Inim"], "lu-inim stays fat") == 1


@pytest.mark.parametrize(
    "reply",
    [
        "Fenn nods at you.",
        '"Yes," says Corporal Fenn.',
        "Fenn drops the gun.",
        "Slowly Fenn, who is wet, jumps up.",
        "Fenn is smiling.",
        "You look at Fenn. He shakes his head.",
        "It is Fenn. He wags a finger.",
        "The corporal jumps up.",
        'Fenn: "Here."',
        '"Over the edge," he says.',
    ],
)
def test_the_dead_act_where_they_do_or_say_anything(reply):
    assert dead_acts("Fenn|the corporal", reply, 'You say "Fenn, where are you?"', "he")


@pytest.mark.parametrize(
    "reply",
    [
        'They carry Fenn in. "Fenn says hello," he lies.',
        "Fenn lies in the snow. It covers him.",
        "Fenn is dead, and his lantern stands on your desk.",
        "Fenn does not answer.",
        "Fenn's lantern ticks. Ruske looks at Fenn and takes off his hat.",
        "You look at Ruske. He shakes his head.",
        '"He went over," says Ruske.',
        'The constable coughs. "He is dead," he says.',
    ],
)
def test_the_dead_may_be_spoken_of_but_not_act(reply):
    assert not dead_acts("Fenn|the corporal", reply, 'You say "Fenn, where are you?"', "he")


@pytest.mark.parametrize(
    "reply",
    [
        "You put the key into the lock. The cabinet opens.",
        "The key turns.",
        "The brass key is cold. It is in your hand, and you turn it. The key in your hand is wet.",
        "The key is stiff. You turn it twice.",
        "You unlock the cabinet. Inside is a lever.",
        "The lock gives under your key.",
    ],
)
def test_a_lost_thing_is_used_where_it_is_in_hand_or_at_work(reply):
    assert lost_used("key", reply, "You unlock the cabinet and look inside.")


@pytest.mark.parametrize(
    "reply",
    [
        "You reach for your belt. No key.",
        "Your hand is empty. The key is in the drain.",
        "You can see the key between the bars.",
        '"Where is the key?" asks Ruta. She takes the key of the ambulance.',
        "You break the window with a stone. The cabinet opens.",
        "If you had the key, you could open it.",
        "The cabinet is shut.",
    ],
)
def test_a_lost_thing_may_be_missed_and_replaced(reply):
    assert not lost_used("key", reply, "You unlock the cabinet and look inside.")


@pytest.mark.parametrize(
    "reply",
    [
        '"Nine minutes," says Odile.',
        "Odile looks at you. She sighs.",
        "You look at Odile. She shakes her head.",
        "Odile's hand closes on the frame.",
    ],
)
def test_the_absent_answer_where_they_act_or_speak_as_if_they_were_here(reply):
    assert absent_answers("Odile", reply, 'You say "Odile, how long have I got?"', "she")


@pytest.mark.parametrize(
    "reply",
    [
        "Odile does not answer. She is on the road to Calais.",
        '"Odile is gone," says Mr. Pell.',
        'There is a text from Odile. "RUN," says Odile.',
        'The telephone rings. "Nine minutes," says Odile.',
        'The door opens. Odile comes in with wet hair. "I could not," she says.',
        "If Odile came back now, she would know.",
        "You go where Odile ran.",
    ],
)
def test_the_absent_may_be_elsewhere_write_ring_and_come_back(reply):
    assert not absent_answers("Odile", reply, 'You say "Odile, how long have I got?"', "she")


# ---- situations


def test_there_are_sixty_situations_from_every_scenario_with_every_trap():
    moments = read_situations(beginnings())
    assert len(moments) >= 60
    assert {each.scenario for each in moments} == set(beginnings())
    assert {each.context.action.kind for each in moments} == {"do", "say", "continue"}
    traps = {each.situation.trap for each in moments}
    assert traps == set(situations.Trap.__args__)
    assert len({each.name for each in moments}) == len(moments)


def test_a_fact_of_a_card_stands_on_a_card_and_a_fact_of_the_story_in_the_story():
    for each in read_situations(beginnings()):
        context = each.context
        cards = " ".join(card.text for card in context.cards)
        told = " ".join(f"{turn.action} {turn.reply}" for turn in context.story)
        for fact in each.situation.card_facts:
            assert stated_of([fact], cards), (each.name, fact)
        for fact in each.situation.facts:
            assert stated_of([fact], f"{told} {context.memory}"), (each.name, fact)
        if each.situation.dead:
            assert each.situation.dead.split("|")[0] in told and each.situation.pronoun, each.name


def test_forty_situations_have_the_state_of_the_world_before_them():
    worlds = [each for each in read_situations(beginnings()) if each.context.world]
    traps = Counter(each.situation.trap for each in worlds)
    assert traps == {"dead": 12, "lost": 12, "absent": 12, "allowed": 4}
    for each in worlds:
        world, situation = each.context.world, each.situation
        dead = {person.name for person in world.people if person.life == "dead"}
        here = {person.name for person in world.people if person.here}
        lost = {thing.name for thing in world.things if thing.held == "lost"}
        if situation.dead:
            assert any(stated_of([situation.dead], name) for name in dead), each.name
        if situation.absent:
            known = {person.name for person in world.people} - here - dead
            assert any(stated_of([situation.absent], name) for name in known), each.name
            assert situation.pronoun, each.name
        if situation.lost:
            assert any(stated_of([situation.lost], name) for name in lost), each.name


def test_a_moment_inside_a_history_needs_a_world_of_its_own(tmp_path):
    (tmp_path / "car-nine.yaml").write_text(
        "history: [{kind: do, action: wait}]\nworld: {place: the car}\n"
        "situations: [{name: x, trap: plain, kind: do, after: 0}]"
    )
    with pytest.raises(SituationsError, match=r"car-nine.yaml: x: needs a world of its own"):
        read_situations(beginnings(), tmp_path)


def test_a_situation_with_dice_tells_the_narrator_how_they_fell():
    moments = read_situations(beginnings(), outcomes=OUTCOME_LINES)
    rolled = [each for each in moments if each.situation.dice]
    assert {each.situation.dice for each in rolled} >= {"failure", "success", "disaster"}
    for each in rolled:
        assert each.context.action.outcome == OUTCOME_LINES[each.situation.dice], each.name
        assert each.situation.trap == "dice", each.name


def test_a_file_of_situations_that_is_wrong_says_where(tmp_path):
    (tmp_path / "car-nine.yaml").write_text("situations: [{name: x, trap: none, kind: do}]")
    with pytest.raises(SituationsError, match=r"car-nine.yaml: situations.0.trap"):
        read_situations(beginnings(), tmp_path)
    (tmp_path / "car-nine.yaml").rename(tmp_path / "car-ten.yaml")
    with pytest.raises(SituationsError, match="car-ten"):
        read_situations(beginnings(), tmp_path)


# ---- telling


def test_replies_come_in_the_order_of_what_was_asked():
    told = teller("You see one.", "You see two.", "You see three.", slots=2).tell([asked()] * 5)
    one, two, three = "You see one.", "You see two.", "You see three."
    assert [each.reply for each in told] == [one, two, three, one, two]
    assert all(each.tokens and each.report and not each.resampled for each in told)


def test_a_reply_that_repeats_an_earlier_one_is_told_again_as_players_get_it():
    earlier = "The old man looks at the tall door and he waits there for the bell to ring."
    good = "The door opens on a yard full of snow, and in it stands a horse without a rider."
    story = (Passage(kind="opening", reply=earlier),)
    told = teller(earlier, good, may_repeat=False).tell([asked(story=story)])
    assert told[0].resampled == ["repeated an earlier reply"]
    assert told[0].reply.endswith("horse without a rider.")


def test_a_reply_that_repeats_the_beginning_of_a_long_story_is_told_again_too():
    earlier = "The old man looks at the tall door and he waits there for the bell to ring."
    good = "The door opens on a yard full of snow, and in it stands a horse without a rider."
    turns = (Passage(kind="do", action="wait", reply=f"You hear {n} bells.") for n in range(30))
    story = (Passage(kind="opening", reply=earlier), *turns)
    told = teller(earlier, good, may_repeat=False).tell([asked(story=story)])
    assert told[0].resampled == ["repeated an earlier reply"]
    assert told[0].reply.endswith("horse without a rider.")


def test_a_prompt_that_has_no_room_is_an_error_of_its_own():
    told = teller(context=256).tell([asked(sampling=SamplingParams(max_tokens=4000)), asked()])
    assert told[1].reply
    style = "Tell it well. " * 200
    cramped = teller(context=256, format="chat", style=style)
    assert "no room" in cramped.tell([asked()])[0].error


# ---- figures


def scored(reply, **more):
    return score("s", Passage(kind="do", action="wait"), Told(reply=reply, **more), [])


def test_the_table_has_shares_of_all_replies():
    found = figures(
        [scored("You wait."), scored(""), scored("You say, “No.”"), scored("I wait and")]
    )
    assert found["empty"] == found["cut"] == found["speaks"] == found["wrong_person"] == 0.25
    assert found["facts_kept"] is None and found["found_again"] is None
    rows = table({"a": found}).splitlines()
    assert "| empty | 25.0 % |" in rows and not any("facts" in row for row in rows)


# ---- automatic play


def begun(name):
    return beginnings()[name]


def test_the_same_seed_draws_the_same_actions_and_none_twice_before_all():
    written = read_actions()
    drawn = draw(begun("car-nine"), written, 50, "1")
    assert (
        drawn
        == draw(begun("car-nine"), written, 50, "1")
        != draw(begun("car-nine"), written, 50, "2")
    )
    assert drawn[0] in begun("car-nine").first_actions
    typed = [each for each in drawn[1:] if each.action]
    assert len(set(typed)) == len(typed)


def test_a_story_past_the_window_keeps_being_told_and_most_of_it_is_found_again():
    told_by = teller(context=1024, format="chat", sampling=SamplingParams(max_tokens=40))
    car = begun("car-nine")
    one = Play("car-nine", car, 0, draw(car, read_actions(), 50, "1"))
    play(told_by, [one], 50)
    past = [each for each in one.scores if each.cut_story]
    assert len(one.turns) == 50 and past and one.summary
    assert all(each.prompt_tokens + 60 <= 1024 for each in one.scores)
    assert figures(one.scores)["found_again"] > 0.5


def test_what_two_texts_begin_with():
    assert common_front("abcd", "abxd") == "ab"
    assert common_front("ab", "abc") == common_front("abc", "ab") == "ab"
    assert common_front("", "abc") == ""


# ---- blind reading


def test_blind_reading_shuffles_both_runs_and_counts_each():
    runs = [[scored(f"You see {run} {index}.") for index in range(9)] for run in "ab"]
    cards = blind.shuffled(runs, 10, seed=3)
    assert [card.run for card in cards].count(0) == 5
    assert cards == blind.shuffled(runs, 10, seed=3)
    seen = {number for number, card in enumerate(cards, 1) if " a " in card.score.reply}
    assert blind.counted(cards, seen) == {0: 5}
    assert blind.sheet(cards).count("> You wait.") == 10


def test_replies_to_what_the_dice_decided_are_read_with_how_they_fell():
    rolled = [scored(f"{n}.").model_copy(update={"trap": "dice", "dice": "cost"}) for n in "ab"]
    cards = blind.shuffled([[*rolled, scored("c.")]], 2, seed=1, trap="dice")
    assert {card.score.reply for card in cards} == {"a.", "b."}
    assert "> You wait. (cost)" in blind.sheet(cards)


def test_a_share_has_an_interval_around_it_even_where_it_is_none_or_all():
    low, high = blind.interval(5, 10)
    assert round(low, 3) == 0.237 and round(high, 3) == 0.763
    assert blind.interval(0, 20)[0] == pytest.approx(0) and blind.interval(20, 20)[1] == (
        pytest.approx(1)
    )


# ---- the command


@pytest.fixture
def parrot(settings, tmp_path):
    file = tmp_path / "narrators.yaml"
    file.write_text("narrators: [{name: parrot, line: x, engine: scripted, options: {pace: 0}}]\n")
    settings.INFERENCE = InferenceConfig(redis_url="", narrators_file=file, models_dir=tmp_path)


def test_evaluating_a_narrator_prints_a_table_and_keeps_what_was_told(parrot, capsys, tmp_path):
    call_command(
        "evaluate", "parrot", only="lost-property", seeds=2, plays=2, turns=12, save=tmp_path / "e"
    )
    out = capsys.readouterr().out
    assert "| situations | plays | turns 1–10 | turns 11–12 |" in out
    assert "| replies | 16 | 24 | 20 | 4 |" in out
    assert len(blind.read(tmp_path / "e" / "situations.jsonl")) == 16
    assert (tmp_path / "e" / "adventures.md").read_text().count("### ") == 2


def test_a_run_that_was_kept_is_measured_again_without_telling_it(parrot, capsys, tmp_path):
    folder = tmp_path / "e"
    call_command(
        "evaluate", "parrot", only="lost-property", seeds=1, plays=1, turns=12, save=folder
    )
    told = capsys.readouterr().out.partition("\n\n")[2]
    call_command("evaluate", again=folder)
    assert capsys.readouterr().out == told
    with pytest.raises(CommandError, match=r"no situations\.jsonl"):
        call_command("evaluate", again=tmp_path)
    (folder / "plays.jsonl").write_text("{")
    with pytest.raises(CommandError, match=r"plays\.jsonl cannot be read"):
        call_command("evaluate", again=folder)


def test_runs_that_were_kept_stand_beside_each_other(parrot, capsys, tmp_path, monkeypatch):
    for name, tried in (("cold", []), ("hot", ["sampling.temperature=1.5"])):
        call_command(
            "evaluate", only="lost-property", seeds=1, plays=0, save=tmp_path / name, set=tried
        )
    hot = runs.read(tmp_path / "hot")
    assert hot.tried == ("sampling.temperature=1.5",)
    assert hot.entry["sampling"]["temperature"] == 1.5
    assert hot.columns["situations"]["replies"] == 8
    both = runs.beside([("cold", runs.read(tmp_path / "cold")), ("hot", hot)], "situations")
    assert both.startswith("|  | cold | hot |")
    assert (tmp_path / "hot" / "table.md").read_text().startswith("|  | situations |")
    with pytest.raises(ValueError, match="has no 'plays'"):
        runs.beside([("hot", hot)], "plays")
    with pytest.raises(ValueError, match="cannot be read"):
        runs.read(tmp_path / "nowhere")


def test_any_narrators_file_can_be_named(parrot, capsys, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text("narrators: [{name: crow, line: x, engine: scripted, options: {pace: 0}}]\n")
    call_command("evaluate", "crow", file=other, only="lost-property", seeds=1, plays=0)
    assert capsys.readouterr().out.startswith("crow, revision ")
    with pytest.raises(CommandError, match="there is no narrator 'parrot'"):
        call_command("evaluate", "parrot", file=other, only="lost-property", seeds=1, plays=0)


def test_as_json_each_figure_is_an_object(parrot, capsys):
    call_command("evaluate", only="lost-property", seeds=1, plays=0, json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"figure": "empty", "value": 0.0, "part": "situations"}.items() <= lines[1].items()


def test_settings_can_be_tried_without_editing_the_file():
    other = with_settings(narrator(), ["format=chat", "sampling.temperature=0.25"])
    assert other.format == "chat" and other.sampling.temperature == 0.25
    with pytest.raises(CommandError, match=r"sampling\.temperature"):
        with_settings(narrator(), ["sampling.temperature=hot"])
    with pytest.raises(CommandError, match="wants KEY=VALUE"):
        with_settings(narrator(), ["format"])


def test_ctrl_c_ends_it_with_one_line(parrot, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Teller, "tell", interrupt)
    monkeypatch.setattr("os._exit", sys.exit)
    with pytest.raises(SystemExit) as end:
        call_command("evaluate", only="lost-property", seeds=1, plays=0)
    assert end.value.code == 130
    assert capsys.readouterr().err.strip() == "stopped"
