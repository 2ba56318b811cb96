"""`manage.py loadtest`: many players at once, over real sockets, against one's own installation.

Run it with the settings of that installation: it creates players and adventures in the database,
plays through the web address as browsers do, checks in Postgres at the end what became of every
turn, and deletes everything again. Only one's own installation can be tested, as the players are
created in its database.
"""

import asyncio
import json
import os
import resource
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dungeon import network
from game.load import report, setup
from game.load.audit import audit_turns
from game.load.runner import LoadTest, Plan
from game.play import narration
from inference.worker import runtime_tuning

FILES_BESIDE = 200  # open files that the process needs beside its sockets


class Command(BaseCommand):
    """`manage.py loadtest`. Exits with an error where a turn was lost, doubled or changed."""

    help = "Plays with many virtual players, and reports delays and errors."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--players", type=int, default=50)
        parser.add_argument(
            "--think", type=float, default=20, help="seconds between a reply and the next action"
        )
        parser.add_argument("--seconds", type=float, default=60)
        parser.add_argument("--ramp", type=float, help="seconds to open the sockets in")
        parser.add_argument("--narrator", default="", help="the host's default where left out")
        parser.add_argument(
            "--url", default="", help="http://… of the web; this host's where left out"
        )
        parser.add_argument(
            "--origin", default="", help="origin of the players' pages; the URL's where left out"
        )
        parser.add_argument(
            "--web-pid", type=int, default=0, help="process whose memory is measured"
        )
        parser.add_argument("--html", default="", help="write the report as a page to this file")
        parser.add_argument("--json", default="", help="write it as JSON to this file")
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the load test and write its reports. Raises CommandError."""
        plan = plan_of(options)
        narrator = options["narrator"]
        if narrator and narrator not in narration.narrators():
            names = ", ".join(narration.narrators().names)
            raise CommandError(f"there is no narrator {narrator!r}; there are {names}")
        raise_file_limit(options["players"])
        self.stdout.write(f"making {options['players']} players")
        accounts = setup.create_accounts(options["players"], narrator)
        try:
            found = self.play(plan, accounts, options)
        finally:
            setup.delete_accounts(accounts)
        if options["html"]:
            Path(options["html"]).write_text(found.as_page(), encoding="utf-8")
        if options["json"]:
            Path(options["json"]).write_text(json.dumps(found.as_json()), encoding="utf-8")
        self.write_report(found)
        wrong = {name: found.counts[name] for name in ("lost", "doubled", "changed")}
        if any(wrong.values()):
            raise CommandError(", ".join(f"{n} turns {what}" for what, n in wrong.items() if n))

    def play(
        self, plan: Plan, accounts: list[setup.VirtualAccount], options: dict[str, Any]
    ) -> report.Report:
        """Run the plan with these accounts and collect the report."""
        self.stdout.write(report.HEAD)
        runtime_tuning.reduce_collections()  # a full collection would be measured, too
        test = LoadTest(plan, accounts, lambda moment: self.stdout.write(report.live_line(moment)))
        asyncio.run(test.run())
        shown = ("players", "think", "seconds", "narrator", "seed")
        named = {name: options[name] for name in shown}
        named["narrator"] = named["narrator"] or narration.default().name
        return report.Report(
            settings={**named, "url": plan.url, "cores": os.cpu_count()},
            delays=test.delays(),
            counts={**test.counts(), **audit_turns(test.requested)},
            moments=test.moments,
        )

    def write_report(self, found: report.Report) -> None:
        """Print counts, then the percentiles of each delay in seconds."""
        for name, number in found.counts.items():
            self.stdout.write(f"{name:24} {number}")
        self.stdout.write(f"{'seconds':24} {'p50':>8} {'p90':>8} {'p99':>8} {'longest':>8}")
        for name, delays in found.delays.items():
            f = delays.figures()
            row = " ".join(f"{f[each]:8.3f}" for each in ("p50", "p90", "p99", "longest"))
            self.stdout.write(f"{report.DELAY_LABELS[name]:24} {row}")


def plan_of(options: dict[str, Any]) -> Plan:
    """The options as a plan. Raises CommandError with one line."""
    for name, least in (("players", 1), ("seconds", 1), ("think", 0)):
        if options[name] < least:
            raise CommandError(f"--{name} wants a number from {least} (it is {options[name]})")
    url = options["url"] or network.origin(
        network.in_url(network.shown_host(settings.HOST)), settings.PORT
    )
    found = urlsplit(url)
    if found.scheme not in ("http", "https") or not found.hostname:
        raise CommandError(f"--url wants http://host:port (it is {url!r})")
    origin = f"{found.scheme}://{found.netloc}"
    ramp = options["ramp"]
    return Plan(
        url=origin.replace("http", "ws", 1),
        origin=options["origin"] or origin,
        think=options["think"],
        seconds=options["seconds"],
        ramp=min(options["players"] / 100, options["seconds"] / 3) if ramp is None else ramp,
        look_every=max(1.0, min(10.0, options["seconds"] / 30)),
        web_pid=options["web_pid"],
        seed=options["seed"],
    )


def raise_file_limit(sockets: int) -> None:
    """Raise the limit on open files to fit so many sockets. Raises CommandError."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = sockets + FILES_BESIDE
    if most != resource.RLIM_INFINITY and wanted > most:
        raise CommandError(
            f"{sockets} players want {wanted} open files and the system allows {most}: "
            "raise it with ulimit -n, or play with fewer"
        )
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
