"""Every scenario has a cover: ours are drawn, players' are made from their title and tags."""

import io
import re
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from game.library import covers, linkcard, motifs
from game.models import Adventure, Scenario
from game.scenarios import SHIPPED

KINDS = set(re.findall(r"\.([a-z-]+)", covers.COLOURS))


def scenario(title="Below", tags=(), slug="below", author=None):
    return Scenario(title=title, tags=list(tags), slug=slug, author=author)


def shapes(drawing):
    return list(ET.fromstring(f"<svg>{drawing}</svg>").iter())[1:]


def test_each_scenario_that_comes_with_grue_has_a_cover_drawn_for_it():
    assert {file.stem for file in SHIPPED.glob("*.yaml")} == set(covers.handmade_covers())
    assert len(set(covers.handmade_covers().values())) == len(covers.handmade_covers())


@pytest.mark.parametrize("drawing", [*covers.handmade_covers().values(), *map(str, range(40))])
def test_a_cover_has_few_lines_and_two_colours(drawing):
    if drawing.isdigit():
        every = [*motifs.WORDS, *motifs.ANY]
        choices = motifs.Choices(drawing)
        drawing = motifs.sky(choices) + every[int(drawing) % len(every)](choices)
    assert 3 <= len(shapes(drawing)) <= 40
    for shape in shapes(drawing):
        assert shape.tag in {"path", "circle", "g"}
        assert set(shape.get("class", "").split()) <= KINDS, shape.attrib
        assert not {"fill", "stroke", "style"} & set(shape.attrib), "its colours come from the page"
    with Image.open(io.BytesIO(png_of(drawing))) as picture:
        assert len(set(picture.convert("L").resize((32, 20)).get_flattened_data())) > 3, (
            "something is seen"
        )


def png_of(drawing):
    out = io.BytesIO()
    linkcard.render_cover(drawing).save(out, "PNG")
    return out.getvalue()


def test_the_same_words_always_give_the_same_cover_and_others_another():
    one = covers.cover_of(scenario("The Salt Road", ["fantasy", "travel"]))
    assert one == covers.cover_of(scenario("The Salt Road", ["fantasy", "travel"], slug="other"))
    assert one != covers.cover_of(scenario("The Salt Roads", ["fantasy", "travel"]))
    assert one != covers.cover_of(scenario("The Salt Road", ["fantasy"]))


@pytest.mark.parametrize(
    ("title", "tags", "motif"),
    [
        ("Anything", ["sea", "house"], motifs.ship),
        ("The Witch's Forest", [], motifs.forest),
        ("A Home for Ghosts", ["unheard of"], motifs.house),
        ("Mein Haus", [], motifs.house),
        ("海上的雾", [], motifs.ship),
        ("Robots", ["science fiction"], motifs.planet),
    ],
)
def test_tags_and_then_the_title_choose_what_is_drawn(title, tags, motif):
    assert covers.motif_for(title, tags, motifs.Choices("")) is motif


def test_a_player_cannot_take_one_of_our_covers_by_its_name(alice):
    theirs = scenario("Car Nine", slug="car-nine", author=alice)
    assert covers.cover_of(theirs) != covers.handmade_covers()["car-nine"]
    assert (
        covers.cover_of(scenario("Car Nine", slug="car-nine"))
        == covers.handmade_covers()["car-nine"]
    )


@pytest.mark.parametrize("title", ['"><script>alert(1)</script>', "]]>", "", "😀" * 80])
def test_no_word_of_a_player_stands_in_a_drawing(title):
    drawing = covers.cover_of(scenario(title, [title, '" onload="x']))
    assert re.fullmatch(r'[ \w<>/="().,-]+', drawing) and "script" not in drawing
    assert "onload" not in drawing


def test_an_adventure_whose_scenario_is_gone_keeps_a_cover():
    assert covers.cover_of(Adventure(title="Far at sea", scenario=None))
