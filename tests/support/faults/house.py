"""One of the services that count behind needs, its traffic, and the verdict."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ports import free_port

from faults.needs_oracle import PRODUCTS, Difference
from faults.others import (
    VARIANTS,
    answers_in_log,
    caught_up,
    content_difference,
    open_experiment,
    qa_difference,
    recommender_difference,
    remembered,
)
from faults.service import Service
from faults.traffic import CLICKS, QUERIES, Sender, Shoppers

_OUTCOMES = ("impression", "impression", "click", "purchase")


class House:
    """`recommender`, `content` or `qa` alone: the services that it asks are away, and it must count all the same."""

    def __init__(self, name: str, engines: Any, folder: Path, tenant: str, **environment: str) -> None:
        """`environment` is told besides, or instead."""
        self.name, self.engines, self.folder, self.tenant = name, engines, folder, tenant
        self.sender = Sender(engines.kafka, life=lambda: int(engines.life))
        nobody = f"127.0.0.1:{free_port()}"
        self.known = {**engines.environment(), **engines.stores(folder)}  # where the engines are, past any proxy
        told = {
            **self.known, "ATTUNE_SESSION_TIMEOUT": engines.session_timeout,
            "ATTUNE_NEEDS_ADDRESS": nobody, "ATTUNE_RECOMMENDER_ADDRESS": nobody, **environment,
        }  # fmt: skip
        self.service = Service(name, folder, told, embedded=engines.edition == "embedded")
        self.armed = folder / "armed"
        self._shoppers: dict[str, Shoppers] = {}

    def act(self, count: int, prefix: str, *, per_second: float = 0.0) -> None:
        """Events of people of their own: what the service counts."""
        if prefix not in self._shoppers:
            self._shoppers[prefix] = Shoppers(self.sender, self.tenant, PRODUCTS, 20, prefix)
            if self.name == "content":
                open_experiment(self.engines.redis_url, self.tenant, prefix)
        started = time.monotonic()
        for number in range(count):
            self._send(self._shoppers[prefix], prefix, number)
            if per_second:
                time.sleep(max(0.0, number / per_second - (time.monotonic() - started)))

    def caught_up(self, seconds: float = 90.0) -> float:
        """Wait for all that was acknowledged; how many seconds it took."""
        self.sender.flush()
        return caught_up(self.service, self.tenant, self.sender.marks(), seconds)

    def difference(self, prefix: str) -> Difference:
        """Between what is counted and what must be. Stops a recommender whose file nobody else can read."""
        topic = QUERIES if self.name == "qa" else CLICKS
        written = sorted((r for r in self.sender.written if r.topic == topic), key=lambda r: (r.life, r.offset))
        events = [r.value for r in written if isinstance(r.value, dict)]
        mine = [event for event in events if event["user_id"].startswith(prefix)]
        if self.name == "content":
            return content_difference(self.service, self.tenant, prefix, mine)
        if self.name == "qa":
            return qa_difference(self.service, answers_in_log(self.engines.kafka), mine)
        if self.service.environment["ATTUNE_GRAPH_URL"].startswith("sqlite"):
            self.service.stop()
        return recommender_difference(remembered(self.known), mine, events)

    def close(self) -> None:
        """End what runs."""
        self.service.close()
        self.sender.close()

    def _send(self, shoppers: Shoppers, prefix: str, number: int) -> None:
        event = shoppers.event()
        topic, user = CLICKS, event["user_id"]
        if self.name == "content":
            said = {
                "composition_id": "c",
                "experiment_id": prefix,
                "variant_id": VARIANTS[number % 2],
                "propensity": 0.5,
            }
            event |= {"kind": _OUTCOMES[number // 2 % len(_OUTCOMES)], "content": said}
        elif self.name == "qa":
            topic = QUERIES
            place = f"{user}-{number // 200}"  # a conversation keeps its last 20 turns: these have 10
            event = {name: event[name] for name in ("event_id", "tenant", "user_id", "occurred_at")}
            event |= {"kind": "question", "text": f"Where is parcel {number}?", "dialogue_id": place}
        self.sender.send(topic, user, event)
        if number % 50 == 49:
            self.sender.send(topic, user, event)
