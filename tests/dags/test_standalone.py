"""The embedded Airflow: an interruption ends it wherever the process is when it comes."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from shirube.home import Home
from shirube.orchestration.standalone import EmbeddedAirflow, interruptible


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_that_got_lost_is_raised_again(tmp_path: Path, number: int) -> None:
    """Python drops what a handler raises inside the hooks of a fork; here it is dropped by hand."""
    airflow = EmbeddedAirflow(Home.resolve(tmp_path))
    before = signal.getsignal(number)
    with interruptible():
        airflow.check()
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        with pytest.raises(KeyboardInterrupt):
            airflow.check()
    assert signal.getsignal(number) is before
    with interruptible():
        airflow.check()
