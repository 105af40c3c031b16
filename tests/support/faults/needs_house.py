"""A shop, its events and the needs service that counts them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from attune.types.v1.types_pb2 import Watermark
from faults.needs_oracle import PRODUCTS, Difference, expected, vector_record
from faults.needs_reader import applied, caught_up, difference
from faults.service import Service
from faults.table import Row, Table
from faults.traffic import CLICKS, VECTORS, Sender, Shoppers


class NeedsHouse:
    """Traffic, the service, and the verdict."""

    def __init__(self, engines: Any, folder: Path, tenant: str, **environment: str) -> None:
        self.engines, self.folder, self.tenant = engines, folder, tenant
        self.sender = Sender(engines.kafka, life=lambda: int(engines.life))
        told = {"ATTUNE_SESSION_TIMEOUT": engines.session_timeout, **engines.environment(), **environment}
        self.service = Service("needs", folder, told, embedded=engines.edition == "embedded")
        self.armed = folder / "armed"
        self.load_products()

    def new_sender(self) -> None:
        """A producer of an ended log cannot go on in the next one; what it wrote is remembered."""
        written = self.sender.written
        self.sender.close()
        self.sender = Sender(self.engines.kafka, life=lambda: int(self.engines.life), written=written)

    def load_products(self) -> None:
        """The vectors of all products, acknowledged."""
        for product in PRODUCTS:
            self.sender.send(VECTORS, product, vector_record(self.tenant, product))
        self.sender.flush()

    def shoppers(self, prefix: str = "u", people: int = 20) -> Shoppers:
        """People of this shop whom no other test knows."""
        return Shoppers(self.sender, self.tenant, PRODUCTS, people, prefix)

    def marks(self) -> list[Watermark]:
        """Where a reader must be to have seen everything."""
        return self.sender.marks()

    def caught_up(self, seconds: float = 90.0) -> float:
        """Wait for all that was acknowledged; how many seconds it took."""
        self.sender.flush()
        return caught_up(self.service, self.marks(), seconds)

    def lives(self) -> set[str]:
        """Which lives of the clickstream the service tells of; for moments it may still tell of one that ended."""
        return {mark.log for mark in applied(self.service) if mark.topic == CLICKS}

    def events(self, prefix: str = "") -> list[dict[str, Any]]:
        """Good clicks that were acknowledged, in the order of the log; of some people alone where a prefix is given."""
        written = sorted((r for r in self.sender.written if r.topic == CLICKS), key=lambda r: (r.life, r.offset))
        clicks = [
            r.value for r in written if isinstance(r.value, dict) and "poison" not in (r.value.get("surface") or "")
        ]
        return [click for click in clicks if click["user_id"].startswith(prefix)]

    def difference(self, prefix: str = "") -> Difference:
        """Between what is counted and what must be."""
        return difference(self.service, expected(self.events(prefix)))

    def judge(self, table: Table, fault: str, times: int, *, seconds: float | None = None, prefix: str = "",
              dead: int = 0) -> None:  # fmt: skip
        """Wait, write the row, and refuse any loss and any doubling."""
        took = self.caught_up()
        found = self.difference(prefix)
        table.add(
            Row(fault, times, found.acknowledged, found.lost, found.doubled, dead, took if seconds is None else seconds)
        )
        assert (found.lost, found.doubled, found.told[:5]) == (0, 0, []), (
            f"{found.lost} lost, {found.doubled} doubled: {found.told[:5]}\n{self.service.log[-1500:]}"
        )

    def restart(self, *arguments: str) -> float:
        """Start after a kill; seconds until it has caught up."""
        started = time.monotonic()
        self.service.start(*arguments)
        self.caught_up()
        return time.monotonic() - started

    def close(self) -> None:
        """End what runs."""
        self.service.close()
        self.sender.close()
