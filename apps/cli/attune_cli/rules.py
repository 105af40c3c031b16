"""`attune rules`: what the shopkeeper decides about offers."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Annotated

import typer
from google.protobuf import json_format

from attune.events.v1.rule_pb2 import Rule
from attune.recommender.v1.recommender_pb2 import GetPolicyRequest, GetPolicyResponse
from attune.types.v1.types_pb2 import Watermark
from attune_cli import columns, reading
from attune_cli.contract import rule_key, topic_of
from attune_cli.failures import BadInput, NothingFound, Refused
from attune_cli.load import owned
from attune_cli.log import writing
from attune_cli.options import Json, Tenant
from attune_cli.output import complain, print_json, remark, say, table
from attune_cli.reading import Report
from attune_cli.rows import Rows
from attune_cli.services import Services, connected
from chassis.kafka import Position

app = typer.Typer(
    help="See, check, send and take back the rules of the shop: what is never offered, what comes first, what is for "
    "adults only …\n\nExample: attune rules list",
    no_args_is_help=True,
)
File = Annotated[str, typer.Argument(metavar="FILE", help=".jsonl or .yaml, a rule per line or item; - is JSONL.")]
_PATIENCE, _LOOK = 5.0, 0.02  # seconds


@app.command("list")
def list_(tenant: Tenant = "", json: Json = False) -> None:
    """List the rules in force, what is odd about them, and which coefficients rank.

    Example: attune rules list

    Exits with 3 when there are none.
    """
    reply = asyncio.run(_policy(tenant))
    if json:
        print_json(reply)
    else:
        rows: list[list[object]] = [
            [rule.rule_id, rule.WhichOneof("effect"), _inside(rule), rule.reason] for rule in reply.rules
        ]
        if rows:
            table(["rule", "does", "about", "why"], rows)
        remark(f"coefficients: {reply.ranker.version}")
        _remarks(reply)
    if not reply.rules:
        raise NothingFound("" if json else "no rules: `attune rules send FILE` sends some")


@app.command()
def check(file: File, tenant: Tenant = "", json: Json = False) -> None:
    """Look at rules as if they were sent, and send none.

    Example: attune rules check rules.yaml

    Exits with 2 when one cannot be meant; contradictions and names that the catalogue does not know are told.
    """
    rules = _read(file, tenant)
    reply = asyncio.run(_look(rules))
    if json:
        print_json({"rules": len(rules), "remarks": [each.remark for each in reply.remarks]})
    else:
        say(f"{len(rules)} rules can be sent")
        _remarks(reply)


@app.command()
def send(file: File, tenant: Tenant = "", json: Json = False) -> None:
    """Check rules and send them; return when they hold.

    Example: attune rules send rules.yaml
    """
    rules = _read(file, tenant)
    reply = asyncio.run(_send(rules))
    if json:
        print_json({"sent": len(rules), "remarks": [each.remark for each in reply.remarks]})
    else:
        say(f"{len(rules)} rules hold")
        _remarks(reply)


@app.command()
def remove(
    rule_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="As `list` prints them.")], tenant: Tenant = ""
) -> None:
    """Take rules back.

    Example: attune rules remove no-wine-at-breakfast

    Exits with 3 when one of them is not there.
    """
    asyncio.run(_remove(rule_ids, tenant))
    say(f"{len(rule_ids)} taken back")


def _read(file: str, tenant: str) -> list[Rule]:
    """Raises BadInput after all bad lines were told."""
    report, found = Report(), []
    with Rows(file) as rows:
        for line in reading.forms(rows, columns.parse(Rule, [], [], [], "en"), report):
            rule = reading.record(Rule, line, lambda form, _: owned(form, tenant), report)
            found += [] if rule is None else [rule]
    if report.bad:
        raise BadInput(f"{len(report.bad)} bad rules: nothing was sent")
    if not found:
        raise NothingFound(f"{file}: no rule in it")
    twice = {rule.rule_id for rule in found if sum(each.rule_id == rule.rule_id for each in found) > 1}
    if twice:
        raise BadInput(f"{', '.join(sorted(twice))}: twice in {file}: a later one would replace the first")
    return found


async def _policy(tenant: str) -> GetPolicyResponse:
    async with connected() as services:
        with services.recommender() as stub:
            return await stub.GetPolicy(GetPolicyRequest(tenant=tenant))


async def _look(rules: list[Rule]) -> GetPolicyResponse:
    async with connected() as services:
        return await _as_if(services, rules)


async def _as_if(services: Services, rules: list[Rule]) -> GetPolicyResponse:
    """The policies of the shops of these rules, as if they were there."""
    found = GetPolicyResponse()
    for tenant in dict.fromkeys(rule.tenant for rule in rules):
        mine = [rule for rule in rules if rule.tenant == tenant]
        with services.recommender() as stub:
            found.MergeFrom(await stub.GetPolicy(GetPolicyRequest(tenant=tenant, with_rules=mine)))
    return found


async def _send(rules: list[Rule]) -> GetPolicyResponse:
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(connected())
        reply = await _as_if(services, rules)
        producer = await stack.enter_async_context(writing(services.endpoints.require("kafka")))
        positions = await producer.send_many(
            topic_of(Rule), [(rule_key(rule.tenant, rule.rule_id), rule) for rule in rules]
        )
        await _until(services, positions)
        return reply


async def _remove(rule_ids: list[str], tenant: str) -> None:
    async with AsyncExitStack() as stack:
        services = await stack.enter_async_context(connected())
        with services.recommender() as stub:
            there = {rule.rule_id for rule in (await stub.GetPolicy(GetPolicyRequest(tenant=tenant))).rules}
        missing = [rule_id for rule_id in rule_ids if rule_id not in there]
        if missing:
            raise NothingFound(f"{', '.join(missing)}: no such rule: see `attune rules list`")
        producer = await stack.enter_async_context(writing(services.endpoints.require("kafka")))
        positions = await producer.send_many(
            topic_of(Rule), [(rule_key(tenant, rule_id), None) for rule_id in rule_ids]
        )
        await _until(services, positions)
        with services.recommender() as stub:
            there = {rule.rule_id for rule in (await stub.GetPolicy(GetPolicyRequest(tenant=tenant))).rules}
        if still := there.intersection(rule_ids):
            raise Refused(
                f"{', '.join(sorted(still))}: still there, because it was sent under another key: send a record without"
                " a value under that one"
            )


async def _until(services: Services, positions: list[Position]) -> None:
    """Wait until the recommender has applied these. Raises Refused."""
    until = time.monotonic() + _PATIENCE
    wanted = {(at.topic, at.partition): at.offset for at in sorted(positions, key=lambda at: at.offset)}
    while True:
        with services.recommender() as stub:
            applied: list[Watermark] = list((await stub.GetPolicy(GetPolicyRequest())).served.applied)
        here = {(mark.topic, mark.partition): mark.offset for mark in applied}
        if all(here.get(place, -1) >= offset for place, offset in wanted.items()):
            return
        if time.monotonic() > until:
            raise Refused(f"sent, and not applied within {_PATIENCE:.0f} s: look at `attune status`")
        await asyncio.sleep(_LOOK)


def _inside(rule: Rule) -> str:
    """Everything but the id, the shop and the reason, in the contract's form."""
    form = json_format.MessageToDict(rule, preserving_proto_field_name=True)
    for name in ("rule_id", "tenant", "reason"):
        form.pop(name, None)
    effect = rule.WhichOneof("effect")
    if effect is not None and not form[effect]:
        form.pop(effect)
    return ", ".join(f"{name} {_plain(value)}" for name, value in form.items())


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{name}={_plain(inner)}" for name, inner in value.items())
    return "|".join(map(_plain, value)) if isinstance(value, list) else str(value)


def _remarks(reply: GetPolicyResponse) -> None:
    for each in reply.remarks:
        complain(f"{', '.join(each.rule_ids)}: {each.remark}")
