"""The stack on which this thread's signal handlers run."""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class SignalStack(ctypes.Structure):
    """Linux's `stack_t`. `start` is None where handlers run on the thread's ordinary stack."""

    _fields_ = [("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]


def signal_stack() -> SignalStack:
    """The alternate signal stack of the calling thread. Linux only."""
    stack = SignalStack()
    ctypes.CDLL(None).sigaltstack(None, ctypes.byref(stack))
    return stack


@contextmanager
def kept_signal_stack() -> Iterator[None]:
    """Leave the calling thread the alternate signal stack that it had before the block.

    openvino's CPU plugin gives the thread that loads a model a signal stack of its own, and unmaps
    that stack when the model is freed. It takes the stack from the thread only where the same
    thread frees it, and as the last one that was loaded. After any other end (the garbage collector
    on another thread, two models freed in the order in which they were loaded) the thread keeps a
    stack that is gone, and the next signal with a Python handler, Ctrl-C for one, ends the process
    with SIGSEGV: Python asks for the alternate stack.
    """
    if sys.platform != "linux":  # the plugin does it on Linux alone
        yield
        return
    before = signal_stack()
    try:
        yield
    finally:
        ctypes.CDLL(None).sigaltstack(ctypes.byref(before), None)
