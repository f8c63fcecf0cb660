"""Signals to children, as the machine would send them."""

import os
import signal

import psutil


def hit(pid: int, number: signal.Signals) -> None:
    """Send it to the child itself, not to what a sandbox puts around it."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    os.kill(family[-1].pid, number)
