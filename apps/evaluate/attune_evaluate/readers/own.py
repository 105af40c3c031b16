"""A folder in Attune's own form: `catalog.jsonl`, `events.jsonl`, `queries.jsonl`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from google.protobuf.message import Message

from attune.events.v1.clickstream_pb2 import BehaviorKind, ClickstreamEvent
from attune.events.v1.product_pb2 import Product
from attune_cli.failures import BadInput, told
from attune_evaluate.dataset import FILED, Act, Dataset, Question
from chassis.kafka import Rejected
from chassis.kafka.decode import checked, from_mapping

M = TypeVar("M", bound=Message)


def own(folder: Path) -> Dataset:
    """Lines are the JSON forms that `attune load catalog` and `attune replay` take, and `{"query", "relevant"}`."""
    done = sorted(acts(folder / "events.jsonl"), key=lambda each: each.at)
    questions = [_question(*line) for line in _lines(folder / "queries.jsonl")]
    return Dataset(folder.name, products(folder / FILED), done, questions)


def products(file: Path) -> list[Product]:
    """Of whatever shop."""
    found = [_message(Product, *line) for line in _lines(file)]
    for product in found:
        product.ClearField("tenant")
    return found


def acts(file: Path, tenant: str = "") -> list[Act]:
    """Behaviours towards products; only those of a shop, or that name none, where one is given."""
    events = (_message(ClickstreamEvent, *line) for line in _lines(file))
    return [act(each) for each in events if each.product_id and (not tenant or each.tenant in {"", tenant})]


def act(event: ClickstreamEvent) -> Act:
    """What was done."""
    kind = BehaviorKind.Name(event.kind).removeprefix("BEHAVIOR_KIND_").lower()
    rating = event.rating if event.HasField("rating") else None
    return Act(event.user_id, event.product_id, event.occurred_at.ToMilliseconds(), kind, rating)


def _lines(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each stands, and its JSON object; nothing when there is no such file."""
    if not file.exists():
        return
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            where = f"{file}:{number}"
            try:
                form = msgspec.json.decode(line)
            except msgspec.DecodeError as error:
                raise BadInput(f"{where}: write one JSON object per line ({error})") from None
            if not isinstance(form, dict):
                raise BadInput(f"{where}: write one JSON object per line")
            yield where, form


def _message(message: type[M], where: str, form: dict[str, Any]) -> M:
    if message is ClickstreamEvent:
        form.setdefault("event_id", where[-128:])
    try:
        return checked(from_mapping(message, form))
    except Rejected as why:
        raise BadInput(f"{where}: {told(why)}") from None


def _question(where: str, form: dict[str, Any]) -> Question:
    text, relevant = form.get("query"), form.get("relevant")
    if not isinstance(text, str) or not isinstance(relevant, list) or not relevant:
        raise BadInput(f'{where}: write {{"query": "some words", "relevant": ["product id", ...]}}')
    return Question(text, frozenset(map(str, relevant)))
