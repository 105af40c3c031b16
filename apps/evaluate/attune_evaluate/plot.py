"""A table as a picture: SVG, written by hand because a bar needs no library."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape

from attune_evaluate import metrics
from attune_evaluate.metrics import Values

_ROW, _LEFT, _WIDTH = 26, 260, 420  # pixels
_FONT = 'font-family="sans-serif" font-size="13"'


def bars_svg(title: str, values: Mapping[str, Values]) -> str:
    """The mean of every row with its 95 % interval; `values`: NDCG@10 of each person or question, by row."""
    found = [(name, metrics.interval(each)) for name, each in values.items()]
    most = max((each.high for _, each in found), default=0.0) or 1.0
    height = _ROW * (len(found) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 90}" height="{height}" {_FONT}>',
        f'<text x="8" y="18" font-weight="bold">{escape(title)}: NDCG@10</text>',
    ]
    for place, (name, each) in enumerate(found, start=1):
        y, scale = _ROW * place + 8, _WIDTH / most
        middle = y + 8
        low, high = _LEFT + each.low * scale, _LEFT + each.high * scale
        parts += [
            f'<text x="{_LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_LEFT}" y="{y}" width="{each.mean * scale:.1f}" height="17" fill="#4a7ebb"/>',
            f'<path d="M{low:.1f} {middle}H{high:.1f}" stroke="#222"/>',
            f'<text x="{high + 6:.1f}" y="{y + 13}">{each.mean:.4f}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"
