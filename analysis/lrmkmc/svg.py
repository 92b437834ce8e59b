"""svg: a matplotlib figure as SVG inside an HTML page: no references outwards, own ids, colours that follow the page's light or dark scheme.

Every colour becomes a CSS variable ``--c-rrggbb``; `scheme` lists their values.  In the dark scheme greys swap ends (black lines on white
paper become light lines on dark paper) and colours too dark to be seen are lightened; hues stay.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable

import matplotlib
from matplotlib.figure import Figure

from .style import SETTINGS, settle

COLOUR = re.compile(r"#([0-9a-fA-F]{6})\b")
DARK_PAPER = 0.105  # lightness of the dark page's cards
SEEN = 0.2  # least luminance of a colour on dark paper, WCAG's definition; contrast about 3.5


def inline(figure: Figure, prefix: str, label: str) -> str:
    """The figure as one <svg> element; `prefix` makes its ids unique in a page, `label` is read out by screen readers."""
    text = io.StringIO()
    with matplotlib.rc_context({**SETTINGS, "svg.fonttype": "none", "svg.image_inline": True}):
        settle(figure)
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r"<!--.*?-->|<style.*?</style>", "", svg, flags=re.S)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{prefix}-\1"', svg)
    svg = re.sub(r'<svg width="[^"]*" height="[^"]*"', "<svg", svg)
    svg = re.sub(r' height="[\d.]+pt"| width="[\d.]+pt"', "", svg, count=2)
    svg = svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
    svg = svg.replace(
        "font-family: 'DejaVu Sans'; ", ""
    )  # the page's style says it, with fall-backs
    return _shortened(svg)


def _shortened(svg: str) -> str:
    """Coordinates to 0.01 of a pixel, no idle blanks, colours as variables; embedded pictures stay as they are."""
    parts = re.split(r"(<image.*?/>)", svg, flags=re.S)  # base64 may look like anything
    for k in range(0, len(parts), 2):
        parts[k] = re.sub(r"<[^>]*>", lambda tag: _short_tag(tag[0]), parts[k])
    return "".join(parts)


def _short_tag(tag: str) -> str:
    """A tag only: the digits of labels and tick marks between tags stay."""
    tag = re.sub(r"(\d\.\d\d)\d+", r"\1", tag)
    tag = re.sub(r"\s*\n(?=[MLQCz])", "", tag)
    return COLOUR.sub(lambda m: f"var(--c-{m[1].lower()})", tag)


def used(svgs: Iterable[str]) -> list[str]:
    """Six hexadecimal digits of every colour the figures use, sorted."""
    return sorted({m for svg in svgs for m in re.findall(r"var\(--c-([0-9a-f]{6})\)", svg)})


def scheme(colours: Iterable[str], darkened: bool) -> str:
    """CSS declarations of the variables in one of the two schemes."""
    return "".join(f"--c-{c}:#{dark(c) if darkened else c};" for c in colours)


def _luminance(red: float, green: float, blue: float) -> float:
    """Relative luminance of sRGB in 0..1 (WCAG 2.1)."""
    linear = [
        x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in (red, green, blue)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def dark(colour: str) -> str:
    """The six digits of a colour on a light page as they are on a dark one."""
    red, green, blue = (int(colour[k : k + 2], 16) / 255 for k in (0, 2, 4))
    if max(red, green, blue) - min(red, green, blue) < 0.06:  # grey
        grey = DARK_PAPER + (1.0 - (red + green + blue) / 3) * (0.93 - DARK_PAPER)
        red = green = blue = grey
    else:
        while _luminance(red, green, blue) < SEEN:  # towards white, which keeps it calm
            red, green, blue = (x + 0.03 * (1.0 - x) for x in (red, green, blue))
    return "".join(f"{round(255 * x):02x}" for x in (red, green, blue))
