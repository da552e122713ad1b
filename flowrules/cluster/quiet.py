"""Silence: what Dask and Tornado would log or warn of is said by us where it matters."""

from __future__ import annotations

import logging
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Final

LOUDEST: Final = logging.CRITICAL + 10
"""A level that nothing reaches."""

_LOGGERS: Final = ("distributed", "tornado", "asyncio", "bokeh")


@contextmanager
def quiet() -> Iterator[None]:
    """No log lines and no warnings of Dask, Tornado and asyncio from this process."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    loggers += [
        logger
        for name, logger in list(logging.root.manager.loggerDict.items())
        if isinstance(logger, logging.Logger) and name.partition(".")[0] in _LOGGERS and "." in name
    ]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(LOUDEST)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(distributed|tornado|dask|asyncio|multiprocessing)\b")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def no_interrupts() -> Iterator[None]:
    """Threads started inside, and the processes that they start, never see Ctrl-C: the main thread does.

    A terminal sends it to all processes; those of the cluster are ended by the run that started them.
    """
    # started later, it would let Ctrl-C through again in the thread that needs it
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
