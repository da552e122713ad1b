"""Portions that do their reader harm."""

from __future__ import annotations

import os
import signal

from attrs import frozen

from flowrules.flows.portions import Portion
from flowrules.flows.silk_conf import SilkConf
from flowrules.flows.table import FlowSource


@frozen
class Deadly(Portion):
    """Ends the process that opens it, as running out of memory would."""

    def open(self, conf: SilkConf) -> FlowSource:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


@frozen
class Flaky(Portion):
    """Cannot be opened once, as happens on a network's file system."""

    mark: str = ""

    def open(self, conf: SilkConf) -> FlowSource:
        try:
            os.close(os.open(self.mark, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return super().open(conf)
        raise OSError(5, "Input/output error", self.path)
