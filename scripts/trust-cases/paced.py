"""A steady pace for the drivers of the cases."""

import itertools
import time


def paced(seconds):
    """Counts 0, 1, 2, … for ever, one number each `seconds`, without drift."""
    begin = time.monotonic()
    for turn in itertools.count():
        time.sleep(max(0.0, begin + turn * seconds - time.monotonic()))
        yield turn
