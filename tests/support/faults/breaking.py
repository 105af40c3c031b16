"""What a network and a tired engine do to whoever stands on the other side of a proxy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from proxy import Proxy

ERRORS = {  # of Redis
    "LOADING": "LOADING Redis is loading the dataset in memory",
    "OOM": "OOM command not allowed when used memory > 'maxmemory'.",
    "MISCONF": "MISCONF Errors writing to the AOF file: No space left on device",
    "READONLY": "READONLY You can't write against a read only replica.",
}
NETWORK = ("refuse", "blackhole", "slow", "cut")
FAULTS = {name: f"answers -{name}" for name in ERRORS} | {
    "errors": "answers errors of four kinds",
    "refuse": "refuses",
    "blackhole": "network takes all, gives nothing",
    "slow": "answers 0.3 s late",
    "cut": "network cut ten times a second",
    "narrow": "network of 50 kB/s",
}
_BETWEEN = 0.1  # seconds between two cuts


@contextmanager
def broken(fault: str, proxy: Proxy) -> Iterator[None]:
    """The path through `proxy` has `fault` until the end of the block; an error when nobody noticed."""
    before, over = proxy.faults, threading.Event()
    again = threading.Thread(target=_again_and_again, args=(fault, proxy, over))
    if fault in ("cut", "errors"):
        again.start()
    elif fault in ERRORS:
        proxy.set("error", error=ERRORS[fault])
    elif fault == "slow":
        proxy.latency = 0.3
    elif fault == "narrow":
        proxy.bandwidth = 50_000.0
    else:
        proxy.set("refuse" if fault == "refuse" else "blackhole")
    try:
        yield
    finally:
        over.set()
        if again.is_alive():
            again.join()
        proxy.set("pass")
        proxy.latency = proxy.bandwidth = 0.0
        if fault == "blackhole":
            proxy.cut()  # a path that is back knows nothing of the connections it had
    assert proxy.faults > before, f"{fault} never met anything"


def _again_and_again(fault: str, proxy: Proxy, over: threading.Event) -> None:
    kinds = list(ERRORS.values())
    while not over.wait(_BETWEEN):
        if fault == "cut":
            proxy.cut()
        else:
            kinds.append(kinds.pop(0))
            proxy.set("error", error=kinds[0])
