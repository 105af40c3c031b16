"""Give a listening socket that a library opened in this process another port."""

from __future__ import annotations

import os
import socket
from contextlib import closing, suppress

_HIGHEST = 256  # file descriptors; a process that has just started has few
_BACKLOG = 128


class PortTakenError(Exception):
    """Somebody else listens on the port that was asked for."""


class NoListenerError(Exception):
    """No socket of this process listens on the port that the library named."""


def move(before: int, after: int) -> None:
    """From now on who connects to 127.0.0.1:`after` is served instead of who connects to `before`.

    The library keeps its file descriptor; what lies behind it is exchanged. librdkafka's broker takes any free port
    and has no setting for it; a forwarder would cost a copy of each byte.

    Raises:
        PortTakenError: `after` is in use.
        NoListenerError: there is nothing to move.
    """
    number = _descriptor(before)
    with socket.socket() as fresh:
        fresh.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            fresh.bind(("127.0.0.1", after))
            fresh.listen(_BACKLOG)
        except OSError as error:
            raise PortTakenError(f"port {after} of 127.0.0.1 is in use: {error.strerror}") from error
        fresh.setblocking(os.get_blocking(number))
        os.dup2(fresh.fileno(), number, inheritable=False)


def _descriptor(port: int) -> int:
    for number in range(3, _HIGHEST):
        with suppress(OSError), closing(socket.socket(fileno=os.dup(number))) as candidate:
            listens = candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if listens and candidate.getsockname()[1] == port:
                return number
    raise NoListenerError(f"nothing in this process listens on port {port}")
