"""Two replicas on one Kafka and one Neo4j, as production runs them."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from recommender_process import House

from attune.recommender.v1 import recommender_pb2 as pb
from attune.types.v1.types_pb2 import UserRef, Watermark
from recommender.domain.history import Done
from recommender.domain.score import Mode
from recommender.usecases.relations import Person

BEGIN = 1_780_000_000  # seconds since 1970: half of 2026
KINDS = {"view": Done.SEEN, "add_to_cart": Done.WANTED, "purchase": Done.WANTED | Done.BOUGHT}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, real_kafka: str, neo4j_url: Any) -> Iterator[tuple[House, House]]:
    folder = tmp_path_factory.mktemp("replicas")
    settings = {
        "ATTUNE_GRAPH_URL": neo4j_url.url,
        "ATTUNE_NEO4J_USER": neo4j_url.user,
        "ATTUNE_NEO4J_PASSWORD": neo4j_url.password,
        "ATTUNE_SESSION_TIMEOUT": "6",  # the least that Kafka takes
    }
    made = [House(folder / str(number), real_kafka, settings) for number in range(2)]
    try:
        for house in made:
            house.ready()
        yield made[0], made[1]
    finally:
        for house in made:
            house.stop()


@pytest.fixture
def stocked(pair: Any, tenant: str, catalogue: Any) -> str:
    """A shop of its own with nine products, known to both."""
    marks = [pair[0].load(tenant, each) for each in catalogue]
    for house in pair:
        assert not house.recommend(tenant, "nobody", *marks).served.stale
    return tenant


def offered(house: House, tenant: str, user: str, *marks: Any) -> dict[str, float]:
    reply = house.recommend(tenant, user, *marks, k=50)
    assert not reply.served.stale
    return {offer.product.product_id: offer.score.value for offer in reply.recommendations}


def test_both_know_at_once_what_one_of_them_applied(pair: Any, stocked: str) -> None:
    for number in range(6):
        user = f"user-{number}"
        marks = [pair[0].act(stocked, user, "kettle", "purchase"), pair[0].act(stocked, user, "tent")]
        replies = [offered(house, stocked, user, *marks) for house in pair]
        assert replies[0] == pytest.approx(replies[1], abs=1e-9)
        assert "kettle" not in replies[0]
    path = pb.ExplainRequest(user=UserRef(tenant=stocked, user_id="user-0"), product_id="pot")
    one, two = (house.stub.Explain(path).score.value for house in pair)
    assert one == pytest.approx(two)


def test_a_new_and_a_removed_product_are_known_to_both(pair: Any, stocked: str) -> None:
    new = pair[0].load(stocked, {"product_id": f"new-{stocked}", "title": {"en": "A brand new lamp"}})
    for house in pair:
        assert f"new-{stocked}" in offered(house, stocked, "ann", new)
    gone = pair[0].send("attune.catalog.v1", f"new-{stocked}", None)
    for house in pair:
        assert f"new-{stocked}" not in offered(house, stocked, "ann", gone)


def test_who_is_erased_at_one_is_gone_from_both(pair: Any, stocked: str) -> None:
    mark = pair[0].act(stocked, "ann", "kettle", "purchase")
    assert all("kettle" not in offered(house, stocked, "ann", mark) for house in pair)
    request = pb.EraseUserRequest(user=UserRef(tenant=stocked, user_id="ann"))
    assert [line.count for house in pair for line in house.stub.EraseUser(request).erased][::2] == [1, 0]
    late = pair[0].act(stocked, "bob", "kettle")
    assert all("kettle" in offered(house, stocked, "ann", late) for house in pair)


def send(house: House, tenant: str, told: Sequence[tuple[str, str, str, str]]) -> Sequence[Watermark]:
    """Slowly; the last one of each partition."""
    marks: dict[int, Watermark] = {}
    for number, (user, product, kind, event_id) in enumerate(told):
        for _ in range(2 if number % 7 == 0 else 1):  # a producer that tries again
            mark = house.act(tenant, user, product, kind, event_id, at=BEGIN + number)
        marks[mark.partition] = mark
        time.sleep(0.02)
    return list(marks.values())


async def test_kills_restarts_and_events_sent_twice_leave_what_a_recomputation_gives(
    pair: Any, stocked: str, bare: Any, catalogue: Any, asked: Any
) -> None:
    rng = random.Random(4)
    ids = [each["product_id"] for each in catalogue]
    told = [(f"u{rng.randrange(12)}", rng.choice(ids), rng.choice(list(KINDS)), f"{stocked}-{n}") for n in range(400)]
    sending = asyncio.create_task(asyncio.to_thread(send, pair[0], stocked, told))
    for house, end in ((pair[0], pair[0].kill), (pair[1], pair[1].leave), (pair[1], pair[1].kill)):
        await asyncio.sleep(1.5)  # so that it is in the middle of something
        await asyncio.to_thread(end)
        await asyncio.to_thread(house.start)
    marks = await sending

    await bare.load(*catalogue)
    for number, (user, product, kind, _) in enumerate(told):
        await bare.do(
            user,
            product,
            done=KINDS[kind],
            at=1000 * (BEGIN + number),
            weight={"view": 1.0, "add_to_cart": 3.0}.get(kind, 5.0),
        )
    for user in {user for user, *_ in told}:
        expected = await bare.recommend(Person("default", user), asked(50), Mode.CONDITIONED)
        wanted = {offer.product.key.product_id: offer.score.value for offer in expected.offers}
        for house in pair:
            assert offered(house, stocked, user, *marks) == pytest.approx(wanted, abs=1e-6)
