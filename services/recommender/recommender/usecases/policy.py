"""What shops decide about offers: their rules, and the coefficients learned for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from recommender.domain.policy import Ranker
from recommender.domain.product import Position
from recommender.domain.rules import Rule

RULE, RANKER = "rule", "ranker"


class Named(NamedTuple):
    """One decision of one shop."""

    kind: str  # RULE or RANKER
    tenant: str
    name: str  # the key of a rule's record; a shop has one ranker, which needs none


class StoredPolicy(NamedTuple):
    """A decision as the store keeps it; `record` is None once it was taken back."""

    named: Named
    position: Position
    record: bytes | None


class PolicyStore(Protocol):
    """Keeps decisions, because a log may forget them. A row of the same or a later record stays."""

    async def load(self) -> Sequence[StoredPolicy]: ...

    async def save(self, rows: Sequence[StoredPolicy]) -> None: ...


class PolicyChange(NamedTuple):
    """A record of the topic of rules, or of rankers."""

    position: Position
    name: str  # the record's key
    decision: Rule | Ranker | None  # None: taken back
    tenant: str = ""  # of the decision


class Policies:
    """The decisions of all shops, in process.

    Invariant: each is the one of the latest position that was taken; one that was taken back keeps its position, so
    that an older record that is read again does not bring it back.
    """

    def __init__(self) -> None:
        self._rules: dict[str, dict[str, Rule]] = {}
        self._rankers: dict[str, Ranker] = {}
        self._personal: set[str] = set()  # shops
        self._positions: dict[Named, Position] = {}

    def rules(self, tenant: str) -> list[Rule]:
        """Of one shop, by id."""
        return [rule for _, rule in sorted(self._rules.get(tenant, {}).items())]

    def ranker(self, tenant: str) -> Ranker | None:
        """Learned for one shop; None: the shipped coefficients hold."""
        return self._rankers.get(tenant)

    def personal(self, tenant: str) -> bool:
        """Whether a rule of the shop looks at who somebody is."""
        return tenant in self._personal

    def tenants(self) -> list[str]:
        """The shops that have rules."""
        return [tenant for tenant, rules in self._rules.items() if rules]

    def new(self, changes: Iterable[PolicyChange]) -> list[tuple[Named, PolicyChange]]:
        """Those that were not taken yet, the last one of each decision."""
        found: dict[Named, PolicyChange] = {}
        for change in changes:
            for named in self._named(change, found):
                last = found[named].position if named in found else self._positions.get(named)
                if last is None or change.position.follows(last):
                    found[named] = change
        return list(found.items())

    def take(self, named: Named, position: Position, decision: Rule | Ranker | None) -> None:
        """Hold a decision, or none."""
        self._positions[named] = position
        if named.kind == RULE:
            self._rules.setdefault(named.tenant, {}).pop(named.name, None)
        else:
            self._rankers.pop(named.tenant, None)
        if isinstance(decision, Rule):
            self._rules.setdefault(named.tenant, {})[named.name] = decision
        elif isinstance(decision, Ranker):
            self._rankers[named.tenant] = decision
        self._personal.discard(named.tenant)
        if any(rule.personal for rule in self._rules.get(named.tenant, {}).values()):
            self._personal.add(named.tenant)

    def _named(self, change: PolicyChange, coming: Mapping[Named, PolicyChange]) -> list[Named]:
        """What a record is about. A rule is known by the key of its record: one that names no shop takes back what came
        under the same key, in whichever shops.
        """
        if isinstance(change.decision, Rule):
            return [Named(RULE, change.tenant, change.name)]
        if isinstance(change.decision, Ranker) or change.tenant:
            return [Named(RANKER, change.tenant, "")]
        here = dict.fromkeys([*self._positions, *coming])
        return [named for named in here if named.kind == RULE and named.name == change.name]


class LearnPolicy:
    """Decisions come, change and go. Every replica reads all of them; a repeat changes nothing."""

    def __init__(
        self, policies: Policies, store: PolicyStore, renew: Callable[[Collection[str]], Awaitable[None]]
    ) -> None:
        """`renew` takes over the rules of some shops where requests meet them."""
        self._policies, self._store, self._renew = policies, store, renew

    async def __call__(self, changes: Sequence[PolicyChange]) -> None:
        """Take the changes that were not taken yet; when this returns they hold."""
        new = self._policies.new(changes)
        await self._store.save([StoredPolicy(named, c.position, _record(c.decision)) for named, c in new])
        for named, change in new:
            self._policies.take(named, change.position, change.decision)
        await self._renew({named.tenant for named, _ in new if named.kind == RULE})


async def restore(policies: Policies, store: PolicyStore, parse: Callable[[Named, bytes], Rule | Ranker]) -> None:
    """What the store holds, before the log is read."""
    for named, position, record in await store.load():
        policies.take(named, position, None if record is None else parse(named, record))


def _record(decision: Rule | Ranker | None) -> bytes | None:
    return None if decision is None else decision.record
