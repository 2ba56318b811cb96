"""Every text of a page can be translated: in a language made of what is marked, no English is left.

What players and narrators write is Cyrillic here, so that whatever is ASCII is the page's own.
"""

import shutil
from html.parser import HTMLParser

import pytest
from django.conf import settings as ours
from django.urls import URLPattern, get_resolver, reverse
from django.utils import translation

from dungeon import languages
from game.cards.forms import CardForm
from game.chapters.proposals import MIN_TURNS
from game.models import Chapter, Scenario, StoryCard, Summary
from game.play import adventures
from tests import pseudo
from tests.game.test_pages import told

SHOWN = ("aria-label", "placeholder", "title", "alt", "content", "label", "aria-description")
UNSEEN = ("bdi", "script", "style", "code", "kbd", "template")
VOID = ("meta", "link", "input", "br", "hr", "img")

pytestmark = pytest.mark.skipif(
    shutil.which("xgettext") is None, reason="GNU gettext is missing (apt-get install gettext)"
)


class Texts(HTMLParser):
    """What a reader of a page gets to see or hear."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.found = []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in VOID:
            # A name of a language, and what a host calls its narrators, is as it is.
            given = tag == "bdi" or ("lang" in attrs and tag != "html")
            self.open.append("bdi" if given else tag)
        meta = tag == "meta" and attrs.get("name") not in ("description",)
        for name in SHOWN:
            if attrs.get(name) and not (meta and name == "content"):
                self.found.append(attrs[name])

    def handle_endtag(self, tag):
        if tag not in VOID and self.open:
            self.open.pop()

    def handle_data(self, data):
        if data.strip() and not set(self.open) & set(UNSEEN):
            self.found.append(" ".join(data.split()))


def english_in(page):
    texts = Texts()
    texts.feed(page)
    return pseudo.untranslated(texts.found)


@pytest.fixture(scope="module")
def language(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pseudo")
    pseudo.write(folder / "locale", folder / "scraps")
    return folder / "locale"


@pytest.fixture
def spoken(language, settings):
    """The language is one of this host's."""
    settings.LOCALE_PATHS = [language]
    settings.LANGUAGES = languages.spoken(settings.LOCALE_PATHS)
    settings.NARRATORS_FILE = ours.BASE_DIR / "tests" / "narrators.yaml"
    yield pseudo.CODE
    languages.script_words.cache_clear()


@pytest.fixture
def cellar(db):
    """A scenario without an ASCII letter but in its address."""
    made = Scenario.objects.create(
        slug="podval",
        title="Подвал",
        tempt="Внизу кто-то кашляет.",
        opening="Ты на кухне, ${name}.",
        memory="Ты сантехник.",
        placeholders=[{"name": "name", "question": "Имя?", "default": "Рен"}],
        first_actions=[{"kind": "story", "text": "Открыть дверь."}],
        tags=["тьма"],
    )
    StoryCard.objects.create(scenario=made, title="Подвал", keys=["подвал"], text="Сыро.")
    return made


@pytest.fixture
def story(alice, cellar):
    alice.username = "алиса"
    alice.save()
    adventure = adventures.begin(alice, cellar, {})
    turn = told(adventure, adventure.head, kind="story", action="Иду.", reply="Темно.")
    Chapter.objects.create(turn=turn, title="Подвал")
    for _ in range(MIN_TURNS):
        turn = told(adventure, turn, kind="story", action="Иду.", reply="Темно.")
    Summary.objects.create(turn=turn, text="Темно.", by="extract")
    told(adventure, turn, kind="story", action="Иду.", reply="Темно.")
    return adventure


def patterns(resolver):
    """Every address but the admin's, which is Django's own."""
    for each in resolver.url_patterns:
        if isinstance(each, URLPattern):
            yield each
        elif each.namespace != "admin":
            yield from patterns(each)


def get_pages(story):
    """The address of every page that can be got, by its name."""
    values = {
        "adventure_id": story.pk,
        "turn_id": story.head_id,
        "card_id": story.cards.first().pk,
        "slug": story.scenario_id,
    }
    found = {}
    for pattern in patterns(get_resolver()):
        names = set(pattern.pattern.regex.groupindex)
        if names <= set(values):
            found[pattern.name] = reverse(
                pattern.name, kwargs={name: values[name] for name in names}
            )
    return found


def test_no_page_has_english_in_it_that_cannot_be_translated(client, alice, story, spoken):
    client.force_login(alice)
    pages = get_pages(story)
    assert {"home", "scenario", "adventure", "read", "cards", "summary", "chapters"} <= set(pages)
    pages["nowhere"] = "/nowhere/"
    for name in ("cards", "summary", "context", "chapters"):
        pages[f"{name}, a part"] = pages[name] + "?part"
    left = {}
    for name, url in pages.items():
        answer = client.get(url, headers={"accept-language": pseudo.CODE})
        kind = answer.headers.get("content-type", "")
        if not kind.startswith("text/html") or not answer.content:
            continue
        assert f'lang="{pseudo.CODE}"' in answer.content.decode() or "part" in name, name
        if english := english_in(answer.content.decode()):
            left[name] = english
    assert left == {}, "\n".join(f"{name}: {english}" for name, english in left.items())


def test_a_script_has_no_text_that_is_not_marked(spoken, language):
    words = languages.script_words(pseudo.CODE)
    assert words["texts"]["The narrator is thinking"] == pseudo.pseudo("The narrator is thinking")
    assert words["plural"][:3] == "101"
    assert languages.script_words("en") == {}


def test_english_brings_no_words_for_scripts(client, alice, story, spoken):
    client.force_login(alice)
    url = reverse("adventure", args=[story.pk])
    assert b"script-words" not in client.get(url).content
    answer = client.get(url, headers={"accept-language": pseudo.CODE})
    assert b'<script id="script-words" type="application/json">' in answer.content


def test_a_language_is_chosen_and_kept(client, db, spoken):
    assert 'lang="en"' in client.get("/").content.decode()
    client.post("/language/", {"language": pseudo.CODE, "next": "/"})
    assert f'lang="{pseudo.CODE}"' in client.get("/").content.decode()


def test_forms_say_what_is_wrong_in_the_players_language(spoken):
    with translation.override(pseudo.CODE):
        form = CardForm({"text": ""})
        assert not form.is_valid()
        lines = [str(line) for lines in form.errors.values() for line in lines]
        assert pseudo.untranslated(lines) == []
