"""What a page says while Redis is away, in Chromium."""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from tests.faults.installation import Installation
from tests.faults.players import SESSION_COOKIE

pytestmark = [
    pytest.mark.faults,
    pytest.mark.full,
    pytest.mark.browser,
    pytest.mark.timeout(200),
]
AWAY = 14  # seconds
FLAGS = ["--headless=new", "--no-sandbox", "--disable-quic", "--disable-background-networking"]


@pytest.fixture
def chromium():
    found = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    if not found:
        pytest.skip("there is no Chromium here: apt-get install chromium, or name it in CHROMIUM")
    return found


async def test_an_action_is_said_to_be_saved_and_is_told_when_redis_is_back(chromium):
    with tempfile.TemporaryDirectory(prefix="grue-faults-", dir="/tmp") as folder:
        async with Installation(Path(folder)) as installation, async_playwright() as playwright:
            await installation.whole()
            [guest] = await installation.invite(1)
            here = f"http://127.0.0.1:{installation.port}"
            browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            context = await browser.new_context()
            cookie = {"name": SESSION_COOKIE, "value": guest["session"], "url": here}
            await context.add_cookies([cookie])
            page = await context.new_page()
            await page.goto(f"{here}/adventures/{guest['adventure']}/")
            await expect(page.get_by_text("The floor is trembling.")).to_be_visible()
            outage = asyncio.create_task(installation.restart_redis(away=AWAY))
            await installation.until(lambda: not installation.redis_up(), "the outage")
            await page.locator("#input").fill("open the door")
            await page.locator("#input").press("Enter")
            waiting = page.get_by_text("Saved, waiting for the narrator")
            await expect(waiting).to_be_visible(timeout=AWAY * 1000)
            await outage
            await expect(waiting).to_be_hidden(timeout=60_000)
            await expect(page.get_by_role("button", name="Send")).to_be_visible(timeout=60_000)
            await browser.close()
