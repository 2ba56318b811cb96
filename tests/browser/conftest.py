"""A whole Grue, played in Chromium: `manage.py play` with the built-in narrator."""

import os
import shutil
import signal
import socket
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import expect, sync_playwright

from dungeon import network
from tests import pseudo
from tests.browser.window import PATIENCE, Browser
from tests.dungeon.test_play import ROOT, playing

SHOTS = ROOT / "shots"
# Beside the real narrator, one whose replies last, for what happens in mid-reply.
QUILL = """
  - name: quill
    title: Quill
    line: Writes slowly, and always the same.
    engine: scripted
    slots: 8
    options:
      pace: 10
      replies:
        - >-
          You climb the stairs to the lamp room. The wind leans on the glass, and the flame leans
          with it. Far out, a ship shows one light, then two, then none. You count to forty, as
          your mother taught you. Something knocks below, three times, and you know that you have
          bolted the door. You take the lamp from its hook and go down to see who it is.
"""
FLAGS = ["--headless=new", "--no-sandbox", "--disable-quic", "--disable-background-networking"]
ENDED = pytest.StashKey[pytest.TestReport]()

expect.set_options(timeout=PATIENCE * 1000)


def pytest_collection_modifyitems(items):
    """Every test here needs Chromium, and the narrator that tells is the real one."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.model)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        item.stash[ENDED] = report
    return report


@pytest.fixture(scope="package")
def installation(tmp_path_factory):
    """One for all tests of this folder. It ends as Ctrl-C ends it, without a bad word."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    narrators = tmp_path_factory.mktemp("narrators") / "narrators.yaml"
    shipped = yaml.safe_load((ROOT / "narrators.yaml").read_text())["narrators"]
    small = [each for each in shipped if each["name"] == "smol"]  # the other has tests of its own
    narrators.write_text(yaml.safe_dump({"narrators": small + yaml.safe_load(QUILL)}))
    variables = {
        "HOST": "0.0.0.0",
        "NARRATORS_FILE": str(narrators),
        "MODELS_DIR": os.environ["MODELS_DIR"],
    }
    data = tmp_path_factory.mktemp("browser") / "data"
    if shutil.which("xgettext"):
        # For visitors who ask for it; all others get English.
        pseudo.write(data / "locale", tmp_path_factory.mktemp("pseudo") / "scraps")
    with playing(data, port, **variables) as installation:
        installation.read_until("Ctrl-C")
        installation.here = network.origin("127.0.0.1", port)
        installation.hosts = {f"{name}:{port}" for name in network.reachable_as("0.0.0.0")}
        installation.on_network = next(
            line.split()[-1].rstrip("/") for line in installation.lines if "Play at" in line
        )
        said = len(installation.lines)
        yield installation
        installation.process.send_signal(signal.SIGINT)
        code, words = installation.last_words()
        print(words)
        assert code == 0
        assert installation.nobody_left() is True
        # What it said after its invitation: the square for phones, and what strangers asked for.
        later = [line for line in installation.lines[said:] if line.strip(" █▀▄")]
        assert [line for line in later if "Not Found: /adventures/" not in line] == [
            "grue: stopped"
        ]


@pytest.fixture(scope="package")
def chromium():
    names = ("chromium", "chromium-browser", "google-chrome")
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.fail("there is no Chromium here: apt-get install chromium, or name one in CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium, installation, request):
    """Opens browsers of new visitors. None of them may have a word to say on its console."""
    browsers = []

    def visit(address=installation.here, **options):
        browsers.append(Browser(chromium, installation, address, **options))
        return browsers[-1]

    yield visit
    ended = request.node.stash.get(ENDED, None)
    if ended is not None and ended.failed:
        SHOTS.mkdir(exist_ok=True)
        pages = [page for browser in browsers for page in browser.context.pages]
        for number, page in enumerate(pages, 1):
            page.screenshot(path=SHOTS / f"failed-{request.node.name}-{number}.png")
    for browser in browsers:
        browser.leave()
    assert [line for browser in browsers for line in browser.complaints] == []


@pytest.fixture
def alice(visit):
    return visit()


@pytest.fixture
def charlie(visit):
    """Somebody else, in a browser of their own."""
    return visit()
