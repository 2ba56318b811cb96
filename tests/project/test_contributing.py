"""What editors, hooks and the hosted CI are told is what `make check` does."""

import configparser
import re
import tomllib

import yaml
from django.conf import settings

ROOT = settings.BASE_DIR
CHECK = (ROOT / "scripts" / "check.sh").read_text(encoding="utf-8")
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/check.yml").read_text(encoding="utf-8"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))


def test_the_hosted_ci_runs_the_two_commands_and_no_tool_by_itself():
    runs = [
        step["run"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "run" in step
    ]
    commands = [run for run in runs if not run.startswith("git config ")]
    assert sorted(commands) == ["make check", "make test"]


def test_a_commit_runs_the_tools_of_make_check_from_the_same_environment():
    [repository] = HOOKS["repos"]
    assert repository["repo"] == "local", "a hook from elsewhere has a version of its own"
    for hook in repository["hooks"]:
        if hook["entry"] == "make check":
            continue
        tool = re.fullmatch(r"\.venv/bin/python -m (\w+)( .*)?", hook["entry"])
        assert tool, hook["entry"]
        assert tool[1] in CHECK, f"make check has no {tool[1]}"


def test_every_tool_of_make_check_runs_before_a_push_and_the_quick_ones_before_a_commit():
    quick = re.search(r"^for step in (.+); do$", CHECK, re.M)[1]
    entries = {hook["entry"]: hook for hook in HOOKS["repos"][0]["hooks"]}
    for step in re.findall(r'"([a-z]+(?: [a-z]+)?)[^"]*"', quick):
        assert any(f" -m {step} " in entry for entry in entries), step
    assert entries["make check"]["stages"] == ["pre-push"]


def test_editors_break_lines_where_ruff_does():
    editors = configparser.ConfigParser()
    editors.read_string("[top]\n" + (ROOT / ".editorconfig").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert int(editors["*.py"]["max_line_length"]) == project["tool"]["ruff"]["line-length"]


def test_the_version_is_the_same_wherever_it_stands():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    images = yaml.safe_load((ROOT / "deploy/kubernetes/images/kustomization.yaml").read_text())
    assert newest and newest[1] == version
    assert {image["newTag"] for image in images["images"]} == {version}
