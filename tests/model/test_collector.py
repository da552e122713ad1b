"""The garbage collector is held off where it is said, and works again after that, whatever happened."""

from __future__ import annotations

import gc

import pytest

from flowrules.model.collector import collector_held_off


def failing() -> None:
    with collector_held_off():
        assert not gc.isenabled()
        raise ZeroDivisionError


def test_it_works_again_after_a_failure() -> None:
    with pytest.raises(ZeroDivisionError):
        failing()
    assert gc.isenabled()


def test_it_stays_off_where_it_was_off() -> None:
    gc.disable()
    try:
        with collector_held_off():
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()
