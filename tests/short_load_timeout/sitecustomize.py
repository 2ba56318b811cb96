"""For engines' processes, found by Python through PYTHONPATH: a model has two seconds to load."""

import signal

setitimer = signal.setitimer


def sooner(which: int, seconds: float, interval: float = 0.0) -> tuple[float, float]:
    return setitimer(which, min(seconds, 2.0), interval)


signal.setitimer = sooner
