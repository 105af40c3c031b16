"""`attune train`: coefficients of f(u,p) from what people of this shop chose, behind a gate."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import typer

from attune_cli.failures import BadInput, Failure, NothingFound
from attune_cli.options import Json, Tenant
from attune_cli.output import print_json, progress, say, table
from attune_cli.services import Services, connected
from attune_embedded.endpoints import NoPlatformError, find
from attune_evaluate.inprocess.house import House
from attune_evaluate.learning.choices import Choices, observed
from attune_evaluate.learning.fitting import Values, learned
from attune_evaluate.learning.gate import TooFew, Verdict, enough, judged
from attune_evaluate.learning.past import past
from attune_evaluate.learning.versions import SHIPPED, Versions, record_of
from recommender.domain.score import Weights, coefficients

app = typer.Typer(
    help="Learn how much each term of f(u,p) counts in this shop, from what its own people chose; list the versions "
    "there are, and bring an earlier one back.",
    no_args_is_help=True,
)
_DEFAULT = "default"
Events = Annotated[
    list[Path] | None,
    typer.Option("--events", metavar="FILE", exists=True, dir_okay=False, help="Learn from these events, .jsonl as for "
                 "`attune replay`, in place of those of the log. May be repeated."),
]  # fmt: skip
Catalog = Annotated[
    Path | None,
    typer.Option("--catalog", metavar="FILE", exists=True, dir_okay=False, help="Products, .jsonl as for `attune load "
                 "catalog`, in place of those of the recommender."),
]  # fmt: skip
Propose = Annotated[
    Path | None,
    typer.Option("--propose", metavar="FILE", exists=True, dir_okay=False, help='Judge these coefficients, {"term": '
                 "number}, in place of learned ones."),
]  # fmt: skip


class NoGain(Failure):
    """The gate refused: what was learned is not surely better."""

    code = 4


@app.command()
def ranker(
    tenant: Tenant = "",
    events: Events = None,
    catalog: Catalog = None,
    propose: Propose = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Learn and judge, and publish nothing.")] = False,
    rollback: Annotated[str, typer.Option("--rollback", metavar="VERSION", help="Bring this version back.")] = "",
    shipped: Annotated[bool, typer.Option("--shipped", help="Bring the coefficients of the release back.")] = False,
    encoder: Annotated[str, typer.Option("--encoder", envvar="ATTUNE_ENCODER", help="As the platform's.")] = "static",
    json: Json = False,
) -> None:
    """Learn the coefficients of this shop from its own events, and publish them if later events say they are better.

    Example: attune train ranker --dry-run

    The past is replayed; wherever somebody chose a product new to them, the products they could have been offered are
    ranked with what was known then. Two thirds of the choices teach, the last third judges: only when NDCG@10 of the
    people is better in 97.5 % of resamples are the new coefficients published; every replica ranks with them at once.

    Exits with 4 when the gate refuses, with 3 when too little has happened yet.
    """
    if rollback or shipped:
        asyncio.run(_back(tenant or _DEFAULT, SHIPPED if shipped else rollback))
        return say(f"{SHIPPED if shipped else rollback} ranks now")
    result = asyncio.run(_train(tenant or _DEFAULT, events or [], catalog, propose, encoder, dry_run=dry_run))
    if json:
        print_json(result)
    else:
        _show(result)
    if not result["passes"]:
        raise NoGain("" if json else f"refused: not surely better, so {result['before']} goes on ranking")
    return None


@app.command("list")
def list_(tenant: Tenant = "", json: Json = False) -> None:
    """List the versions of this shop's coefficients.

    Example: attune train list

    Exits with 3 when none were learned yet.
    """
    found, now = asyncio.run(_list(tenant or _DEFAULT))
    if json:
        print_json({"in_force": now, "versions": found})
    else:
        rows: list[list[object]] = [
            ["*" if each["version"] == now else "", each["version"], each["ndcg_before"], each["ndcg_after"],
             each["examples"], each["previous"] or SHIPPED] for each in found
        ]  # fmt: skip
        if rows:
            table(["", "version", "NDCG@10 before", "after", "choices", "instead of"], rows)
        say(f"in force: {now}")
    if not found:
        raise NothingFound("" if json else "none were learned yet: `attune train ranker`")


async def _train(
    tenant: str, events: Sequence[Path], catalog: Path | None, propose: Path | None, encoder: str, *, dry_run: bool
) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        services = await _services(stack, needed=not (dry_run and events and catalog))
        versions = Versions(services, tenant) if services else None
        before = await versions.in_force() if versions else None
        data = await past(services, tenant, events, catalog)
        found = await _observed(encoder, data)
        start = _start(found.terms, before.weights if before else {})
        end = _proposed(propose, found.terms, start) if propose else learned(enough(found).earlier, start)
        verdict = judged(found.later, start, end)
        name = before.version if before else SHIPPED
        record = record_of(tenant, dict(zip(found.terms, end.tolist(), strict=True)), verdict, name, _now())
        published = verdict.passes and not dry_run
        if published and versions:
            await versions.publish(record)
        return {
            "tenant": tenant,
            "events": len(data.acts),
            "learned_from": len(found.earlier),
            "before": name,
            "version": record.version,
            "coefficients": {
                term: {"before": round(a, 4), "after": round(b, 4)}
                for term, a, b in zip(found.terms, start.tolist(), end.tolist(), strict=True)
            },
            **_told(verdict),
            "published": published,
        }


async def _services(stack: AsyncExitStack, *, needed: bool) -> Services | None:
    """A platform; none where everything comes from files and nothing is published."""
    try:
        endpoints = find(os.environ)
    except NoPlatformError:
        if needed:
            raise
        return None
    return await stack.enter_async_context(connected(endpoints))


async def _observed(encoder: str, data: Any) -> Choices:
    with tempfile.TemporaryDirectory() as folder, progress("replaying", None) as bar:
        house = House(Path(folder), encoder, apart=False)
        try:
            await house.stock(data.products)
            found = await observed(house, data, lambda what, done, _: bar.at(done, what))
            return enough(found)
        except TooFew as few:
            raise NothingFound(str(few)) from None
        finally:
            await house.close()


def _start(terms: Sequence[str], in_force: Mapping[str, float]) -> Values:
    own = coefficients(Weights())
    return np.array([in_force.get(term, own[term]) for term in terms])


def _proposed(file: Path, terms: Sequence[str], start: Values) -> Values:
    """The coefficients of a file; those it does not name stay."""
    try:
        given = msgspec.json.decode(file.read_bytes(), type=dict[str, float])
    except msgspec.DecodeError as error:
        raise BadInput(f'{file}: write {{"term": number}} ({error})') from None
    if unknown := set(given) - set(terms):
        raise BadInput(f"{file}: {', '.join(sorted(unknown))}: no such term; there are {', '.join(terms)}")
    if min(given.values(), default=0) < 0:
        raise BadInput(f"{file}: a coefficient is at least 0")
    return np.array([given.get(term, old) for term, old in zip(terms, start.tolist(), strict=True)])


async def _back(tenant: str, version: str) -> None:
    async with connected() as services:
        versions = Versions(services, tenant)
        if version == SHIPPED:
            return await versions.publish(None)
        known = await versions.known()
        if version not in known:
            there = ", ".join(known) or "none"
            raise NothingFound(f"{version}: no such version of {tenant}; known are: {there}")
        return await versions.publish(known[version])


async def _list(tenant: str) -> tuple[list[dict[str, Any]], str]:
    async with connected() as services:
        versions = Versions(services, tenant)
        known, now = await versions.known(), await versions.in_force()
        return [
            {
                "version": each.version,
                "ndcg_before": each.ndcg_before,
                "ndcg_after": each.ndcg_after,
                "examples": each.examples,
                "previous": each.previous,
                "weights": dict(each.weights),
            }
            for each in known.values()
        ], now.version


def _told(verdict: Verdict) -> dict[str, Any]:
    return {
        "choices": verdict.choices,
        "people": verdict.people,
        "ndcg_before": round(verdict.before, 5),
        "ndcg_after": round(verdict.after, 5),
        "sure": verdict.sure,
        "passes": verdict.passes,
    }


def _show(result: Mapping[str, Any]) -> None:
    rows: list[list[object]] = [[term, both["before"], both["after"]] for term, both in result["coefficients"].items()]
    table(["term", "before", "after"], rows, title=f"coefficients of {result['tenant']}")
    say(
        f"judged by {result['choices']:,} later choices of {result['people']:,} people: NDCG@10 "
        f"{result['ndcg_before']:.4f} before ({result['before']}), {result['ndcg_after']:.4f} after; "
        f"better in {result['sure']:.1%} of resamples"
    )
    if result["published"]:
        say(f"{result['version']} ranks now; back with: attune train ranker {_way_back(result['before'])}")


def _way_back(version: str) -> str:
    return "--shipped" if version == SHIPPED else f"--rollback {version}"


def _now() -> datetime:
    return datetime.now(UTC)
