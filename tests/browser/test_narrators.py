"""The operator installs a narrator from the page, plays with it, and removes it again."""

import re
import shutil

import pytest
from playwright.sync_api import expect

from dungeon import network
from inference.models.store import ensure_model
from inference.narrators import load_narrators
from tests.browser.conftest import SHOTS
from tests.browser.window import TELLING, Browser
from tests.dungeon.test_play import ROOT, playing
from tests.inference.models.test_hub import running
from tests.serving import free_port

PASSWORD = "seven green lanterns"
SIZES = {"phone": (360, 740), "desk": (1440, 900)}


@pytest.fixture(scope="module")
def hub():
    """A hub of the tests with the built-in model's file, from which it comes slowly."""
    with pytest.MonkeyPatch.context() as patch, running(patch) as hub:
        from django.conf import settings

        smol = load_narrators(ROOT / "narrators.yaml").get("smol")
        plain = smol.model_copy(update={"adapter": ""})
        hub.files["Tale-0.1B-Q8_0.gguf"] = ensure_model(plain, settings.MODELS_DIR).read_bytes()
        hub.pause = 0.015
        yield hub


@pytest.fixture(scope="module")
def quiet_house(tmp_path_factory, hub):
    """A house of its own on this machine, with a folder of its own for models."""
    data = tmp_path_factory.mktemp("narrators") / "data"
    port = free_port()
    models = data.parent / "models"
    models.mkdir()
    with playing(data, port, MODELS_DIR=str(models)) as installation:
        installation.read_until("Ctrl-C")
        installation.here = network.origin("127.0.0.1", port)
        installation.hosts = {f"127.0.0.1:{port}"}
        installation.models = models
        yield installation
    shutil.rmtree(models)


def operator_link(installation):
    return next(
        re.search(r"http://\S+/operator/\S+", line)[0]
        for line in installation.lines
        if "Operator" in line
    )


def shoot(page, name):
    """The page as a phone and a desk show it; nothing is wider than the phone."""
    SHOTS.mkdir(exist_ok=True)
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} on a {size}"
        page.screenshot(path=SHOTS / f"narrators-{name}-{size}.png", full_page=True)


@pytest.mark.full
@pytest.mark.timeout(600)
def test_a_narrator_is_installed_played_with_and_removed(chromium, quiet_house):
    browser = Browser(chromium, quiet_house, quiet_house.here)
    page = browser.window(operator_link(quiet_house)).page
    page.get_by_label("Name").fill("wren")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Become the operator").click()
    page.wait_for_url(f"{quiet_house.here}/")
    page.goto(f"{quiet_house.here}/admin/game/installednarrator/")
    expect(page.get_by_text("This machine has")).to_be_visible()
    shoot(page, "begin")

    page.get_by_label("Model").fill("hf:org/gpt@v1/Tale-0.1B-Q8_0.gguf")
    page.get_by_label("Name").fill("tale")
    page.get_by_role("button", name="Install").last.click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Downloading: ")).to_be_visible()
    shoot(page, "progress")

    row = page.locator("[data-offered=tale]")
    expect(row).to_contain_text("of the llama family", timeout=TELLING * 1000)
    row.get_by_role("button", name="Make default").click()
    expect(page.locator("[data-offered=tale]").get_by_text("default", exact=True)).to_be_visible()
    shoot(page, "installed")

    window = browser.begin()
    expect(window.page.get_by_text("narrator: Tale 0.1B")).to_be_visible()
    window.act("open the door")
    window.in_mid_reply()
    window.stop.click()
    window.told(2, "stopped")

    page.locator("[data-offered=tale]").get_by_role("button", name="Remove").click()
    expect(page.locator("[data-offered=tale]")).to_have_count(0)
    expect(page.locator("[data-name=tale]")).to_have_count(0)
    assert [path.name for path in quiet_house.models.glob("*.gguf")] == []
    window.page.reload()
    expect(window.page.get_by_text("narrator: parrot")).to_be_visible()
    window.act("close the door")
    window.told(3)
    browser.leave()
    assert browser.complaints == []
