"""Everything killed at once and started again answers the same."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

import grpc

from attune.qa.v1 import qa_pb2, qa_pb2_grpc
from attune.types.v1.types_pb2 import UserRef

if TYPE_CHECKING:
    from conftest import Attune


def children(pid: int) -> list[int]:
    """All processes below one, deepest last."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:  # noqa: PTH123 - not a file on disk
        direct = [int(child) for child in file.read().split()]
    return [*direct, *(below for child in direct for below in children(child))]


def picture(attune: Attune, dialogue: str) -> dict[str, Any]:
    """What the platform knows of one person, without what names a reply."""
    need = attune.json("need", "ana")
    offers = attune.json("recommend", "ana")["recommendations"]
    with grpc.insecure_channel(attune.record()["qa"]) as channel:
        request = qa_pb2.GetDialogueRequest(user=UserRef(user_id="ana"), dialogue_id=dialogue)
        turns = qa_pb2_grpc.QaServiceStub(channel).GetDialogue(request, timeout=10).turns
        said = [(turn.question, turn.understood, turn.answer.text) for turn in turns]
    return {
        "spectrum": [(each["product_id"], each["kind"]) for each in need["need"]["spectrum"] if "kind" in each],
        "vector": need["need"]["vector"],
        "behaviors": need["need"]["behaviors"],
        "categories": need["profile"]["categories"],
        "offers": [(each["product"]["product_id"], round(each["score"]["value"], 4)) for each in offers],
        "dialogue": said,
    }


def counted(attune: Attune, behaviors: int) -> dict[str, Any]:
    """The need, once it counts so many behaviours, and no more."""
    until = time.monotonic() + 60
    while int((need := attune.json("need", "ana")["need"])["behaviors"]) < behaviors:
        assert time.monotonic() < until, need["behaviors"]
    assert int(need["behaviors"]) == behaviors
    found: dict[str, Any] = need
    return found


def test_after_a_sigkill_of_everything_the_same_data_gives_the_same_answers(empty: Attune) -> None:
    with empty.up() as process:
        products = [each["product"]["product_id"] for each in empty.json("search", "tea")["recommendations"]]
        for kind, product in zip(("view", "add_to_cart", "purchase"), products, strict=False):
            empty("send", kind, "--user", "ana", "--product", product, "--wait")
        dialogue = empty.json("ask", "How do I return an item?", "--user", "ana")["answer"]["dialogue_id"]
        counted(empty, 4)  # three clicks and the question, which reaches the need over the log
        before = picture(empty, dialogue)
        for pid in [process.pid, *children(process.pid)]:
            os.kill(pid, signal.SIGKILL)
    (empty.home / "up.log").unlink()
    with empty.up():
        after = picture(empty, dialogue)
        assert after == before
        assert len(after["dialogue"]) == 1
        follow_up = empty.json("ask", "And how long do I have?", "--user", "ana", "--dialogue", dialogue)["answer"]
        assert follow_up["turn"] == 2
        assert "return" in follow_up["understood"].lower()
        # The log began anew: new events must not be taken for old ones.
        empty("send", "view", "--user", "ana", "--product", products[3], "--wait")
        need = counted(empty, int(before["behaviors"]) + 2)
        assert products[3] in [each.get("product_id") for each in need["spectrum"][:2]]  # the other is the follow-up
