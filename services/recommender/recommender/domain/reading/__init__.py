"""Reading what shoppers type: pure, from words to conditions."""

from recommender.domain.reading.read import Known, Reading, read, verbatim

__all__ = ["Known", "Reading", "read", "verbatim"]
