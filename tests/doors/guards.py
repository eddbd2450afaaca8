"""What every fuzzed case runs under: a limit of time and memory, and the question whether an error can be acted on."""

import resource
import signal
import warnings
from contextlib import contextmanager

from dina.errors import DinaError

LONGEST_S = 10  # a case takes milliseconds: a loop without end, or something that grows with a number in a header
ROOM_BYTES = 1 << 30  # beyond what the process holds already; the files are some 100 kB
PARTS = (": ", "found ", "; expected ")  # of the text that dina.errors.problem composes


class Hang(BaseException):
    """A case took too long; no reader catches it."""


@contextmanager
def guarded():
    """Neither a hang nor an allocation that a few bytes in a file could ask for."""

    def stop(*_):
        raise Hang(f"more than {LONGEST_S} s")

    before = signal.signal(signal.SIGALRM, stop)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as statm:
        held = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + ROOM_BYTES, limits[1]))
    signal.alarm(LONGEST_S)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)


def is_clear(error: DinaError, place: str) -> bool:
    """Whether every line of an error names the place and says what was found, what was expected or what to do."""
    return all(place in line for line in str(error).splitlines()[:1]) and any(part in str(error) for part in PARTS)
