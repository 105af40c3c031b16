"""A service as small as they get: it answers each erasure with which process and which life of the log read it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from chassis.kafka import Consumer, Producer, Progress, Rejected, Route, Slice
from chassis.process import load, run
from chassis.rpc import GrpcServer
from chassis.settings import ProcessSettings


async def main() -> None:
    settings = load(ProcessSettings)
    producer = Producer(settings.kafka)

    async def answer(part: Slice[bytes]) -> Sequence[tuple[int, Rejected]]:
        for item in part.items:
            said = f"{os.getpid()} {part.source.log}".encode()
            await producer.send_raw("attune.answers.v1", item.key, said, {})
        return ()

    route = Route("attune.erasures.v1", lambda record: record.value or b"", answer)
    await run(
        name="echo",
        settings=settings,
        server=GrpcServer(settings, errors={}),
        consumers=[Consumer([route], group="echo", name="echo")],
        producer=producer,
        progress=Progress(),
    )


if __name__ == "__main__":
    asyncio.run(main())
