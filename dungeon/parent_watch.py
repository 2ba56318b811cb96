"""Ends a process when its parent does, however the parent ended.

    python parent_watch.py PARENT SIGNAL USER PROGRAM [ARGUMENT...]

runs a program to which Linux sends SIGNAL once process PARENT, which started it, is gone (elsewhere
nothing does). USER is whom to run it as, "" for no change. A file of its own, run without the rest
of Grue, because the request must be made in the child, between fork and exec, and Python's
`preexec_fn` may hang there when the parent has threads.
"""

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1  # from <sys/prctl.h>


def tie_to(parent: int, end_signal: int = signal.SIGKILL) -> None:
    """Have this process ended by `end_signal` once its parent, process `parent`, is gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, end_signal)
        if os.getppid() != parent:  # it went before we asked
            sys.exit(1)


def main(parent: str, end_signal: str, user: str, *program: str) -> None:
    """Become `program`, run as `user`, with the signal requested. Raises KeyError, OSError."""
    if user:
        account = pwd.getpwnam(user)
        os.initgroups(user, account.pw_gid)
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    tie_to(int(parent), int(end_signal))  # last: a change of user takes the request back
    os.execv(program[0], program)  # noqa: S606 (no shell is what we want)


if __name__ == "__main__":
    main(*sys.argv[1:])
