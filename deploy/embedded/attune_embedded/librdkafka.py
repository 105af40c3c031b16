"""The mock cluster inside the librdkafka that the confluent-kafka wheel brings, through ctypes."""

from __future__ import annotations

import ctypes as c
import importlib.util
from pathlib import Path
from typing import Any

from attune_embedded import listener

_PRODUCER = 0  # rd_kafka_type_t; the cluster needs some client instance to live in
_BROKER = 1  # the id of the only broker of the cluster
_ERROR_BYTES = 512

# name: (result, arguments). librdkafka calls this interface experimental, so every name is checked before use.
_INTERFACE: dict[str, tuple[Any, list[Any]]] = {
    "rd_kafka_version_str": (c.c_char_p, []),
    "rd_kafka_err2str": (c.c_char_p, [c.c_int]),
    "rd_kafka_conf_new": (c.c_void_p, []),
    "rd_kafka_conf_set": (c.c_int, [c.c_void_p, c.c_char_p, c.c_char_p, c.c_char_p, c.c_size_t]),
    "rd_kafka_new": (c.c_void_p, [c.c_int, c.c_void_p, c.c_char_p, c.c_size_t]),
    "rd_kafka_destroy": (None, [c.c_void_p]),
    "rd_kafka_mock_cluster_new": (c.c_void_p, [c.c_void_p, c.c_int]),
    "rd_kafka_mock_cluster_destroy": (None, [c.c_void_p]),
    "rd_kafka_mock_cluster_bootstraps": (c.c_char_p, [c.c_void_p]),
    "rd_kafka_mock_topic_create": (c.c_int, [c.c_void_p, c.c_char_p, c.c_int, c.c_int]),
    "rd_kafka_mock_broker_set_host_port": (None, [c.c_void_p, c.c_int32, c.c_char_p, c.c_int]),
    "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [c.c_void_p, c.c_int32]),
}


class BrokerUnavailableError(Exception):
    """The installed confluent-kafka has no mock cluster that we know how to drive."""


def find() -> Path:
    """The shared library inside the wheel; nothing of confluent_kafka is imported.

    Raises:
        BrokerUnavailableError: confluent-kafka is absent, or was built against a librdkafka of the system.
    """
    spec = importlib.util.find_spec("confluent_kafka")
    if spec is None or spec.origin is None:
        raise BrokerUnavailableError("confluent-kafka is not installed; the embedded broker is part of its wheel")
    package = Path(spec.origin).parent
    # Linux wheels keep bundled libraries beside the package, macOS wheels inside it.
    folders = (package.parent / "confluent_kafka.libs", package / ".dylibs")
    found = sorted(file for folder in folders for file in folder.glob("librdkafka*") if file.is_file())
    if not found:
        raise BrokerUnavailableError(f"no librdkafka beside {package}; install confluent-kafka from its wheel")
    return found[0]


def load(path: Path) -> c.CDLL:
    """The library with typed functions.

    Raises:
        BrokerUnavailableError: it cannot be loaded, or names of the mock cluster are missing.
    """
    try:
        library = c.CDLL(str(path))
    except OSError as error:
        raise BrokerUnavailableError(f"{path} cannot be loaded: {error}") from error
    missing = [name for name in _INTERFACE if not hasattr(library, name)]
    if missing:
        raise BrokerUnavailableError(f"{path} lacks {', '.join(missing)}; use the confluent-kafka of requirements/")
    for name, (result, arguments) in _INTERFACE.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class MockCluster:
    """One broker on 127.0.0.1, served by threads of librdkafka until `close`."""

    def __init__(self, library: c.CDLL, *, port: int = 0) -> None:
        """With `port` 0 the broker takes a free one."""
        self._library = library
        error = c.create_string_buffer(_ERROR_BYTES)
        settings = library.rd_kafka_conf_new()
        library.rd_kafka_conf_set(settings, b"log_level", b"3", error, _ERROR_BYTES)
        self._client = library.rd_kafka_new(_PRODUCER, settings, error, _ERROR_BYTES)
        if not self._client:
            raise BrokerUnavailableError(f"librdkafka does not start: {error.value.decode()}")
        self._cluster = library.rd_kafka_mock_cluster_new(self._client, 1)
        if not self._cluster:
            raise BrokerUnavailableError("librdkafka does not start its mock cluster")
        # A group of one member, the usual case here, need not wait for others.
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        self.bootstrap = bytes(library.rd_kafka_mock_cluster_bootstraps(self._cluster)).decode()  # host:port
        if port:
            self._move(port)

    @property
    def version(self) -> str:
        return bytes(self._library.rd_kafka_version_str()).decode()

    def create(self, topic: str, partitions: int) -> None:
        code = self._library.rd_kafka_mock_topic_create(self._cluster, topic.encode(), partitions, 1)
        if code:
            reason = bytes(self._library.rd_kafka_err2str(code)).decode()
            raise BrokerUnavailableError(f"topic {topic} is not created: {reason}")

    def _move(self, port: int) -> None:
        try:
            listener.move(int(self.bootstrap.rpartition(":")[2]), port)
        except (listener.PortTakenError, listener.NoListenerError) as error:
            raise BrokerUnavailableError(str(error)) from error
        self._library.rd_kafka_mock_broker_set_host_port(self._cluster, _BROKER, b"127.0.0.1", port)
        self.bootstrap = f"127.0.0.1:{port}"

    def close(self) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)
