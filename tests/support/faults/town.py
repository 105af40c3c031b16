"""Recommender, content and qa at once on the engines of production, each behind proxies; faults meet all three."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from proxy import Proxy

from faults.breaking import FAULTS, broken
from faults.house import House
from faults.table import Row, Table

STORES = {"recommender": "neo4j", "content": "redis", "qa": "redis"}  # who keeps what it counts where
_PACE = {"recommender": 100.0, "content": 100.0, "qa": 20.0}  # events/s


class Town:
    """Three houses, which a test leaves running. Nothing runs before `start`."""

    def __init__(self, engines: Any, folder: Path) -> None:
        self.engines = engines
        known = engines.environment()
        self.proxies = {
            "kafka": Proxy(_port(f"//{known['ATTUNE_KAFKA']}"), kafka=True),
            "redis": Proxy(_port(known["ATTUNE_REDIS_URL"])),
            "neo4j": Proxy(_port(known["ATTUNE_GRAPH_URL"])),
        }
        self.clock = folder / "clock"
        told = {
            "ATTUNE_KAFKA": self.proxies["kafka"].address,
            "ATTUNE_REDIS_URL": f"redis://{self.proxies['redis'].address}/0",
            # Not neo4j://, whose driver asks the server for its address, and would go around the proxy.
            "ATTUNE_GRAPH_URL": f"bolt://{self.proxies['neo4j'].address}",
        }
        self.houses = [House(name, engines, folder / name, f"town-{name}", **told) for name in STORES]

    def start(self) -> None:
        """Launch what does not run; `ready` waits for it."""
        for house in self.houses:
            if house.service.process is None:
                house.service.start("--clock", str(self.clock), ready=False)

    def ready(self) -> None:
        """All three serve."""
        self.start()
        for house in self.houses:
            house.service.wait_ready()

    def act(self, prefix: str, seconds: float, houses: Sequence[House] = ()) -> None:
        """Events of all three, or of some, side by side."""
        with self.acting(prefix, seconds, houses):
            pass

    @contextmanager
    def acting(self, prefix: str, seconds: float, houses: Sequence[House] = ()) -> Iterator[None]:
        """Events of all three, or of some, while the block runs, for so long at least."""
        with ThreadPoolExecutor(len(self.houses)) as threads:
            flows = [threads.submit(_act, house, prefix, seconds) for house in houses or self.houses]
            yield
        for flow in flows:
            flow.result()

    def under(
        self, prefix: str, faults: Callable[[House], tuple[str, str]], table: Table, houses: Sequence[House] = ()
    ) -> None:
        """Events before, during and after more than a second of faults: for each house the engine and what ails it."""
        self.ready()
        houses = houses or self.houses
        met = dict(faults(house) for house in houses)
        self.act(prefix, 0.2, houses)
        with ExitStack() as stack:
            for engine, fault in met.items():
                stack.enter_context(broken(fault, self.proxies[engine]))
            self.act(prefix, 1.2, houses)
        self.act(prefix, 0.2, houses)
        self.judge(table, lambda house: _words(*faults(house)), 1, prefix, houses)

    def judge(
        self, table: Table, fault: Callable[[House], str], times: int, prefix: str, houses: Sequence[House] = ()
    ) -> None:
        """Wait, write a row for each house, and refuse any loss and any doubling."""
        wrong = []
        for house in houses or self.houses:
            took = house.caught_up()
            found = house.difference(prefix)
            name = f"{house.name}, {fault(house)}"
            table.add(Row(name, times, found.acknowledged, found.lost, found.doubled, 0, took))
            if found.lost or found.doubled or found.told or not found.acknowledged:
                wrong.append(f"{name}: {found}")
        assert not wrong

    def close(self) -> None:
        """End what runs."""
        for house in self.houses:
            house.close()
        for proxy in self.proxies.values():
            proxy.close()


def _act(house: House, prefix: str, seconds: float) -> None:
    pace = _PACE[house.name]
    house.act(round(pace * seconds), prefix, per_second=pace)


def _words(engine: str, fault: str) -> str:
    return f"{engine}: {FAULTS[fault]}"


def _port(url: str) -> int:
    return int(urlsplit(url).port or 0)
