"""Any server that speaks OpenAI's chat completions: vLLM, llama.cpp, Ollama, hosted ones."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lm.generators import finished, openai_wire
from lm.generators.breaker import Breaker
from lm.generators.openai_http import Chat, ServerError
from lm.protocols import Candidate, GenerationFailed, Prompt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

MOST = 16  # candidates of one prompt; more cost money and are never shown


class OpenAiGenerator:
    """Candidates of one model behind one server.

    Slowness has an end: `timeout` holds for a whole `generate`, with its retries. A server that failed three times in
    a row is left alone for ten seconds (`breaker`), so that a dead one costs a reply nothing. Give `timeout` less than
    the caller's deadline: a caller that leaves early tells the breaker nothing, unless half of `timeout` had passed.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str | None = None,
        *,
        timeout: timedelta = timedelta(seconds=10),
        temperature: float = 0.8,
        max_tokens: int = 1024,
        extra: Mapping[str, object] | None = None,
        breaker: Breaker | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`base_url` is what comes before `/chat/completions`; without a path it gets `/v1`. Nothing is opened yet.

        `extra` goes into every request as it stands, such as `{"chat_template_kwargs": {"enable_thinking": False}}`.
        """
        if not model:
            raise ValueError("the model's name is empty; write the name that the server lists under /v1/models")
        self._model = model
        self._timeout = timeout.total_seconds()
        self._temperature = temperature
        self._max_tokens = max_tokens
        self._extra = dict(extra or {})
        self._breaker = breaker or Breaker()
        self._clock = clock
        self._chat = Chat(base_url, api_key, timeout=self._timeout, clock=clock, sleep=sleep)
        self._one_by_one = False  # the server gave fewer texts than asked: it does not know `n`

    @property
    def name(self) -> str:
        return f"openai:{self._model}"

    @property
    def host(self) -> str:
        """Which server, for logs: no path, no key."""
        return urlsplit(self._chat.url).netloc

    async def generate(self, prompt: Prompt, *, n: int, seed: int) -> list[Candidate]:
        """Up to n different finished texts that fit `max_chars`; `log_prob` if the server tells."""
        if not 1 <= n <= MOST:
            raise ValueError(f"n is {n}; ask for 1 to {MOST} texts")
        choices = await self._guarded(prompt, n=n, seed=seed)
        return finished.candidates(map(openai_wire.written, choices), prompt, n=n, engine=self.name)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._chat.aclose()

    async def _guarded(self, prompt: Prompt, *, n: int, seed: int) -> list[openai_wire.Choice]:
        """Asks within the time limit, and tells the breaker how it went. What was found in time is kept."""
        started = self._clock()
        rest = self._breaker.enter(started)
        if rest:
            raise GenerationFailed(f"{self.name}: {self.host} failed lately and is left alone for {rest:.0f} s more")
        found: list[openai_wire.Choice] = []
        try:
            async with asyncio.timeout(self._timeout):
                await self._collect(found, prompt, n=n, seed=seed)
        except (ServerError, TimeoutError) as error:
            if not found:
                self._breaker.failed(self._clock(), wait=getattr(error, "wait", 0.0))
                why = str(error) or f"no answer within {self._timeout:g} s"
                raise GenerationFailed(f"{self.name}: {self.host}: {why}") from error
        except BaseException:  # the caller left, or a fault of ours: never leave the breaker waiting for a report
            if self._clock() - started >= self._timeout / 2:
                self._breaker.failed(self._clock())
            else:
                self._breaker.gave_up()
            raise
        self._breaker.succeeded()
        return found

    async def _collect(self, found: list[openai_wire.Choice], prompt: Prompt, *, n: int, seed: int) -> None:
        """One request for n texts; then, for a server that gives fewer, one request for each that is missing."""
        if not self._one_by_one:
            found += await self._ask(prompt, n=n, seed=seed)
            self._one_by_one = len(found) < n
        missing = range(len(found), n)
        results = await asyncio.gather(
            *(self._keep(found, prompt, seed=seed + index) for index in missing), return_exceptions=True
        )
        errors = [result for result in results if result is not None]
        if errors and not found:
            raise errors[0]

    async def _keep(self, found: list[openai_wire.Choice], prompt: Prompt, *, seed: int) -> None:
        found += await self._ask(prompt, n=1, seed=seed)

    async def _ask(self, prompt: Prompt, *, n: int, seed: int) -> list[openai_wire.Choice]:
        body = openai_wire.request(
            prompt, model=self._model, n=n, seed=seed, temperature=self._temperature, max_tokens=self._max_tokens
        )
        return await self._chat.complete(body | self._extra)
