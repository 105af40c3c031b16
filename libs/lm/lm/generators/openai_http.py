"""One request to a chat server: bounded in time, size and attempts; nothing of prompt or key in what it says."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from lm.generators import openai_wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ATTEMPTS = 3
FIRST_PAUSE = 0.25  # seconds, doubled by each attempt
LONGEST_WAIT = 300.0  # seconds; no server keeps us away for longer by one header
LARGEST_REPLY = 4 << 20  # bytes: 16 texts of 1,024 tokens with their log-probabilities are about 2 MB
LARGEST_ERROR = 16 << 10
CONNECT_WITHIN = 2.0  # seconds; a host that drops packets is found out before the whole timeout is gone
AGAIN = {408, 429, 500, 502, 503, 504, 529}
OK = 200
UNPROCESSABLE = {400, 422}


class ServerError(Exception):
    """The server gave no reply that can be used; `wait` is how many seconds it asked to be left alone."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


class _LaterError(Exception):
    """It may work when asked again."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


class _WithoutError(Exception):
    """The server does not take this optional field."""


class Chat:
    """The endpoint. `complete` asks up to three times; a field that the server refuses is left out from then on."""

    def __init__(
        self,
        base_url: str,
        api_key: str | None,
        *,
        timeout: float,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        self.url = _endpoint(base_url)
        self._timeout = timeout
        self._clock = clock
        self._sleep = sleep
        self._refused: set[str] = set()
        self._client = httpx.AsyncClient(
            headers={
                "accept-encoding": "identity",
                **_authorization(api_key),
            },  # identity: the size limit counts real bytes
            timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_WITHIN)),
            limits=httpx.Limits(max_connections=8),
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def complete(self, body: dict[str, object]) -> list[openai_wire.Choice]:
        """Raises ServerError."""
        deadline = self._clock() + self._timeout
        attempt = 0
        while True:
            try:
                return await self._post({key: value for key, value in body.items() if key not in self._refused})
            except _WithoutError as field:
                self._refused.add(
                    str(field)
                )  # at most once for each of OPTIONAL: `_post` raises it for sent fields only
            except _LaterError as later:
                attempt += 1
                pause = FIRST_PAUSE * 2 ** (attempt - 1) if later.wait is None else later.wait
                if attempt == ATTEMPTS or self._clock() + pause >= deadline:
                    raise ServerError(f"{later} ({attempt} attempts)", later.wait or 0.0) from later
                await self._sleep(pause)

    async def _post(self, body: dict[str, object]) -> list[openai_wire.Choice]:
        try:
            async with self._client.stream("POST", self.url, json=body) as response:
                if response.status_code != OK:
                    await _refuse(response, body)
                content = await _read(response, LARGEST_REPLY)
        except httpx.TransportError as error:
            raise _LaterError(_what(error)) from error
        try:
            return openai_wire.reply(content)
        except ValueError as error:
            raise ServerError(f"the reply is not a chat completion: {error}") from error


async def _refuse(response: httpx.Response, body: dict[str, object]) -> None:
    """Raises what a status other than 200 means."""
    status = response.status_code
    if status in AGAIN:
        raise _LaterError(f"status {status}", _retry_after(response.headers))
    try:
        explanation = await _read(response, LARGEST_ERROR)
    except ServerError:
        explanation = b""  # too long an explanation is none
    code, unwanted = openai_wire.refusal(explanation)
    if status in UNPROCESSABLE and unwanted in body:
        raise _WithoutError(unwanted)
    raise ServerError(f"status {status} ({code})" if code else f"status {status}")


async def _read(response: httpx.Response, most: int) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > most:
            raise ServerError(f"the reply is longer than {most} bytes")
    return bytes(content)


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds to wait: a number, or a date read against the server's own `Date` header, so that no clock is needed."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value), LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return min(max(wait.total_seconds(), 0.0), LONGEST_WAIT)


def _what(error: httpx.TransportError) -> str:
    """The kind of failure in words."""
    if isinstance(error, httpx.ConnectTimeout):
        return "no connection in time"
    if isinstance(error, httpx.ConnectError):
        return "cannot connect"
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return f"the connection broke ({type(error).__name__})"


def _endpoint(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(
            f"{base_url!r} is not the address of a server; write it as http://host:port or https://host/v1"
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(f"the address of {parts.hostname} holds more than host and path; a key is given apart from it")
    path = parts.path.rstrip("/") or "/v1"
    return f"{parts.scheme}://{parts.netloc}{path}/chat/completions"


def _authorization(api_key: str | None) -> dict[str, str]:
    key = (api_key or "").strip()
    if not key:
        return {}
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ValueError("the key holds spaces or characters that no header may carry; it is not shown here")
    return {"authorization": f"Bearer {key}"}
