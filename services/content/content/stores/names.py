"""What stands for a name where something must be known again but not be readable."""

from __future__ import annotations

from hashlib import blake2b

from content.domain.customer import Person


def person_key(person: Person, part: str) -> str:
    """`composition:{t/<tenant>/<digest>}:<part>`: all keys of a person share one slot, and none holds the user id.

    The digest cannot be undone, only tried: who knows a user id can look whether it is there. So what stays of someone
    who was forgotten is a digest and a time.
    """
    return f"composition:{{t/{person.tenant}/{blake2b(person.user.encode(), digest_size=16).hexdigest()}}}:{part}"


def event_digest(event_id: str) -> bytes:
    """Twelve bytes for an event id, which its producer may have made of a user id."""
    return blake2b(event_id.encode(), digest_size=12).digest()
