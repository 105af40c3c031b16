"""All four services on one traffic, and the verdict over each of them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attune.types.v1.types_pb2 import Watermark
from faults import needs_reader, others
from faults.dead_letters_read import records
from faults.needs_oracle import PRODUCTS, Difference, expected, vector_record
from faults.service import Service
from faults.traffic import CLICKS, QUERIES, VECTORS, Sender, Shoppers

SERVICES = ("needs", "recommender", "qa", "content")
_EXPERIMENT = "soak"
_OUTCOMES = {"impression", "click", "purchase"}


class Platform:
    """Four processes that know each other, one producer, and what must have been counted at the end.

    `services` are those that are asked; `replicas` are all, with a second one of each of the `twins`, called "NAME 2".
    """

    def __init__(
        self, engines: Any, folder: Path, tenant: str, *, people: int = 200, twins: Sequence[str] = ()
    ) -> None:
        self.engines, self.folder, self.tenant = engines, folder, tenant
        self.sender = Sender(engines.kafka, life=lambda: int(engines.life))
        self._known = {**engines.environment(), **engines.stores(folder)}
        told = {"ATTUNE_SESSION_TIMEOUT": engines.session_timeout, **self._known}
        self.services = {name: Service(name, folder, told, embedded=engines.edition == "embedded") for name in SERVICES}
        self.replicas = self.services | {f"{name} 2": self._twin(name, told) for name in twins}
        for service in self.replicas.values():
            service.environment |= {f"ATTUNE_{each.upper()}_ADDRESS": at.address for each, at in self.services.items()}
        self.shoppers = Shoppers(self.sender, tenant, PRODUCTS, people)
        self._asked = 0

    def start(self) -> None:
        """Load products and an experiment, then wait for all four."""
        for product in PRODUCTS:
            self.sender.send(VECTORS, product, vector_record(self.tenant, product))
        self.sender.flush()
        others.open_experiment(self.engines.redis_url, self.tenant, _EXPERIMENT)
        for service in self.replicas.values():
            service.start(ready=False)
        for service in self.replicas.values():
            service.wait_ready(240)

    def act(self, number: int) -> None:
        """One click, some of them towards a text; now and then the same again; a question each 300th time."""
        event = self.shoppers.event()
        if event["kind"] in _OUTCOMES and number % 2:
            event["content"] = {"composition_id": "c", "experiment_id": _EXPERIMENT, "propensity": 0.5,
                                "variant_id": others.VARIANTS[number % 4 // 2]}  # fmt: skip
        for _ in range(2 if number % 97 == 0 else 1):
            self.sender.send(CLICKS, event["user_id"], event)
        if number % 300 == 0:
            self._ask()

    def _ask(self) -> None:
        person = f"asker{self._asked % 7}"
        self.sender.send(QUERIES, person, {
            "event_id": f"{self.tenant}-q{self._asked}", "tenant": self.tenant, "user_id": person, "kind": "question",
            "text": f"Where is parcel {self._asked}?", "dialogue_id": f"{person}-{self._asked // 70}",
            "occurred_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60)),
        })  # fmt: skip
        self._asked += 1

    def caught_up(self, seconds: float = 300.0) -> dict[str, float]:
        """Wait for all that was acknowledged; how many seconds each service took."""
        self.sender.flush(240)
        return {name: self.wait_for(name, self.sender.marks(), seconds) for name in SERVICES}

    def wait_for(self, name: str, marks: list[Watermark], seconds: float = 300.0) -> float:
        """Until one service has applied `marks`; how many seconds it took."""
        service = self.services[name]
        if name == "needs":
            return needs_reader.caught_up(service, marks, seconds)
        return others.caught_up(service, self.tenant, marks, seconds)

    def verdict(self) -> dict[str, Difference]:
        """Against the log, read from its beginning. Stops the recommender, whose file nobody else could read."""
        clicks, questions = self._log(CLICKS), self._log(QUERIES)
        needs = needs_reader.difference(self.services["needs"], expected(clicks))
        needs.lost += len({r.value["event_id"] for r in self.sender.written if r.topic == CLICKS}  # type: ignore[index,call-overload] # all are clicks of ours
                          - {click["event_id"] for click in clicks})  # fmt: skip
        content = others.content_difference(self.services["content"], self.tenant, _EXPERIMENT, clicks)
        qa = others.qa_difference(self.services["qa"], others.answers_in_log(self.engines.kafka), questions)
        for name, service in self.replicas.items():
            if name.startswith("recommender"):
                service.stop()
        recommender = others.recommender_difference(others.remembered(self._known), clicks, clicks)
        return {"needs": needs, "recommender": recommender, "qa": qa, "content": content}

    def close(self) -> None:
        """End what runs."""
        for service in self.replicas.values():
            service.close()
        self.sender.close()

    def _twin(self, name: str, told: Mapping[str, str]) -> Service:
        folder = self.folder / "twins"
        stores = self.engines.stores(folder)
        return Service(name, folder, {**told, **stores}, embedded=self.engines.edition == "embedded")

    def _log(self, topic: str) -> list[dict[str, Any]]:
        values = [json.loads(message.value() or b"{}") for message in records(self.engines.kafka, topic)]
        return [value for value in values if value.get("tenant") == self.tenant]
