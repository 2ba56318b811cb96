"""For processes under libfaketime, found by Python through PYTHONPATH.

libfaketime 0.9.10 answers EINVAL to the clock_nanosleep of Python's `time.sleep` when it leaves the
monotonic clock alone; where it shifts that as well, locks with a timeout wait for an hour.
"""

import select
import time


def sleep(seconds: float) -> None:
    select.select([], [], [], max(0.0, seconds))


time.sleep = sleep
