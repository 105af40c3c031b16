"""Every knob of this service, with its reason."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from chassis.settings import ProcessSettings
from needs.domain.weights import KindWeights, Recency

_K, _R = KindWeights(), Recency()  # what they default to, and why, stands there


class Settings(ProcessSettings):
    """Read once from the environment; `ATTUNE_NEEDS_…` are this service's own."""

    redis_url: str  # ATTUNE_REDIS_URL
    encoder: str = "static"  # ATTUNE_ENCODER: must be the space in which the recommender publishes product vectors

    half_life: timedelta = Field(_R.half_life, validation_alias="ATTUNE_NEEDS_HALF_LIFE", gt=timedelta(0))
    half_attention: float = Field(_R.half_attention, validation_alias="ATTUNE_NEEDS_HALF_ATTENTION", gt=0)

    visit_gap: timedelta = Field(_R.visit_gap, validation_alias="ATTUNE_NEEDS_VISIT_GAP", gt=timedelta(0))

    view: float = Field(_K.view, validation_alias="ATTUNE_NEEDS_WEIGHT_VIEW")
    glance: float = Field(_K.glance, validation_alias="ATTUNE_NEEDS_WEIGHT_GLANCE")
    long_view: float = Field(_K.long_view, validation_alias="ATTUNE_NEEDS_WEIGHT_LONG_VIEW")
    short_look: timedelta = Field(_K.short_look, validation_alias="ATTUNE_NEEDS_SHORT_LOOK", ge=timedelta(0))
    long_look: timedelta = Field(_K.long_look, validation_alias="ATTUNE_NEEDS_LONG_LOOK", ge=timedelta(0))
    click: float = Field(_K.click, validation_alias="ATTUNE_NEEDS_WEIGHT_CLICK")
    add_to_cart: float = Field(_K.add_to_cart, validation_alias="ATTUNE_NEEDS_WEIGHT_ADD_TO_CART")
    remove_from_cart: float = Field(_K.remove_from_cart, validation_alias="ATTUNE_NEEDS_WEIGHT_REMOVE_FROM_CART")
    purchase: float = Field(_K.purchase, validation_alias="ATTUNE_NEEDS_WEIGHT_PURCHASE")
    like: float = Field(_K.like, validation_alias="ATTUNE_NEEDS_WEIGHT_LIKE")
    dislike: float = Field(_K.dislike, validation_alias="ATTUNE_NEEDS_WEIGHT_DISLIKE")
    returned: float = Field(_K.returned, validation_alias="ATTUNE_NEEDS_WEIGHT_RETURN")
    asked: float = Field(_K.asked, validation_alias="ATTUNE_NEEDS_WEIGHT_ASKED")
    review: float = Field(_K.review, validation_alias="ATTUNE_NEEDS_WEIGHT_REVIEW")
    search: float = Field(_K.search, validation_alias="ATTUNE_NEEDS_WEIGHT_SEARCH")
    question: float = Field(_K.question, validation_alias="ATTUNE_NEEDS_WEIGHT_QUESTION")
    review_text: float = Field(_K.review_text, validation_alias="ATTUNE_NEEDS_WEIGHT_REVIEW_TEXT")

    # Longer than shops keep their logs (Kafka's default is 7 days), so that no old event brings a person back.
    forgotten_for: timedelta = Field(timedelta(days=30), validation_alias="ATTUNE_NEEDS_FORGOTTEN_FOR")
    # A product of the same minute is there within milliseconds; half a second is what a slow start of a replica takes.
    product_wait: timedelta = Field(timedelta(milliseconds=500), validation_alias="ATTUNE_NEEDS_PRODUCT_WAIT")
    # Long enough that a producer of invented products waits rarely, short enough that a loaded catalogue is seen soon.
    product_missed_for: timedelta = Field(timedelta(seconds=5), validation_alias="ATTUNE_NEEDS_PRODUCT_MISSED_FOR")
    watchers: int = Field(200, validation_alias="ATTUNE_NEEDS_WATCHERS", ge=0)  # each costs a Redis read per look
    watch_look: timedelta = Field(timedelta(milliseconds=500), validation_alias="ATTUNE_NEEDS_WATCH_LOOK")
    redis_timeout: timedelta = Field(timedelta(seconds=5), validation_alias="ATTUNE_NEEDS_REDIS_TIMEOUT")

    @property
    def kind_weights(self) -> KindWeights:
        """How much each kind of behaviour counts."""
        return KindWeights(
            view=self.view,
            glance=self.glance,
            long_view=self.long_view,
            short_look=self.short_look,
            long_look=self.long_look,
            click=self.click,
            add_to_cart=self.add_to_cart,
            remove_from_cart=self.remove_from_cart,
            purchase=self.purchase,
            like=self.like,
            dislike=self.dislike,
            returned=self.returned,
            asked=self.asked,
            review=self.review,
            search=self.search,
            question=self.question,
            review_text=self.review_text,
        )

    @property
    def recency(self) -> Recency:
        """How behaviour fades."""
        return Recency(half_life=self.half_life, half_attention=self.half_attention, visit_gap=self.visit_gap)
