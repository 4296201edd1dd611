"""Line charts as SVG: panels with labelled axes, readable on a light and on a dark page."""

import math
from dataclasses import dataclass
from html import escape

COLOURS = ("blue", "orange", "green", "violet", "grey")  # as the style names them
LIGHT = {"page": "#ffffff", "text": "#24292f", "grid": "#d8dee4", "mark": "#cf222e", "blue": "#0969da",
         "orange": "#bc4c00", "green": "#1a7f37", "violet": "#8250df", "grey": "#6e7781"}
DARK = {"page": "#0d1117", "text": "#e6edf3", "grid": "#30363d", "mark": "#ff7b72", "blue": "#58a6ff",
        "orange": "#f0883e", "green": "#56d364", "violet": "#bc8cff", "grey": "#9198a1"}
WIDTH, HEIGHT = 430, 290  # of a panel with its labels
LEFT, RIGHT, TOP, BOTTOM = 68, 30, 40, 46  # of it around the axes
LEGEND, LETTER = 18, 6.4  # pixels: a line of a legend, and about the width of a letter


def _rules(colours: dict[str, str]) -> str:
    rules = [f"text{{fill:{colours['text']}}}.page{{fill:{colours['page']}}}.grid{{stroke:{colours['grid']}}}"
             f".axis{{stroke:{colours['text']}}}.goal{{stroke:{colours['mark']}}}"]
    rules += [f".{name}{{stroke:{colours[name]};fill:{colours[name]}}}" for name in COLOURS]
    return "".join(rules) + f".hollow{{fill:{colours['page']}}}"


def document(width: float, height: float, title: str, parts: list[str]) -> str:
    style = ("text{font-family:system-ui,'DejaVu Sans',sans-serif;font-size:12px}.grid,.axis{stroke-width:1}"
             ".line{fill:none;stroke-width:2;stroke-linejoin:round}.dashed{stroke-dasharray:6 4}.goal{stroke-width:2}"
             f"{_rules(LIGHT)}@media(prefers-color-scheme:dark){{{_rules(DARK)}}}")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img">'
            f"<title>{escape(title)}</title><style>{style}</style>"
            f'<rect class="page" width="{width:.0f}" height="{height:.0f}"/>\n' + "\n".join(parts) + "\n</svg>\n")


def text(x: float, y: float, content: str, **attributes) -> str:
    extra = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{extra}>{escape(content)}</text>'


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


@dataclass(frozen=True)
class Series:
    """A line. What belongs together has one colour; its variant is dashed."""

    label: str
    points: list[tuple[float, float]]
    colour: int = 0
    dashed: bool = False
    marks: bool = True  # at each point: it was measured there, and nothing is known between

    @property
    def _classes(self) -> str:
        return f"line {COLOURS[self.colour]}" + " dashed" * self.dashed

    def drawn(self, x, y) -> list[str]:
        places = [(x(at), y(value)) for at, value in self.points]
        path = " ".join(f"{across:.1f},{down:.1f}" for across, down in places)
        parts = [f'<polyline class="{self._classes}" style="fill:none" points="{path}"/>']
        return parts + [self._mark(*place) for place in places if self.marks]

    def legend(self, x: float, y: float) -> list[str]:
        sample = line(self._classes, x, y - 4, x + 26, y - 4)
        return [sample, *([self._mark(x + 13, y - 4)] if self.marks else []), text(x + 32, y, self.label)]

    def _mark(self, x: float, y: float) -> str:
        colour = COLOURS[self.colour] + " hollow" * self.dashed
        if self.colour % 2:
            return f'<rect class="{colour}" x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6"/>'
        return f'<circle class="{colour}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'


class Axis:
    """From values to shares of the axis. A linear one begins at 0."""

    def __init__(self, values: list[float], logarithmic: bool):
        self._logarithmic = logarithmic
        if logarithmic:
            self._low, self._high = min(values), max(values)
            decades = math.log10(self._high / self._low)
            steps = (1,) if decades >= 2 else (1, 2, 5)
            if decades < 1:  # as little as that would look like much
                self._low = 10.0 ** math.floor(math.log10(self._low))
            found = [step * 10.0 ** power for power in range(-6, 9) for step in steps]
            # To the next tick on either side, for that a few pixels show.
            self._low = max(tick for tick in found if tick <= self._low * 1.0001)
            self._high = min(tick for tick in found if tick >= max(self._high * 0.9999, self._low * 1.5))
            self.ticks = [tick for tick in found if self._low <= tick <= self._high]
        else:
            self._low, most = 0.0, max(values) or 1.0
            step = next(size * 10.0 ** power for power in range(-9, 9) for size in (1, 2, 2.5, 5)
                        if size * 10.0 ** power * 5 >= most)
            self.ticks = [step * number for number in range(math.ceil(most / step - 1e-9) + 1)]
            self._high = self.ticks[-1]

    def share(self, value: float) -> float:
        if self._logarithmic:
            return math.log(max(value, self._low) / self._low) / math.log(self._high / self._low)
        return value / self._high


@dataclass
class Panel:
    title: str
    across: str  # with its unit
    down: str  # with its unit
    series: list[Series]
    logarithmic: tuple[bool, bool] = (True, True)  # across, down
    end: float | None = None  # of the axis across, where the points do not say it
    legend: bool = True

    def drawn(self, left: float, top: float, height: float) -> list[str]:
        points = [point for series in self.series for point in series.points]
        horizontal = Axis([x for x, _ in points] + ([self.end] if self.end else []), self.logarithmic[0])
        vertical = Axis([y for _, y in points], self.logarithmic[1])
        entries = arranged(self.series, left + 14, WIDTH - 28) if self.legend and len(self.series) > 1 else []
        begin, end = top + TOP + (LEGEND * (entries[-1][1] + 1) if entries else -6), top + height - BOTTOM

        def x(value: float) -> float:
            return left + LEFT + horizontal.share(value) * (WIDTH - LEFT - RIGHT)

        def y(value: float) -> float:
            return end - vertical.share(value) * (end - begin)

        parts = [text(left + 14, top + 20, self.title, font_weight="bold", font_size=14)]
        for tick in vertical.ticks:
            parts += [line("grid", x(horizontal.ticks[0]), y(tick), left + WIDTH - RIGHT, y(tick)),
                      text(left + LEFT - 6, y(tick) + 4, number(tick), text_anchor="end")]
        for tick in horizontal.ticks:
            parts += [line("grid", x(tick), begin, x(tick), end),
                      text(x(tick), end + 16, number(tick), text_anchor="middle")]
        parts += [line("axis", left + LEFT, end, left + WIDTH - RIGHT, end),
                  text(left + (LEFT + WIDTH - RIGHT) / 2, end + 34, self.across, text_anchor="middle"),
                  text(left + 14, (begin + end) / 2, self.down, text_anchor="middle",
                       transform=f"rotate(-90 {left + 14:.1f} {(begin + end) / 2:.1f})")]
        for place, row, series in entries:
            parts += series.legend(place, top + TOP + LEGEND * row)
        return parts + [part for series in self.series for part in series.drawn(x, y)]


def arranged(series: list[Series], left: float, width: float) -> list[tuple[float, int, Series]]:
    """Where each entry of a legend stands: (x, row, series)."""
    entries, x, row = [], 0.0, 0
    for one in series:
        needed = 32 + LETTER * len(one.label) + 14
        if x and x + needed > width:
            x, row = 0.0, row + 1
        entries.append((left + x, row, one))
        x += needed
    return entries


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.6g}"


def figure(title: str, panels: list[Panel], columns: int = 2) -> str:
    """Panels in rows. When all have the same series, one legend stands above them."""
    columns, parts, top = min(columns, len(panels)), [], 0.0
    labels = [[series.label for series in panel.series] for panel in panels]
    if len(panels) > 1 and len(labels[0]) > 1 and all(one == labels[0] for one in labels):
        entries = arranged(panels[0].series, 14, columns * WIDTH - 28)
        for x, row, series in entries:
            parts += series.legend(x, 24 + LEGEND * row)
        top = 24.0 + LEGEND * (entries[-1][1] + 1) - 8
        for panel in panels:
            panel.legend = False
    for place, panel in enumerate(panels):
        parts += panel.drawn(place % columns * WIDTH, top + place // columns * HEIGHT, HEIGHT)
    rows = math.ceil(len(panels) / columns)
    return document(columns * WIDTH, top + rows * HEIGHT, title, parts)
