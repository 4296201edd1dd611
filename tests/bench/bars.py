"""The figures of tests/bench/run as bars, one a comparison: a share of what the named peer needs."""

import math

from chart import document, line, text

WIDTH, LEFT, RIGHT, ROW, TOP = 860, 330, 90, 44, 56
LOWEST = 1 / 3000
TITLE = "What freshet needs, as a share of what the other needs"


def position(ratio: float) -> float:
    """0 at the lowest share, 1 at what the peer needs."""
    return min(1.15, max(0.0, 1 - math.log10(max(ratio, LOWEST)) / math.log10(LOWEST)))


def x(ratio: float) -> float:
    return LEFT + position(ratio) * (WIDTH - LEFT - RIGHT)


def share(ratio: float) -> str:
    return f"1/{1 / ratio:.0f}" if ratio < 0.1 else f"1/{1 / ratio:.1f}" if ratio < 0.95 else f"{ratio:.2f}"


def comparisons(figures: list[dict]) -> str:
    """Figures without a peer are left out, and those held against freshet itself. The mark is the share
    that was aimed at; the scale is logarithmic."""
    figures = [figure for figure in figures if figure["reference"] and figure["limit"] <= 1]
    bottom = TOP + ROW * len(figures)
    parts = [text(16, 26, TITLE, font_size=17, font_weight="bold")]
    for ratio, label in ((1, "as much"), (1 / 10, "1/10"), (1 / 100, "1/100"), (1 / 1000, "1/1000")):
        parts += [line("grid", x(ratio), TOP - 8, x(ratio), bottom),
                  text(x(ratio), bottom + 18, label, text_anchor="middle")]
    for row, figure in enumerate(figures):
        y, end, goal = TOP + ROW * row, x(figure["ratio"]), x(figure["limit"])
        parts += [text(16, y + 13, figure["what"], font_size=14),
                  text(16, y + 29, "against " + figure["against"], opacity=0.7),
                  f'<rect class="blue" x="{LEFT}" y="{y + 4}" height="22" rx="3" width="{max(2.0, end - LEFT):.0f}"/>',
                  text(max(end, goal) + 8, y + 20, share(figure["ratio"]), font_weight="bold", font_size=14),
                  line("goal", goal, y, goal, y + 30)]
    return document(WIDTH, bottom + 30, TITLE, parts)
