"""Whose request it is, found by the shape of the message: no service is known here."""

from __future__ import annotations

from functools import cache

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

DEFAULT = "default"
_LONGEST = 64  # characters that the contract allows; a longer one is refused later and must not fill memory before


def tenant_of(request: Message) -> str:
    """The field `tenant` of the request, or of a message in it such as `user`; empty or absent: `default`."""
    for path in _paths(request.DESCRIPTOR):
        value: Message | str = request
        for name in path:
            value = getattr(value, name)
        if value:
            return str(value)[:_LONGEST]
    return DEFAULT


@cache
def _paths(message: Descriptor) -> tuple[tuple[str, ...], ...]:
    own = [("tenant",)] if _is_tenant(message) else []
    nested = [
        (field.name, "tenant")
        for field in message.fields
        if field.message_type is not None and not field.is_repeated and _is_tenant(field.message_type)
    ]
    return (*own, *nested)


def _is_tenant(message: Descriptor) -> bool:
    field = message.fields_by_name.get("tenant")
    return field is not None and field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated
