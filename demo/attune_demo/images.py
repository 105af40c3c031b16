"""A drawing of each product: an SVG of 200 × 200, in the product's own colour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from attune_demo.glossary import Glossary
from attune_demo.source import folder, table

INK, PAPER, WHITE = "#3b3f46", "#f3f1ec", "#fdfcf9"
FIXED = {"g": "#7ba05b", "m": "#c3c8cd", "y": "#ffedb0"}  # leaves, metal, lamplight
GREY = "#9aa0a6"  # when neither product nor kind has a colour

_SHAPES: Mapping[str, Callable[[Sequence[str]], str]] = {
    "rect": lambda n: f'<rect x="{n[0]}" y="{n[1]}" width="{n[2]}" height="{n[3]}" rx="{n[4]}"',
    "circle": lambda n: f'<circle cx="{n[0]}" cy="{n[1]}" r="{n[2]}"',
    "oval": lambda n: f'<ellipse cx="{n[0]}" cy="{n[1]}" rx="{n[2]}" ry="{n[3]}"',
    "area": lambda n: f'<path d="{" ".join(n)}"',
}


def draw(into: Path) -> list[Path]:
    """Writes `<product_id>.svg` for every product into the folder, where the catalogue's image paths point to."""
    into.mkdir(parents=True, exist_ok=True)
    written = []
    for product_id, picture in pictures().items():
        path = into / f"{product_id}.svg"
        path.write_text(picture, encoding="utf-8", newline="\n")
        written.append(path)
    return written


def pictures() -> dict[str, str]:
    """Product id → SVG. Raises KeyError for a kind that shapes.toml does not draw."""
    kinds, paints = table("shapes.toml")["kind"], Glossary.load().paints
    found = {}
    for product in (product for category in folder("catalog") for product in category["product"]):
        kind = kinds[product["kind"]]
        color = paints.get(product["facts"].get("color", ""), kind.get("paint", GREY))
        found[product["id"]] = picture(kind["draw"], color, product["title"][0])
    return found


def picture(strokes: Sequence[str], color: str, title: str) -> str:
    """The strokes as shapes.toml writes them, with `color` (#rrggbb) as the product's paint."""
    paints = {"p": color, "s": mixed(color, INK, 0.28), "l": mixed(color, WHITE, 0.55), "d": INK, "w": WHITE, **FIXED}
    drawn = "".join(_stroke(stroke.split(), paints) for stroke in strokes)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200" role="img">'
        f'<title>{escape(title)}</title><rect width="200" height="200" fill="{PAPER}"/>'
        f'<ellipse cx="100" cy="172" rx="78" ry="8" fill="{mixed(PAPER, INK, 0.12)}"/>'
        f'<g stroke="{mixed(color, INK, 0.45)}" stroke-width="1.2" stroke-linejoin="round">{drawn}</g></svg>\n'
    )


def mixed(color: str, other: str, share: float) -> str:
    """`share` of the other colour in this one, both #rrggbb."""
    pairs = ((int(color[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(mine * (1 - share) + theirs * share):02x}" for mine, theirs in pairs)


def _stroke(words: Sequence[str], paints: Mapping[str, str]) -> str:
    paint, shape, *numbers = words
    if shape == "line":
        width, *path = numbers
        line = f'<path d="{" ".join(path)}" fill="none" stroke="{paints[paint]}" stroke-width="{width}"'
        return f'{line} stroke-linecap="round"/>'
    return f'{_SHAPES[shape](numbers)} fill="{paints[paint]}"/>'
