"""Every knob of this service, with its reason."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, SecretStr

from chassis.settings import ProcessSettings
from recommender.domain.score import Weights

_W = Weights()  # what they default to, and why, stands there


class Settings(ProcessSettings):
    """Read once from the environment; `ATTUNE_RECOMMENDER_…` are this service's own."""

    qdrant_url: str  # ATTUNE_QDRANT_URL: edge:///absolute/path or http(s)://host:port
    graph_url: str  # ATTUNE_GRAPH_URL: sqlite:///absolute/path/graph.db, neo4j://host:port or bolt://host:port
    neo4j_user: str = ""  # ATTUNE_NEO4J_USER: empty for a server without authentication
    neo4j_password: SecretStr = SecretStr("")  # ATTUNE_NEO4J_PASSWORD
    needs_address: str  # ATTUNE_NEEDS_ADDRESS: host:port
    encoder: str = "static"  # ATTUNE_ENCODER
    generator: str = "template"  # ATTUNE_GENERATOR
    generator_key: SecretStr | None = None  # ATTUNE_GENERATOR_KEY

    balance: float = Field(_W.balance, validation_alias="ATTUNE_RECOMMENDER_LAMBDA", ge=0)  # λ
    dense: float = Field(_W.dense, validation_alias="ATTUNE_RECOMMENDER_WEIGHT_DENSE", ge=0)
    recent: float = Field(_W.recent, validation_alias="ATTUNE_RECOMMENDER_WEIGHT_RECENT", ge=0)
    words: float = Field(_W.words, validation_alias="ATTUNE_RECOMMENDER_WEIGHT_WORDS", ge=0)
    trend: float = Field(_W.trend, validation_alias="ATTUNE_RECOMMENDER_WEIGHT_TREND", ge=0)
    text: float = Field(_W.text, validation_alias="ATTUNE_RECOMMENDER_WEIGHT_TEXT", ge=0)

    # Writes after which the embedded index of a large shop is built anew; 0: 10,000, or a tenth of its products if that
    # is more. Until then they are searched one by one, 0.5 ms for each 10,000; the building takes seconds of a core.
    rebuild_after: int = Field(0, validation_alias="ATTUNE_RECOMMENDER_REBUILD_AFTER", ge=0)

    # A need is read in 2 ms; whoever waits longer is better served from our own memory.
    needs_timeout: timedelta = Field(timedelta(milliseconds=500), validation_alias="ATTUNE_RECOMMENDER_NEEDS_TIMEOUT")
    needs_failures: int = Field(3, validation_alias="ATTUNE_RECOMMENDER_NEEDS_FAILURES", ge=1)
    needs_pause: timedelta = Field(timedelta(seconds=1), validation_alias="ATTUNE_RECOMMENDER_NEEDS_PAUSE")
    # A history is one indexed read; whoever waits longer is better served without, and is told so.
    graph_timeout: timedelta = Field(timedelta(seconds=1), validation_alias="ATTUNE_RECOMMENDER_GRAPH_TIMEOUT")
    text_timeout: timedelta = Field(timedelta(seconds=2), validation_alias="ATTUNE_RECOMMENDER_TEXT_TIMEOUT")

    @property
    def weights(self) -> Weights:
        """Coefficients of f."""
        return Weights(
            balance=self.balance,
            dense=self.dense,
            recent=self.recent,
            words=self.words,
            trend=self.trend,
            text=self.text,
        )
