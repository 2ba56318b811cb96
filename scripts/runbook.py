"""Makes deploy/prometheus/consoles/alerts.html from docs/operations.md.

    python scripts/runbook.py

Alerts link to it. Prometheus serves it, so it opens while Grue does not, and without access to the
internet. It is also a template of Prometheus: it must not contain braces in pairs.
"""

import html
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "docs" / "operations.md"
PAGE = ROOT / "deploy" / "prometheus" / "consoles" / "alerts.html"
FIRST = "# When an alert fires\n"
HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Grue: when an alert fires</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto;
    padding: 0 1rem; }
  :target { background: Mark; color: MarkText; }
  code { overflow-wrap: anywhere; }
</style>
<!-- Made by scripts/runbook.py of docs/operations.md. -->
<h1>When an alert fires</h1>
"""


def page(text: str) -> str:
    """The chapters after FIRST as one page. ValueError for markup that it does not know."""
    blocks = re.split(r"\n{2,}", text.split(FIRST, 1)[1].strip())
    return HEAD + "\n".join(map(block, blocks)) + "\n</html>\n"


def block(text: str) -> str:
    if text.startswith("## "):
        name = text.removeprefix("## ")
        return f'<h2 id="{name.lower()}">{html.escape(name)}</h2>'
    if re.match(r"#|[-*|>]|```|\d+\.", text) or "{{" in text or "](" in text:
        raise ValueError(f"docs/operations.md, alerts: a heading or plain text wanted: {text[:60]}")
    return f"<p>{words(text)}</p>"


def words(text: str) -> str:
    parts = re.split(r"`([^`]+)`", " ".join(text.split()))
    shown = [
        f"<code>{html.escape(part)}</code>"
        if odd % 2
        else re.sub(r"\*([^*]+)\*", r"<em>\1</em>", html.escape(part))
        for odd, part in enumerate(parts)
    ]
    return "".join(shown)


def main() -> None:
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(SOURCE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
