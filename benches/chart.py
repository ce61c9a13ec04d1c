"""Draws lines on logarithmic axes as SVG. Standard library only."""

import math
from dataclasses import dataclass

# In pixels: a panel, and its edges.
WIDTH, HEIGHT = 320, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 46, 40, 48
COLORS = ("first", "second")
# The picture has its own background, so that it is readable on each page. The page may have another
# theme than the system.
STYLE = """
  svg { --back: #ffffff; --text: #24292f; --grid: #d8dee4; --first: #0969da; --second: #bc4c00; }
  @media (prefers-color-scheme: dark) {
    svg { --back: #0d1117; --text: #e6edf3; --grid: #30363d; --first: #58a6ff; --second: #f0883e; }
  }
  .back { fill: var(--back); }
  text { fill: var(--text); font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; }
  .title { font-weight: 600; font-size: 13px; }
  .grid { stroke: var(--grid); stroke-width: 1; }
  .first { stroke: var(--first); } .second { stroke: var(--second); }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
  .dot.first, text.first { fill: var(--first); stroke: none; }
  .dot.second, text.second { fill: var(--second); stroke: none; }
"""


@dataclass
class Line:
    label: str
    # Pairs of x and y, all above 0.
    points: list


@dataclass
class Panel:
    title: str
    # At most two.
    lines: list


class Axis:
    """A logarithmic axis from a power of ten to a power of ten."""

    def __init__(self, values, start, end):
        self.low = math.floor(math.log10(min(values)))
        self.high = max(math.ceil(math.log10(max(values))), self.low + 1)
        self.start, self.end = start, end

    def place(self, value):
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self):
        return [10.0**power for power in range(self.low, self.high + 1)]


def short(value):
    """A power of ten as a label: 1000 is 1k."""
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"


def draw(name, panels):
    """The picture: the panels side by side; `name` is the label of the horizontal axes."""
    width = WIDTH * len(panels)
    title = "; ".join(panel.title for panel in panels)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}" role="img">',
        f"<title>{title}, by {name}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="back" width="{width}" height="{HEIGHT}"/>',
    ]
    for index, panel in enumerate(panels):
        parts += [f'<g transform="translate({index * WIDTH} 0)">', *draw_panel(name, panel), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def draw_panel(name, panel):
    points = [point for line in panel.lines for point in line.points]
    across = Axis([x for x, _ in points], LEFT, WIDTH - RIGHT)
    up = Axis([y for _, y in points], HEIGHT - BOTTOM, TOP)
    yield f'<text class="title" x="{LEFT}" y="{TOP - 18}">{panel.title}</text>'
    for tick in across.ticks():
        x = across.place(tick)
        yield f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}"/>'
        yield f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{short(tick)}</text>'
    for tick in up.ticks():
        y = up.place(tick)
        yield f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{short(tick)}</text>'
    yield f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{name}</text>'
    for color, line, y in zip(COLORS, panel.lines, label_places(panel, up)):
        yield from draw_line(color, line, across, up)
        yield f'<text class="{color}" x="{WIDTH - RIGHT + 8}" y="{y + 4:.1f}">{line.label}</text>'


def label_places(panel, up):
    """Beside the ends of the lines, at least a line of text apart."""
    places = [up.place(line.points[-1][1]) for line in panel.lines]
    if len(places) == 2 and abs(places[0] - places[1]) < 14:
        middle, sign = sum(places) / 2, 1 if places[0] > places[1] else -1
        places = [middle + 7 * sign, middle - 7 * sign]
    return places


def draw_line(color, line, across, up):
    places = [(across.place(x), up.place(y)) for x, y in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline class="line {color}" points="{path}"/>'
    for (x, y), (_, value) in zip(places, line.points):
        yield f'<circle class="dot {color}" cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{value:.3g}</title></circle>'
