"""Which part of the past is known, who asks, and what is looked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from hashlib import blake2b

from attune_cli.failures import BadInput
from attune_evaluate.dataset import Act, Dataset

DAY = 86_400_000  # milliseconds
P1_LIVE = "p1 was asked for: a platform cannot hide what a person did last from its statistics, --offline can"
LEAST = 3  # acts of a person: one to know, one to ask with, one to look for


class Protocol(Enum):
    """How the past is cut."""

    P1 = "p1"  # statistics s[:-2], asked with s[:-1], looked for s[-1]
    P2 = "p2"  # statistics and asked with s[:-1], looked for s[-1]
    TIME = "time"  # all before a moment is known; looked for is each person's first day after it


@dataclass(frozen=True, slots=True)
class Case:
    """Someone who asks."""

    user: str
    known: int  # products the person had dealt with
    wanted: frozenset[str]  # none of which the person had dealt with, or
    again: frozenset[str] = frozenset()  # which the person had


@dataclass(frozen=True, slots=True)
class Split:
    """A protocol on a data set."""

    protocol: Protocol  # that was measured, not always the one that was asked for
    statistics: Sequence[Act]  # what the graph and the trend learn from
    asking: Sequence[Act]  # what needs and histories are made of, of those who ask alone
    cases: Sequence[Case]
    about: str
    cold: frozenset[str] = frozenset()  # products whose past was withheld

    def looking(self, *, again: bool = False) -> list[Case]:
        """Who looks for something new, or for something `again`."""
        return [case for case in self.cases if (case.again if again else case.wanted)]


def split(
    data: Dataset, protocol: Protocol, *, users: int = 0, at: float = 0.8, cold: float = 0.0, live: bool = False
) -> Split:
    """Cut the past; `users`: at most so many ask, chosen by a hash of their names; 0 is all.

    `at`: the share of all acts that lies before the moment of a time split. `cold`: the share of products of which
    nothing is known; then only those ask who look for one of them. `live`: for a running platform, which learns for
    all what it hears of one. P1 would ask with an act that the statistics must not know, so P2 is measured in its
    place: `statistics` hold all of `asking`.
    """
    if not data.acts:
        raise BadInput(f"{data.name} has no events: there is nobody to recommend to")
    withheld = _withheld(data, cold)
    if protocol is Protocol.TIME:
        return _by_time(data, at, users, withheld)
    if live and protocol is Protocol.P1:
        cut = _leave_last(data, Protocol.P2, users, withheld)
        return replace(cut, about=f"{cut.about}; {P1_LIVE}")
    return _leave_last(data, protocol, users, withheld)


def _leave_last(data: Dataset, protocol: Protocol, users: int, withheld: frozenset[str]) -> Split:
    kept: dict[str, list[Act]] = {}
    wanted: dict[str, str] = {}
    for user, acts in data.histories().items():
        before = [act for act in acts[:-1] if act.product not in withheld]
        fits = not withheld or acts[-1].product in withheld
        kept[user] = before
        if fits and len(before) >= LEAST - 1 and acts[-1].product not in {act.product for act in before}:
            wanted[user] = acts[-1].product
    asking = _some(list(wanted), users)
    end = -1 if protocol is Protocol.P1 else None
    return Split(
        protocol,
        _in_time([act for acts in kept.values() for act in acts[:end]]),
        _in_time([act for user in asking for act in kept[user]]),
        [Case(user, len({a.product for a in kept[user]}), frozenset({wanted[user]})) for user in asking],
        f"{protocol.value}: the last product of {len(asking):,} of {len(kept):,} people, full ranking",
        withheld,
    )


def _by_time(data: Dataset, at: float, users: int, withheld: frozenset[str]) -> Split:
    if not data.timed:
        raise BadInput(f"{data.name} has sequences without times: use --protocol p1 or p2")
    moment = data.acts[min(int(at * len(data.acts)), len(data.acts) - 1)].at // DAY * DAY
    before = [act for act in data.acts if act.at < moment and act.product not in withheld]
    past: dict[str, set[str]] = {}
    for act in before:
        past.setdefault(act.user, set()).add(act.product)
    first: dict[str, tuple[int, set[str]]] = {}
    for act in data.acts:
        if act.at >= moment and act.user in past:
            day, products = first.setdefault(act.user, (act.at // DAY, set()))
            if act.at // DAY == day:
                products.add(act.product)
    found = [
        Case(user, len(past[user]), frozenset(products - past[user]), frozenset(products & past[user]))
        for user, (_, products) in first.items()
        if not withheld or products & withheld
    ]
    if withheld:
        found = [Case(case.user, case.known, case.wanted & withheld) for case in found if case.wanted & withheld]
    chosen = set(_some([case.user for case in found], users))
    when = _day(moment)
    return Split(
        Protocol.TIME,
        before,
        [act for act in before if act.user in chosen],
        [case for case in found if case.user in chosen],
        f"time: known before {when}, looked for the next day of purchases of {len(chosen):,} people, full ranking",
        withheld,
    )


def _withheld(data: Dataset, share: float) -> frozenset[str]:
    return frozenset(p.product_id for p in data.products if chance(p.product_id) < share) if share else frozenset()


def _some(users: Sequence[str], most: int) -> list[str]:
    """The same ones in every run, whoever else is there."""
    return sorted(users, key=chance)[:most] if most else list(users)


def chance(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int.from_bytes(blake2b(text.encode(), digest_size=6).digest(), "big") / 2**48


def _in_time(acts: list[Act]) -> list[Act]:
    return sorted(acts, key=lambda act: act.at)


def _day(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment / 1000, UTC):%Y-%m-%d}"
