"""README.md and docs/ name what there is: commands, options, files, chapters, settings.

What can be run is run by `make test-docs` (tests/project/test_docs_run.py).
"""

import json
import re
import subprocess
from collections import Counter
from importlib.util import find_spec

import pytest
import yaml
from django.core.management import CommandError, get_commands, load_command_class

from inference.narrators import Narrator
from tests.documented import LANGUAGES, ROOT, Command, commands, pages, read
from tests.documented import methods as known_methods

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def failures(check, things):
    """What is wrong with each of the things; all of them at once."""
    found = []
    for each in things:
        if problem := check(each):
            found.append(f"{each}: {problem}")
    return found


def test_every_fence_says_what_is_in_it():
    for page in pages():
        for block in read(page)[0]:
            assert block.language in LANGUAGES, (
                f"{block.page}:{block.line}: ```{block.language}: say one of {sorted(LANGUAGES)}"
            )


def test_every_command_is_run_or_says_why_not():
    known = known_methods()
    unknown = [
        f"{each}: add it to tests/docs_commands.yaml" for each in commands() if not each.method
    ]
    assert not unknown, "\n".join(unknown)
    used = {id(each.method) for each in commands()}
    assert not [each["match"] for each in known if id(each) not in used], (
        "no page has these any more"
    )


def test_each_entry_says_one_thing_and_names_what_there_is():
    for entry in known_methods():
        kinds = entry.keys() & {"run", "starts", "elsewhere", "not"}
        assert len(kinds) == 1, entry
        assert entry.keys() <= {"match", "when", "input", "says", *kinds}, entry
        if "elsewhere" in entry:
            assert (ROOT / entry["elsewhere"]).is_file(), entry
    twice = Counter(each["match"] for each in known_methods())
    assert max(twice.values()) == 1


# Commands, without running them


def plain(words):
    """A word for each placeholder."""
    filled = [re.sub(r"^\[(.*)\]$", r"\1", word) for word in words]
    return ["3" if word == "COUNT" else word for word in filled if word != "…"]


def command_problem(command: Command) -> str | None:
    words = plain(command.words)
    program, rest = words[0], words[1:]
    if program == "make":
        return make_problem(rest)
    if program in ("manage.py", "grue"):
        return manage_problem(rest)
    if program in ("python", "python3"):
        if rest[0] == "-m":
            return None if find_spec(rest[1]) else "there is no such module"
        return None if (ROOT / rest[0]).is_file() or rest[0] == "serve.py" else "no such file"
    if program == "sh" or program.startswith("scripts/"):
        script = rest[0] if program == "sh" else program
        return None if (ROOT / script).is_file() else "there is no such file"
    if program in ("docker", "docker-compose"):
        return compose_problem(rest)
    if program == "kubectl" and (folders := [each for each in rest if each.startswith("deploy/")]):
        there = all((ROOT / each / "kustomization.yaml").is_file() for each in folders)
        return None if there else "there is no such overlay"
    return None


def make_problem(words):
    makefile = (ROOT / "Makefile").read_text()
    settings = set(re.findall(r"`([A-Z_]+)`", (ROOT / "README.md").read_text()))
    for word in words:
        name, is_variable, _ = word.partition("=")
        if is_variable and name not in settings and f"$({name})" not in makefile:
            if name != "PYTHON":  # scripts/environment.sh
                return f"nothing reads {name}"
        elif not is_variable and not re.search(rf"^{re.escape(word)}:", makefile, re.M):
            return f"there is no target {word}"
    return None


def manage_problem(words):
    if not words or words[0] in ("COMMAND", "..."):
        return None
    name = words[0].replace("-", "_")
    if name not in get_commands():
        return "there is no such command"
    app = get_commands()[name]
    command = load_command_class(app, name) if isinstance(app, str) else app
    parser = command.create_parser("manage.py", name)
    if len(words) == 1:
        return None  # only named
    try:
        parser.parse_args(words[1:])
    except CommandError as problem:
        return str(problem)
    return None


WITH_SERVICES = {"logs", "exec", "run", "kill", "restart", "stop", "start", "up", "rm", "cp"}


def compose_problem(words):
    if words[:1] == ["compose"]:
        words = words[1:]
    while words and words[0].startswith("-"):
        if words[0] == "--profile":
            profiles = {
                each for one in COMPOSE["services"].values() for each in one.get("profiles", [])
            }
            if words[1] not in profiles:
                return f"there is no profile {words[1]}"
        words = words[2:]
    verb, *rest = words or [""]
    if verb not in WITH_SERVICES or verb == "cp":
        return None
    takes_value = {
        "-s",
        "--signal",
        "-n",
        "--tail",
        "-e",
        "--env",
        "-u",
        "--user",
        "--entrypoint",
        "-v",
    }
    while rest and rest[0].startswith("-"):
        rest = rest[2:] if rest[0] in takes_value else rest[1:]
    named = rest[:1] if verb in ("exec", "run") else rest
    for service in named:
        if service not in COMPOSE["services"] and service not in ("…", "SERVICE"):
            return f"there is no service {service}"
    inner = rest[1:]
    if verb in ("exec", "run") and inner[:1] == ["grue"]:
        return manage_problem(inner[1:])
    if verb in ("exec", "run") and "manage.py" in inner:
        return manage_problem(inner[inner.index("manage.py") + 1 :])
    return None


def test_every_command_names_what_there_is():
    found = failures(command_problem, commands())
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("make plaz", "no target"),
        ("make play HOTS=1", "nothing reads HOTS"),
        ("manage.py narrator list", "no such command"),
        ("manage.py capacity --players 8 --speed 1:2 --slots 1 --cost 3", "--cost"),
        ("scripts/bakcup FILE", "no such file"),
        ("python -m inference.exports", "no such module"),
        ("docker compose --profile metrics up", "no profile metrics"),
        ("docker compose exec webb grue invite", "no service webb"),
        ("docker compose exec web grue invites", "no such command"),
        ("kubectl apply -k deploy/kubernetes/cpus", "no such overlay"),
    ],
)
def test_a_command_that_is_wrong_is_found(text, problem):
    assert problem in command_problem(Command("page", 1, text))


# The rest of the pages


def test_yaml_and_json_in_pages_can_be_read():
    for page in pages():
        for block in read(page)[0]:
            text = "\n".join(block.lines)
            where = f"{block.page}:{block.line}"
            if block.language == "json":
                assert json.loads(text), where
            elif block.language == "python":
                compile(text, where, "exec")
            elif block.language == "yaml":
                found = yaml.safe_load(text)
                assert found, where
                if isinstance(found, list) and "engine" in found[0]:
                    for entry in found:
                        Narrator.model_validate(entry)


def anchors(page):
    """The names of a page's chapters, as hosts of repositories make them."""
    found = []
    for _, line in read(page)[1]:
        if heading := re.match(r"#+ (.+)", line):
            text = re.sub(r"[^\w\- ]", "", heading[1].replace("`", "").lower())
            found.append(text.replace(" ", "-"))
    return found


def test_every_link_leads_to_a_page_and_a_chapter():
    wrong = []
    for page in pages():
        text = "\n".join(line for _, line in read(page)[1])
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"https?:|mailto:", target):
                continue
            path, _, anchor = target.partition("#")
            linked = (page.parent / path).resolve() if path else page
            if not linked.exists():
                wrong.append(f"{page.name}: {target}: there is no such file")
            elif anchor and anchor not in anchors(linked):
                wrong.append(f"{page.name}: {target}: there is no such chapter")
    assert not wrong, "\n".join(wrong)


def test_every_file_that_a_page_names_is_there():
    wrong = []
    for page in pages():
        for number, line in read(page)[1]:
            for path in re.findall(
                r"`((?:scripts|deploy|tests|inference|game|dungeon|docs|requirements)/[\w./-]+)`",
                line,
            ):
                if not (ROOT / path).exists():
                    wrong.append(f"{page.relative_to(ROOT)}:{number}: {path}")
    assert not wrong, "\n".join(wrong)


NOT_TO_TYPE = {"CHANGELOG.md", "inference/finetune/LOG.md"}  # what was, as it was


def test_every_page_is_looked_at():
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    looked_at = {page.relative_to(ROOT).as_posix() for page in pages()}
    assert set(listed.stdout.split()) == looked_at | NOT_TO_TYPE, "see ALSO in tests/documented.py"
