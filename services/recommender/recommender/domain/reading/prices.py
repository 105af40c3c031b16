"""Price limits that words state: `under 50`, `between €20 and €40`, `50元以下`, `不超过三百`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from recommender.domain.reading.amounts import AMOUNT, SOME, number
from recommender.domain.reading.currencies import AFTER, BEFORE, BEFORE_SIGN, meant
from recommender.domain.reading.units import COUNTED


class Limit(NamedTuple):
    """What one phrase states; a number that is None states nothing."""

    currency: str  # ISO 4217; empty: the shop has no prices
    least: Decimal | None
    most: Decimal | None


def _money(n: int) -> str:
    """An amount with its currency before or behind; a word before it ends, so that `mp3` holds no 3."""
    return rf"(?:(?P<pre{n}>{BEFORE})\s*)?(?<![a-z0-9_.,])(?P<num{n}>{AMOUNT})\s*(?P<cur{n}>{AFTER})?"


def _chinese_money(n: int) -> str:
    return rf"(?:(?P<pre{n}>{BEFORE})\s*)?(?<![\d.,])(?P<num{n}>{AMOUNT})\s*(?P<cur{n}>{AFTER})?"


_PRICED = (
    r"(?:(?<![a-z])(?:(?:at\s+)?(?:a\s+|the\s+)?(?:price[ds]?|costs?|costing)(?:\s+(?:of|is|range))?:?\s+"
    r"|(?:for|is)\s+))?"
)
_OF = r"(?:\s+(?:a\s+|the\s+)?price\s+of)?"
# `can't cost more than`, `I don't want to pay over`: what follows is turned round.
_NOT = (
    r"(?<![a-z])(?:not?|never|nothing|cannot|(?:do|does|is|are|was|ca|wo|should|would|must|could)n['’]?t)"
    r"(?:\s+(?:want|wanting|to|spend|spending|pay|paying|cost|costs|costing|be|go|going|looking|willing|able|like|have"
    r"|priced?|prices|it|anything))*\s+"
)
_NOT_MORE = (
    rf"{_NOT}(?:(?:more|higher|over|above|greater|pricier|dearer)(?:\s+than(?:\s+or\s+equal\s+to)?)?|exceed(?:ing)?)"
)
_NOT_LESS = rf"{_NOT}(?:less|lower|under|below|beneath|cheaper|fewer|smaller)(?:\s+than(?:\s+or\s+equal\s+to)?)?"
_MOST = (
    r"(?<![a-z])(?:(?:at\s+or\s+)?(?:under|below|beneath)|sub|(?:less|lower|cheaper|smaller|fewer)\s+than(?:\s+or\s+equal\s+to)?|"
    r"at\s+most|up\s+to|max(?:imum|imal|\.)?(?:\s+(?:price|budget))?(?:\s+of)?|within|budget(?:\s+of|\s+is|:)?)"
    rf"{_OF}(?:\s+|-|(?=[€$£¥]))|(?:<=?|≤|＜)\s*"
)
_LEAST = (
    r"(?<![a-z])(?:over|above|(?:more|higher|greater)\s+than(?:\s+or\s+equal\s+to)?|"
    r"at\s+least|from|starting\s+(?:at|from)|min(?:imum|imal|\.)?(?:\s+(?:price))?(?:\s+of)?|upwards\s+of|exceeding)"
    rf"{_OF}(?:\s+|(?=[€$£¥]))|(?:>=?|≥|＞)\s*"
)
_LESS = (
    r"(?:\s*,?\s*(?:or|and)\s+(?:less|under|below|cheaper|lower)|\s+(?:max(?:imum|\.)?|tops|at\s+most|limit|budget))"
    r"(?![a-z])"
)
_MORE = r"\s*,?\s*(?:or|and)\s+(?:more|over|above|up|upwards|higher)(?![a-z])"
_ZH_PRICED = r"(?:价格|价钱|价位|售价|单价|预算)?(?:在|是|为|要)?"
_ZH_NOT = r"(?:不(?:要|能|想|会|可以?|得|应该?|希望|愿意)?(?:花|付|用)?|(?<![特分区类级性个])别)"
_ZH_PLAIN = r"(?<!不)(?<!不[要能想会可得应])(?<!不可以)(?<!不应该)(?<!不希望)(?<!不愿意)"
_ZH_MOST = (
    rf"(?:{_ZH_NOT}(?:超过|超出|超|高于|大于|多于|贵于|贵过)|{_ZH_PLAIN}(?:低于|少于|小于)"
    r"|(?<!不)(?:不到|不足|最多|至多|顶多|最高|预算(?:在|是|为)?))"
)
_ZH_LEAST = rf"(?:{_ZH_NOT}(?:低于|少于|小于|低过)|{_ZH_PLAIN}(?:高于|超过|大于|多于)|(?<!不)(?:至少|最少|最低|起码))"
_DASH = r"\s*(?:to|-|–|—|~|～|到|至)\s*"
_EITHER = re.IGNORECASE
_RANGED = re.compile(rf"{_DASH}{AMOUNT}", _EITHER)


class _Phrase(NamedTuple):
    """One way to state limits."""

    sign: re.Pattern[str]  # no such phrase without it; most texts hold none
    pattern: re.Pattern[str]
    kind: str  # which limits
    bare: bool  # said of money also without a currency


# Most telling phrases first: 不超过 holds 超过.
_PHRASES = tuple(
    _Phrase(re.compile(sign, _EITHER), re.compile(pattern, _EITHER), kind, bare)
    for sign, pattern, kind, bare in (
        (
            r"between|from|range",
            rf"{_PRICED}(?<![a-z])(?:between|from|range)\s+{_money(1)}(?:{_DASH}|\s+and\s+){_money(2)}",
            "both",
            True,
        ),
        (r"to|[-–—~～到至]", rf"{_PRICED}{_money(1)}{_DASH}{_money(2)}(?:之间|以内|左右)?", "both", False),
        (
            r"价|预算",
            rf"(?:价格|价钱|价位|售价|预算)(?:在|是|为)?{_chinese_money(1)}{_DASH}{_chinese_money(2)}(?:之间|以内)?",
            "both",
            True,
        ),
        (r"之间", rf"{_ZH_PRICED}{_chinese_money(1)}{_DASH}{_chinese_money(2)}之间", "both", True),
        (r"[不别].*下", rf"{_ZH_NOT}{_chinese_money(1)}(?:以下|之下|往下)", "least", True),
        (r"[不别].*上", rf"{_ZH_NOT}{_chinese_money(1)}(?:以上|之上|往上)", "most", True),
        (
            r"[下内里]|封顶",
            rf"{_ZH_PRICED}{_ZH_MOST}?{_chinese_money(1)}(?:以下|以内|之内|之下|以里|内|封顶|往下)",
            "most",
            True,
        ),
        (r"不|别|于|多|高|预算", rf"{_ZH_PRICED}{_ZH_MOST}{_chinese_money(1)}", "most", True),
        (r"上|起", rf"{_ZH_PRICED}{_ZH_LEAST}?{_chinese_money(1)}(?:以上|之上|起步|起|往上)", "least", True),
        (r"于|过|少|低|起码", rf"{_ZH_PRICED}{_ZH_LEAST}{_chinese_money(1)}", "least", True),
        (
            r"less|lower|under|below|beneath|cheaper|fewer|smaller",
            rf"{_PRICED}{_NOT_LESS}{_OF}(?:\s+|(?=[€$£¥])){_money(1)}",
            "least",
            True,
        ),
        (
            r"more|higher|over|above|greater|pricier|dearer|exceed",
            rf"{_PRICED}{_NOT_MORE}{_OF}(?:\s+|(?=[€$£¥])){_money(1)}",
            "most",
            True,
        ),
        (
            r"under|below|beneath|sub|than|no|most|up to|max|within|budget|[<≤＜]",
            rf"{_PRICED}(?:{_MOST}){_money(1)}",
            "most",
            True,
        ),
        (r"less|under|below|cheaper|lower|max|tops|most|limit|budget", rf"{_PRICED}{_money(1)}{_LESS}", "most", True),
        (
            r"over|above|than|no|least|from|starting|min|upwards|exceeding|[>≥＞]",
            rf"{_PRICED}(?:{_LEAST}){_money(1)}",
            "least",
            True,
        ),
        (r"more|over|above|up|higher", rf"{_PRICED}{_money(1)}{_MORE}", "least", True),
        (r"\+", rf"{_money(1)}\+\s*(?P<cur2>{AFTER})?(?!\d)", "least", False),
    )
)
_AMOUNTS = 60  # in a text; who gives more says no price with them, and no text costs more than some milliseconds
# `1 000 euros` is one number, `2 100 watt` are two: only a currency beside them tells.
_SPACED = r"\d{1,3}(?: \d{3}){1,3}(?!\d)"
_GROUPED = re.compile(rf"(?<![\d.,]){_SPACED}(?=(?:[.,]\d{{1,2}})?\s*{AFTER})|(?<={BEFORE_SIGN}){_SPACED}", _EITHER)
_YEAR = re.compile(r"(?:19|20)\d\d")  # `phone from 2020`: without a currency it says when, not how much
_AGED = re.compile(r"(?:women|men|people|adults|ladies|seniors|those|age[sd]?|anyone)\s*$")  # over 50: not of money


def limits(text: str, sold_in: Sequence[str]) -> tuple[list[Limit], str]:
    """The limits that half-width words state, and the words without them.

    `sold_in`: the shop's currencies, most used first. A number with a unit of something else, such as `under 50 cm`, is
    no price. Both limits of a range are in one currency, whichever of them names it.
    """
    found: list[Limit] = []
    if not 0 < len(SOME.findall(text)) <= _AMOUNTS:
        return found, text
    text = _GROUPED.sub(lambda spaced: spaced[0].replace(" ", ""), text)
    for phrase in _PHRASES:
        at = 0 if phrase.sign.search(text) else len(text)
        while (match := phrase.pattern.search(text, at)) is not None:
            stated = _limits(match, phrase.kind, sold_in, bare=phrase.bare)
            if not stated or (phrase.kind == "least" and _AGED.search(text[: match.start()].lower())):
                at = match.start() + 1
                continue
            found += stated
            text = f"{text[: match.start()]} {text[match.end() :]}"
            at = match.start()
    return found, re.sub(r"^[\s的,，]+|[\s,，]+$", "", re.sub(r"\s+", " ", text))


class Compared(NamedTuple):
    """How a phrase limits a number."""

    kind: str  # `least`, `most` or `both`
    start: int  # of the phrase
    stop: int
    others: Sequence[slice]  # numbers that it names beside


def compared(text: str, at: int) -> Compared | None:
    """The limit that words state with the number that stands at a place, whatever it counts; None: they state none."""
    for phrase in _PHRASES:
        start = 0 if phrase.sign.search(text) else len(text)
        while (match := phrase.pattern.search(text, start)) is not None and match.start() <= at:
            spans = [slice(*match.span(key)) for key in _numbers(match.groupdict())]
            if any(span.start == at for span in spans):
                others = [span for span in spans if span.start != at]
                return Compared(phrase.kind, match.start(), match.end(), others)
            start = match.start() + 1
    return None


def _limits(match: re.Match[str], kind: str, sold_in: Sequence[str], *, bare: bool) -> list[Limit]:
    """One in each currency that is named; none: it is not about money."""
    groups = match.groupdict()
    names = [name for n in (1, 2) if (name := groups.get(f"cur{n}") or groups.get(f"pre{n}"))]
    if not names and (not bare or _counted(match, groups) or _dated(match, groups)):
        return []
    currencies = dict.fromkeys(meant(name, sold_in) for name in names or [""])
    amounts = [number(groups[key] or "", grouped=bool(names) and "EUR" in currencies) for key in _numbers(groups)]
    least = min(amounts) if kind in {"both", "least"} else None
    most = max(amounts) if kind in {"both", "most"} else None
    return [Limit(currency, least, most) for currency in currencies if currency is not None]


def _counted(match: re.Match[str], groups: dict[str, str | None]) -> bool:
    """Whether it is so many of something else: what is counted stands behind, or behind the end of a range."""
    text = match.string.lower()
    ends = [match.end(), *(match.end(key) for key in _numbers(groups))]
    if ranged := _RANGED.match(text, match.end()):  # from 5 to 10 years
        ends.append(ranged.end())
    return any(COUNTED.match(text, end) for end in ends)


def _dated(match: re.Match[str], groups: dict[str, str | None]) -> bool:
    """Whether it says since when: `from` is said of years too."""
    since = match[0].lower().lstrip().startswith("from")
    return since and all(_YEAR.fullmatch((groups[key] or "").strip()) for key in _numbers(groups))


def _numbers(groups: dict[str, str | None]) -> Iterator[str]:
    return (key for key in ("num1", "num2") if groups.get(key))
