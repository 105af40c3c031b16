"""Every knob of this service, with its reason."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, SecretStr

from chassis.settings import ProcessSettings
from content.domain.likelihood import Weights

_W = Weights()  # what they default to, and why, stands there


class Settings(ProcessSettings):
    """Read once from the environment; `ATTUNE_CONTENT_…` are this service's own."""

    gather: timedelta = timedelta(milliseconds=25)  # ATTUNE_GATHER: a count of clicks is not waited for as a need is
    redis_url: str  # ATTUNE_REDIS_URL
    needs_address: str  # ATTUNE_NEEDS_ADDRESS: host:port
    recommender_address: str  # ATTUNE_RECOMMENDER_ADDRESS: host:port
    encoder: str = "static"  # ATTUNE_ENCODER: in another space than the needs service's, r_u counts for nothing
    generator: str = "template"  # ATTUNE_GENERATOR
    generator_key: SecretStr | None = None  # ATTUNE_GENERATOR_KEY

    # Mail, messages and push reach people outside of the shop, and law asks for consent; the shop's own pages do not.
    marketing_channels: frozenset[str] = Field(
        frozenset({"email", "sms", "push"}), validation_alias="ATTUNE_CONTENT_MARKETING_CHANNELS"
    )
    # What is shown without being cut: two SMS of Latin or Chinese letters, a phone's lock screen, one line on a phone.
    channel_chars: dict[str, int] = Field(
        {"sms": 134, "push": 178, "banner": 90, "email": 2000}, validation_alias="ATTUNE_CONTENT_CHANNEL_CHARS"
    )
    language: str = Field(
        "en", validation_alias="ATTUNE_CONTENT_LANGUAGE"
    )  # where the person's is not known or has no text

    need_words: float = Field(_W.need_words, validation_alias="ATTUNE_CONTENT_WEIGHT_NEED_WORDS")
    need_vector: float = Field(_W.need_vector, validation_alias="ATTUNE_CONTENT_WEIGHT_NEED_VECTOR")
    language_weight: float = Field(_W.language, validation_alias="ATTUNE_CONTENT_WEIGHT_LANGUAGE")
    appeal: float = Field(_W.appeal, validation_alias="ATTUNE_CONTENT_WEIGHT_APPEAL")
    generator_weight: float = Field(_W.generator, validation_alias="ATTUNE_CONTENT_WEIGHT_GENERATOR")

    generated: int = Field(3, validation_alias="ATTUNE_CONTENT_GENERATED", ge=1, le=16)  # candidates: each costs tokens
    # Less than the five seconds a caller usually waits, so that the templates can still answer.
    generator_timeout: timedelta = Field(timedelta(seconds=3), validation_alias="ATTUNE_CONTENT_GENERATOR_TIMEOUT")
    # Needs and product records are read from memory: 300 ms is a hundred times what they take.
    needs_timeout: timedelta = Field(timedelta(milliseconds=300), validation_alias="ATTUNE_CONTENT_NEEDS_TIMEOUT")
    products_timeout: timedelta = Field(timedelta(milliseconds=300), validation_alias="ATTUNE_CONTENT_PRODUCTS_TIMEOUT")
    away_failures: int = Field(3, validation_alias="ATTUNE_CONTENT_AWAY_FAILURES", ge=1)  # one is bad luck
    away_pause: timedelta = Field(
        timedelta(seconds=1), validation_alias="ATTUNE_CONTENT_AWAY_PAUSE"
    )  # found again soon
    # A price may change; after a quarter of an hour without the recommender nothing more is said of a product.
    products_remembered: timedelta = Field(timedelta(minutes=15), validation_alias="ATTUNE_CONTENT_PRODUCTS_REMEMBERED")

    # Clicks on a mail come within days; a month holds nearly all of them.
    compositions_kept: timedelta = Field(timedelta(days=30), validation_alias="ATTUNE_CONTENT_COMPOSITIONS_KEPT")
    # Longer than shops keep their logs (Kafka's default is 7 days), so that no old event brings a person back.
    forgotten_for: timedelta = Field(timedelta(days=30), validation_alias="ATTUNE_CONTENT_FORGOTTEN_FOR")
    redis_timeout: timedelta = Field(timedelta(seconds=5), validation_alias="ATTUNE_CONTENT_REDIS_TIMEOUT")

    @property
    def weights(self) -> Weights:
        """Coefficients of P(x|u,t)."""
        return Weights(
            need_words=self.need_words,
            need_vector=self.need_vector,
            language=self.language_weight,
            appeal=self.appeal,
            generator=self.generator_weight,
        )
