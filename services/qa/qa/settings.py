"""Every knob of this service, with its reason."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from chassis.settings import ProcessSettings
from qa.domain.confidence import Thresholds
from qa.domain.library import MOST

_T = Thresholds()  # what they default to, and why, stands there


class Settings(ProcessSettings):
    """Read once from the environment; `ATTUNE_QA_…` are this service's own."""

    redis_url: str  # ATTUNE_REDIS_URL
    qdrant_url: str  # ATTUNE_QDRANT_URL: edge:///folder (percent-encoded), or http(s)://host:port
    needs_address: str = ""  # ATTUNE_NEEDS_ADDRESS, host:port; empty: questions are answered for nobody in particular
    recommender_address: str = ""  # ATTUNE_RECOMMENDER_ADDRESS; empty: no products are proposed
    encoder: str = "static"  # ATTUNE_ENCODER
    generator: str = "template"  # ATTUNE_GENERATOR
    generator_key: str | None = None  # ATTUNE_GENERATOR_KEY
    # Less than the 5 seconds that callers wait by default: a server that is slow must be known as such.
    generator_timeout: timedelta = Field(timedelta(seconds=3), validation_alias="ATTUNE_QA_GENERATOR_TIMEOUT")

    direct: float = Field(_T.direct, validation_alias="ATTUNE_QA_DIRECT", ge=0, le=1)
    generated: float = Field(_T.generated, validation_alias="ATTUNE_QA_GENERATED", ge=0, le=1)
    ask_back: float = Field(_T.ask_back, validation_alias="ATTUNE_QA_ASK_BACK", ge=0, le=1)

    # Entries of all shops that a replica holds; each takes some 35 KB and 8 µs of every question of its shop.
    most_entries: int = Field(MOST, validation_alias="ATTUNE_QA_MOST_ENTRIES", ge=1)

    # A need takes 1 to 3 ms; what takes 50 times as long is not worth making a customer wait for.
    needs_timeout: timedelta = Field(timedelta(milliseconds=150), validation_alias="ATTUNE_QA_NEEDS_TIMEOUT")
    recommender_timeout: timedelta = Field(
        timedelta(milliseconds=400), validation_alias="ATTUNE_QA_RECOMMENDER_TIMEOUT"
    )
    breaker_pause: timedelta = Field(timedelta(seconds=1), validation_alias="ATTUNE_QA_BREAKER_PAUSE")

    # A conversation is read in half a millisecond; a customer does not wait for one that takes 500 times as long.
    memory_timeout: timedelta = Field(timedelta(milliseconds=250), validation_alias="ATTUNE_QA_MEMORY_TIMEOUT")
    dialogue_lifetime: timedelta = Field(timedelta(days=30), validation_alias="ATTUNE_QA_DIALOGUE_LIFETIME")
    # Longer than shops keep their logs (Kafka's default is 7 days), so that no old question is answered twice
    # and none brings a person back.
    events_for: timedelta = Field(timedelta(days=14), validation_alias="ATTUNE_QA_EVENTS_FOR")
    forgotten_for: timedelta = Field(timedelta(days=30), validation_alias="ATTUNE_QA_FORGOTTEN_FOR")
    redis_timeout: timedelta = Field(timedelta(seconds=5), validation_alias="ATTUNE_QA_REDIS_TIMEOUT")

    # Questions by call move the person's need, as those over Kafka do. A shop whose customers refuse that says no.
    tell_needs: bool = Field(default=True, validation_alias="ATTUNE_QA_TELL_NEEDS")

    @property
    def thresholds(self) -> Thresholds:
        """From which probability on what is done."""
        return Thresholds(direct=self.direct, generated=self.generated, ask_back=self.ask_back)
