"""The client of chat servers, against a real server on loopback that answers well, badly, late or not at all."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from datetime import timedelta

import pytest
from chat_server import (
    PROMPT,
    SECRET,
    Answer,
    Clock,
    asking,
    choice,
    refuses,
    says,
    says_one_of_its_own,
)

from lm.generators import OpenAiGenerator
from lm.generators.breaker import Breaker
from lm.protocols import GenerationFailed


async def test_a_text_comes_back_with_the_sum_of_its_token_log_probabilities() -> None:
    with asking(says(choice(" A fine jug. ", logprobs=[-0.5, -0.25, -1.0]))) as (generator, _, _):
        (candidate,) = await generator.generate(PROMPT, n=1, seed=1)
        assert (candidate.text, candidate.log_prob, candidate.tokens) == ("A fine jug.", -1.75, 3)
        await generator.aclose()


async def test_the_request_carries_the_task_the_facts_and_the_limits() -> None:
    with asking(says(choice("A fine jug.")), api_key=SECRET, extra={"top_p": 0.9}) as (generator, server, _):
        await generator.generate(PROMPT, n=1, seed=7)
        await generator.aclose()
    (request,) = server.requests
    system, user = (message["content"] for message in request["messages"])
    assert "Recommend the product." in system
    assert "English" in system
    assert "60 characters" in system
    assert json.loads(user.removeprefix("Facts:\n")) == dict(PROMPT.facts)
    assert {key: request[key] for key in ("model", "n", "seed", "logprobs", "top_p")} == {
        "model": "tiny",
        "n": 1,
        "seed": 7,
        "logprobs": True,
        "top_p": 0.9,
    }
    assert 36 < request["max_tokens"] < 100
    assert server.paths == ["/v1/chat/completions"]
    assert server.keys == [f"Bearer {SECRET}"]


async def test_the_likeliest_text_per_token_comes_first_and_equal_texts_once() -> None:
    choices = [choice("b", logprobs=[-3.0]), choice("a", logprobs=[-1.0, -1.0]), choice("b", logprobs=[-3.0])]
    with asking(says(*choices)) as (generator, _, _):
        assert [c.text for c in await generator.generate(PROMPT, n=3, seed=1)] == ["a", "b"]
        await generator.aclose()


async def test_a_server_that_ignores_n_is_asked_once_for_each_text() -> None:
    with asking(Answer(body=says_one_of_its_own)) as (generator, server, _):
        assert len(await generator.generate(PROMPT, n=4, seed=10)) == 4
        assert len(server.requests) == 4
        await generator.generate(PROMPT, n=2, seed=10)
        assert [request["n"] for request in server.requests[-2:]] == [1, 1]
        await generator.aclose()


@pytest.mark.parametrize(
    ("refusal", "field"),
    [
        (refuses("This model does not support 'logprobs'."), "logprobs"),
        (refuses("at most 1 choice", param="n"), "n"),
        (Answer(422, b'{"detail": "extra field `seed`"}'), "seed"),
    ],
)
async def test_a_field_that_the_server_refuses_is_left_out_from_then_on(refusal: Answer, field: str) -> None:
    with asking(refusal, Answer(body=says_one_of_its_own) if field != "seed" else says(choice("x"))) as (
        generator,
        server,
        _,
    ):
        await generator.generate(PROMPT, n=1, seed=1)
        await generator.generate(PROMPT, n=1, seed=1)
        await generator.aclose()
    assert [field in request for request in server.requests] == [True, False, False]


async def test_a_text_that_was_cut_or_is_too_long_is_no_candidate() -> None:
    choices = [choice("A jug and", finish="length"), choice("long " * 20), choice(None), choice("A jug.")]
    with asking(says(*choices)) as (generator, _, _):
        assert [c.text for c in await generator.generate(PROMPT, n=4, seed=1)] == ["A jug."]
        await generator.aclose()


async def test_when_no_text_can_be_used_the_reason_is_counted() -> None:
    with (
        asking(says(choice("A jug and", finish="length"), choice("long " * 20))) as (generator, _, _),
        pytest.raises(GenerationFailed, match="1 unfinished or empty, 1 of more than 60 characters"),
    ):
        await generator.generate(PROMPT, n=2, seed=1)


async def test_thinking_aloud_is_not_part_of_the_text_nor_of_its_likelihood() -> None:
    with asking(says(choice("<think>\nhm\n</think>\n\nA jug.", logprobs=[-1.0]))) as (generator, _, _):
        (candidate,) = await generator.generate(PROMPT, n=1, seed=1)
        assert (candidate.text, candidate.log_prob) == ("A jug.", None)
        await generator.aclose()


async def test_likelihoods_that_are_partly_missing_are_not_told() -> None:
    with asking(says(choice("A jug.", logprobs=[-1.0, None]))) as (generator, _, _):
        (candidate,) = await generator.generate(PROMPT, n=1, seed=1)
        assert (candidate.log_prob, candidate.tokens) == (None, None)
        await generator.aclose()


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_busy_server_is_asked_again_with_growing_pauses(status: int) -> None:
    with asking(Answer(status), Answer(status), says(choice("A jug."))) as (generator, server, clock):
        assert (await generator.generate(PROMPT, n=1, seed=1))[0].text == "A jug."
        assert (len(server.requests), clock.slept) == (3, [0.25, 0.5])
        await generator.aclose()


async def test_the_pause_is_the_one_that_the_server_asks_for() -> None:
    dated = {"date": "Mon, 01 Jan 2024 10:00:00 GMT", "retry-after": "Mon, 01 Jan 2024 10:00:02 GMT"}
    answers = Answer(429, headers={"retry-after": "3"}), Answer(503, headers=dated), says(choice("A jug."))
    with asking(*answers) as (generator, _, clock):
        await generator.generate(PROMPT, n=1, seed=1)
        assert clock.slept == [3.0, 2.0]
        await generator.aclose()


async def test_a_server_that_wants_longer_peace_than_we_have_is_left_alone_for_as_long() -> None:
    with asking(Answer(429, headers={"retry-after": "60"}), says(choice("A jug."))) as (generator, server, clock):
        with pytest.raises(GenerationFailed, match="status 429"):
            await generator.generate(PROMPT, n=1, seed=1)
        with pytest.raises(GenerationFailed, match="left alone for 60 s"):
            await generator.generate(PROMPT, n=1, seed=1)
        assert (len(server.requests), clock.slept) == (1, [])
        clock.now += 60
        assert await generator.generate(PROMPT, n=1, seed=1)
        await generator.aclose()


async def test_after_three_failures_in_a_row_a_dead_server_is_not_asked_until_the_pause_is_over() -> None:
    with asking(Answer(500)) as (generator, server, clock):
        for _ in range(3):
            with pytest.raises(GenerationFailed, match=r"127\.0\.0\.1:\d+: status 500 \(3 attempts\)"):
                await generator.generate(PROMPT, n=1, seed=1)
        asked = len(server.requests)
        with pytest.raises(GenerationFailed, match="left alone for 10 s more"):
            await generator.generate(PROMPT, n=1, seed=1)
        assert len(server.requests) == asked == 9
        server.answers = [says(choice("A jug."))]
        clock.now += 10
        assert (await generator.generate(PROMPT, n=1, seed=1))[0].text == "A jug."
        await generator.aclose()


async def test_a_refused_connection_is_told_as_such() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # taken, and nobody listens
        clock = Clock()
        generator = OpenAiGenerator(f"http://127.0.0.1:{held.getsockname()[1]}", "tiny", clock=clock, sleep=clock.sleep)
        with pytest.raises(GenerationFailed, match=r"openai:tiny: 127\.0\.0\.1:\d+: cannot connect \(3 attempts\)"):
            await generator.generate(PROMPT, n=1, seed=1)


async def test_a_server_that_does_not_answer_costs_no_more_than_the_timeout() -> None:
    release = threading.Event()
    slow = Answer(waits_for=release)
    with asking(slow, timeout=timedelta(milliseconds=150)) as (generator, _, _):
        started = asyncio.get_running_loop().time()
        with pytest.raises(GenerationFailed, match="no answer"):
            await generator.generate(PROMPT, n=1, seed=1)
        assert asyncio.get_running_loop().time() - started < 2
        release.set()
        await generator.aclose()


async def test_texts_that_came_in_time_are_kept_when_others_do_not_come() -> None:
    release = threading.Event()
    answers = says(choice("A jug.")), Answer(waits_for=release)
    with asking(*answers, timeout=timedelta(milliseconds=300)) as (generator, _, _):
        assert [c.text for c in await generator.generate(PROMPT, n=3, seed=1)] == ["A jug."]
        release.set()
        await generator.aclose()


async def test_a_caller_that_leaves_early_says_nothing_about_the_server_and_a_late_one_does() -> None:
    release = threading.Event()
    breaker = Breaker(limit=1)
    with asking(Answer(waits_for=release), breaker=breaker) as (generator, server, clock):
        for elapsed, failures in ((0.0, 0), (6.0, 1)):
            server.asked.clear()
            task = asyncio.create_task(generator.generate(PROMPT, n=1, seed=1))
            await asyncio.to_thread(server.asked.wait, 10)
            clock.now += elapsed
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert breaker.failures == failures
        release.set()
        await generator.aclose()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"<html>gateway</html>", "malformed"),
        (b"\xff\xfe", "malformed|UTF-8"),
        (b'{"choices": []}', "no choices"),
        (b'{"choices": [{"message": {"content": 5}}]}', "content"),
        (b"[]", "Expected"),
    ],
)
async def test_a_reply_that_is_no_completion_fails_and_says_where(body: bytes, why: str) -> None:
    with (
        asking(Answer(body=body)) as (generator, _, _),
        pytest.raises(GenerationFailed, match=f"not a chat completion: .*({why})"),
    ):
        await generator.generate(PROMPT, n=1, seed=1)


async def test_a_huge_reply_is_not_read_to_its_end() -> None:
    with (
        asking(Answer(body=b'{"choices": "' + b"x" * (6 << 20) + b'"}')) as (generator, _, _),
        pytest.raises(GenerationFailed, match="longer than 4194304 bytes"),
    ):
        await generator.generate(PROMPT, n=1, seed=1)


async def test_a_wrong_key_or_model_is_told_by_status_and_code_and_not_retried() -> None:
    with asking(refuses("The model `tiny` does not exist", 404, code="model_not_found")) as (generator, server, _):
        with pytest.raises(GenerationFailed, match=r"status 404 \(model_not_found\)"):
            await generator.generate(PROMPT, n=1, seed=1)
        assert len(server.requests) == 1
        await generator.aclose()


async def test_neither_key_nor_prompt_nor_the_servers_words_are_told(caplog: pytest.LogCaptureFixture) -> None:
    echo = refuses(f"bad: Ode jug {SECRET}", 401, code=f"bad {SECRET}")
    with caplog.at_level(logging.DEBUG), asking(echo, api_key=SECRET) as (generator, _, _):
        with pytest.raises(GenerationFailed) as failure:
            await generator.generate(PROMPT, n=1, seed=1)
        said = f"{failure.value} {generator!r} {vars(generator)} {caplog.text}"
        await generator.aclose()
    assert "status 401" in str(failure.value)
    assert SECRET not in said
    assert "Ode jug" not in str(failure.value)


def test_a_key_that_no_header_can_carry_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError, match="not shown here") as failure:
        OpenAiGenerator("http://localhost", "tiny", f"{SECRET}\nx")
    assert SECRET not in str(failure.value)


@pytest.mark.parametrize(
    ("base_url", "endpoint"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1/chat/completions"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1/chat/completions"),
        ("https://host/api/v3", "https://host/api/v3/chat/completions"),
    ],
)
def test_the_endpoint_is_found_from_the_base_address(base_url: str, endpoint: str) -> None:
    assert OpenAiGenerator(base_url, "tiny")._chat.url == endpoint


@pytest.mark.parametrize("base_url", ["localhost:8000", "ftp://host", "http://", "https://me:pw@host", "http://h?k=1"])
def test_an_address_that_is_none_is_refused(base_url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        OpenAiGenerator(base_url, "tiny")


async def test_more_texts_than_sixteen_are_refused() -> None:
    with pytest.raises(ValueError, match="n is 17"):
        await OpenAiGenerator("http://localhost", "tiny").generate(PROMPT, n=17, seed=1)


def test_while_a_failed_server_is_tried_again_nobody_else_asks_it() -> None:
    breaker = Breaker(limit=1, pause=timedelta(seconds=5))
    breaker.failed(0.0)
    assert breaker.enter(1.0) == 4.0
    assert breaker.enter(5.0) == 0.0
    assert breaker.enter(5.0) > 0
    breaker.gave_up()
    assert breaker.enter(5.0) == 0.0
    breaker.succeeded()
    assert (breaker.enter(5.0), breaker.enter(5.0)) == (0.0, 0.0)
