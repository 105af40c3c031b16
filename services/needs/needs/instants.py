"""Times of events as text → milliseconds since 1970, a whole column at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

UNREADABLE = -1
AHEAD = timedelta(days=1)  # a clock that is further ahead would make all that a person did before look old: refused
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_FORMS = ("0000-00-00T00:00:00Z", "0000-00-00T00:00:00.000Z", "0000-00-00T00:00:00.000000Z")
_DIGIT = ord("0")
_MANY = 32  # texts; fewer are read one by one in less time than arrays of them take to make
Column = NDArray[np.int64]


def milliseconds(texts: Sequence[str]) -> Column:
    """(n,) RFC 3339 times, cut to milliseconds; UNREADABLE for what is none, or lies before 1970."""
    for form in _FORMS if len(texts) >= _MANY else ():
        if all(len(text) == len(form) for text in texts):
            found = _of_form(texts, form)
            if found is not None:
                return found
    return np.array([_of(text) for text in texts], dtype=np.int64)


def not_after(times: Column, written: Column) -> Column:
    """Nothing happens after it was written (0: not known): a clock that is ahead brings nobody back who was forgotten.

    What is further AHEAD stays, to be refused.
    """
    ahead = times - written
    return np.where((written > 0) & (ahead > 0) & (ahead <= AHEAD // _MILLISECOND), written, times)


def _of(text: str) -> int:
    if not _TIME.fullmatch(text):
        return UNREADABLE
    try:
        at = (datetime.fromisoformat(text) - EPOCH) // _MILLISECOND
    except ValueError:  # no such day
        return UNREADABLE
    return max(at, UNREADABLE)


def _of_form(texts: Sequence[str], form: str) -> Column | None:
    """All of one form and within the ranges of a calendar; None where one is not, or may not be."""
    digits = np.frombuffer("".join(texts).encode("latin-1", "replace"), dtype=np.uint8).reshape(len(texts), len(form))
    pattern = np.frombuffer(form.encode(), dtype=np.uint8)
    fixed = pattern != _DIGIT
    if not (digits[:, fixed] == pattern[fixed]).all() or not _are_digits(digits[:, ~fixed]):
        return None
    number = digits.astype(np.int64) - _DIGIT

    def read(start: int, stop: int) -> Column:
        powers = 10 ** np.arange(stop - start - 1, -1, -1)
        column: Column = number[:, start:stop] @ powers
        return column

    year, month, day = read(0, 4), read(5, 7), read(8, 10)
    hour, minute, second = read(11, 13), read(14, 16), read(17, 19)
    if not (_within(year, 1970, 9998) and _within(month, 1, 12) and _within(hour, 0, 23)
            and _within(minute, 0, 59) and _within(second, 0, 59)):  # fmt: skip
        return None
    months = (year - 1970) * 12 + month - 1
    first, following = _first_day(months), _first_day(months + 1)
    if not ((day >= 1) & (day <= following - first)).all():
        return None
    fraction = read(20, 23) if len(form) > len(_FORMS[0]) else 0
    seconds = (first + day - 1) * 86_400 + hour * 3_600 + minute * 60 + second
    result: Column = seconds * 1_000 + fraction
    return result


def _first_day(months: Column) -> Column:
    """Days since 1970-01-01 of the first day of each month since then."""
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _are_digits(found: NDArray[np.uint8]) -> bool:
    return bool(((found >= _DIGIT) & (found <= _DIGIT + 9)).all())


def _within(column: Column, least: int, most: int) -> bool:
    return bool(((column >= least) & (column <= most)).all())
