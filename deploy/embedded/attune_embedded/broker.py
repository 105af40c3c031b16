"""`python -m attune_embedded.broker`: Kafka's wire protocol on 127.0.0.1, in a process of its own.

It is the mock cluster of librdkafka, which speaks the real protocol, so that clients run unmodified: produce, fetch,
keyed partitions, idempotent producers, groups, committed offsets. It is not a log to rely on: nothing is on disk, a
partition keeps its newest 5 MiB (or 100,000 batches) and forgets older records without telling, nothing is compacted,
and the records of aborted transactions can be read. Members of one group must use one assignor: librdkafka aborts the
process otherwise. A group of several aiokafka members needs `shim`.

Once it listens it prints one line of JSON: bootstrap, identity, pid, topics, librdkafka.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from attune_embedded import files, librdkafka, parent, topics


def main() -> None:
    arguments = _arguments()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if arguments.parent is not None:
        parent.bind(arguments.parent)
    try:
        cluster = librdkafka.MockCluster(librdkafka.load(librdkafka.find()), port=arguments.port)
        announcement = _populate(cluster, arguments.partitions)
    except librdkafka.BrokerUnavailableError as error:
        raise SystemExit(f"embedded broker: {error}") from error
    if arguments.announce is not None:
        files.write(arguments.announce, announcement)
    sys.stdout.write(json.dumps(announcement) + "\n")
    sys.stdout.flush()
    stop.wait()
    cluster.close()


def _populate(cluster: librdkafka.MockCluster, partitions: int) -> dict[str, object]:
    identity = topics.new_identity()
    names = [name for topic in topics.declared() for name in (topic.name, topics.dead(topic.name))]
    for name in names:
        cluster.create(name, partitions)
    cluster.create(topics.identity_topic(identity), 1)  # last: who sees it sees all topics
    return {
        "bootstrap": cluster.bootstrap,
        "identity": identity,
        "pid": os.getpid(),
        "topics": names,
        "librdkafka": cluster.version,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m attune_embedded.broker", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--partitions", type=int, default=4, help="of each topic (default: 4)")
    parser.add_argument("--port", type=int, default=0, help="of 127.0.0.1 (default: a free one)")
    parser.add_argument("--announce", type=Path, metavar="FILE", help="write the line of JSON to this file too")
    parser.add_argument("--parent", type=int, metavar="PID", help="end when this parent process ends")
    arguments = parser.parse_args()
    if arguments.partitions < 1:
        parser.error(f"--partitions must be at least 1, not {arguments.partitions}")
    return arguments


if __name__ == "__main__":
    main()
