"""Names of the pages: classes that a stylesheet names are used, and old words do not come back."""

import re
from functools import cache

from tests.project.test_old_words import OLD_WORDS, ROOT, WORD

# Words that templates, stylesheets and scripts had for things that have a usual name.
OLD_CLASSES = frozenset("unseen shelf tempt deeds deed tastes backstage colophon upto acts".split())  # noqa: SIM905
SELECTOR = re.compile(r"([^{}]+)\{")
CLASS = re.compile(r"\.([a-z][\w-]*)")
SCRIPT_NAME = re.compile(r"^(?:export )?(?:async )?(?:function|class|const|let) (\w+)", re.M)
IN_MARKUP = re.compile(r'class="([^"]*)')
IN_STRING = re.compile(r"[\"`]([a-z][\w ${}-]*)[\"`]")  # a string that is nothing but classes
FROM_DJANGO = {"errorlist"}


def sources(folder: str, *endings: str) -> dict[str, str]:
    files = (file for file in sorted((ROOT / folder).rglob("*")) if file.suffix in endings)
    return {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in files}


def classes(stylesheet: str) -> set[str]:
    """The classes in the selectors of a stylesheet."""
    rules = re.sub(r"/\*.*?\*/", "", stylesheet, flags=re.DOTALL)
    return {name for selector in SELECTOR.findall(rules) for name in CLASS.findall(selector)}


@cache
def styled() -> dict[str, str]:
    """Every class that has a rule, with its stylesheet."""
    sheets = sources("static/css", ".css")
    return {name: file for file, sheet in sheets.items() for name in classes(sheet)}


@cache
def used() -> frozenset[str]:
    """Every class of a page; `tag-` stands for `tag-{{ kind }}`."""
    made = sources("static/js", ".js") | sources("game", ".py", ".svg")
    pages = sources("templates", ".html", ".svg") | made
    texts = [text for page in pages.values() for text in IN_MARKUP.findall(page)]
    texts += [text for program in made.values() for text in IN_STRING.findall(program)]
    return frozenset(word for text in texts for word in re.findall(r"[a-z][\w-]*", text))


def is_used(name: str) -> bool:
    return name in used() | FROM_DJANGO or f"{name.rpartition('-')[0]}-" in used()


def test_every_class_with_a_rule_is_on_a_page():
    assert [f"{file}: .{name}" for name, file in styled().items() if not is_used(name)] == []


def test_a_class_that_no_page_has_is_noticed():
    assert classes(
        "/* .no */ .a > .b-c:is(.d) { margin: 0.5rem } @media (x) { .e { top: 0 } }"
    ) == {*("a", "b-c", "d", "e")}
    assert not is_used("shelf-of-nobody")


def test_names_of_pages_have_no_old_word():
    scripts = sources("static/js", ".js").values()
    names = {name for script in scripts for name in SCRIPT_NAME.findall(script)}
    files = {file.rpartition("/")[2].partition(".")[0] for file in sources("templates", ".html")}
    words = {
        name: {word.lower() for word in WORD.findall(name)} for name in {*styled(), *names, *files}
    }
    assert sorted(name for name in words if words[name] & (OLD_WORDS | OLD_CLASSES)) == []
