"""Runs Autobahn's WebSocket cases: python -m tests.autobahn_cases URL [-x CASES] [CASES]…

Prints a JSON object: each case's verdicts on the messages and on the closing handshake. A process
of its own, because kosoku changes `binascii` for everyone and may abort as it ends.
"""

import asyncio
import json
import sys

from kosoku import FailureError, run_fuzzingclient


async def verdicts(url, cases, without):
    try:
        results = await run_fuzzingclient(url, cases or None, without or None, concurrency=4)
    except FailureError as failure:
        results = failure.results
    return {case.case_id: [case.behavior.value, case.behavior_close.value] for case in results}


if __name__ == "__main__":
    url, *words = sys.argv[1:]
    chosen = [word for word in words if not word.startswith("-x")]
    left_out = [word.removeprefix("-x") for word in words if word.startswith("-x")]
    print(json.dumps(asyncio.run(verdicts(url, chosen, left_out))), flush=True)
