"""What a soak's samples say: percentiles, lateness, and whether something grows."""

import statistics
from dataclasses import asdict, dataclass


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def lateness(asked: list[list[float]], interval: float, begin: float) -> dict:
    """Of the polls whose last one came after `begin`: how many there were, and by how many seconds they
    came later than the interval allows (chance only takes off)."""
    late = [(later - begin, max(0.0, later - earlier - interval)) for moments in asked
            for earlier, later in zip(moments, moments[1:]) if earlier >= begin]
    latest: dict[int, float] = {}
    for moment, seconds in late:
        latest[int(moment // 60)] = max(latest.get(int(moment // 60), 0.0), seconds)
    seconds = [seconds for _, seconds in late] or [0.0]
    return {"count": len(late), "late_p99_s": quantile(seconds, 0.99), "latest_s": max(seconds),
            "latest_by_minute_s": sorted(latest.items())}


@dataclass(frozen=True)
class Trend:
    """A line through the means of each minute, by least squares."""

    level: float  # the mean
    slope: float  # an hour
    spread: float  # two standard errors of the slope

    @property
    def flat(self) -> bool:
        """No slope that can be told from none, or less than 2 % of the level an hour."""
        return self.slope - self.spread <= 0 or self.slope + self.spread < 0.02 * self.level

    @staticmethod
    def of(samples: list[tuple[float, float]]) -> "Trend | None":
        """Of (seconds, value). None: there are too few minutes for a spread."""
        minutes: dict[int, list[float]] = {}
        for moment, value in samples:
            minutes.setdefault(int(moment // 60), []).append(value)
        points = [(minute / 60, statistics.mean(values)) for minute, values in sorted(minutes.items())]
        if len(points) < 4:
            return None
        hours, values = zip(*points)
        slope, intercept = statistics.linear_regression(hours, values)
        square = sum((value - intercept - slope * hour) ** 2 for hour, value in points) / (len(points) - 2)
        wide = sum((hour - statistics.mean(hours)) ** 2 for hour in hours)
        return Trend(statistics.mean(values), slope, 2 * (square / wide) ** 0.5)

    def as_json(self) -> dict:
        return asdict(self) | {"flat": self.flat}


def summary(result: dict) -> list[tuple[str, str]]:
    """What is worth to be read of a soak, as (what, figure)."""
    told, polled, polls = result["announce_to_publish_s"], result["push_to_publish_s"], result["polls"]
    samples = [sample for sample in result["samples"] if sample["seconds"] >= result["warm_up_s"]]

    def mean(name: str) -> float:
        return statistics.mean(sample[name] for sample in samples)

    changes, minutes = len(told) + len(polled), result["seconds"] / 60
    rows = [("repositories, changes in", f"{result['repositories']:,}, {changes:,} in {minutes:g} min"),
            ("first start until all are fetched and published", f"{result['first_start_s']:.0f} s"),
            ("delivery to published, p50, p99, slowest", _times(told, 1000, "ms")),
            ("push without a delivery to published, p50, p99, slowest", _times(polled, 1, "s")),
            ("polls; later than due, p99, latest",
             f"{polls['count']:,}; {polls['late_p99_s'] * 1000:.3g}, {polls['latest_s'] * 1000:.3g} ms"),
            ("CPU of the daemon with its children", f"{mean('cpu_percent'):.1f} % of a core"),
            ("CPU of the upstream with its children", f"{mean('upstream_cpu_percent'):.1f} % of a core")]
    for name, what, unit in (("rss_mib", "resident memory", " MiB"), ("pss_mib", "proportional memory", " MiB"),
                             ("descriptors", "open descriptors", ""), ("threads", "threads", "")):
        rows.append((what, _trend(name, result["trends"][name], unit, mean(name))))
    return rows + [("peak memory, the first start included", f"{result['peak_memory_mib']:.1f} MiB"),
                   ("failed refreshes, repositories that failed",
                    f"{result['failed_refreshes']:.0f}, {result['failing']}"),
                   ("published trees that are not their upstream's",
                    f"{len(result['wrong_trees'])} of {result['repositories']:,}")]


# It also rises when another program ends that shared a library: no fault of the daemon's.
NOT_JUDGED = "pss_mib"


def is_well(result: dict) -> bool:
    return (not result["failed_refreshes"] and not result["wrong_trees"]
            and all(trend is None or trend["flat"] for name, trend in result["trends"].items() if name != NOT_JUDGED))


def as_table(result: dict) -> str:
    return "\n".join(["| what | |", "|---|---|"] + [f"| {what} | {figure} |" for what, figure in summary(result)])


def _times(seconds: list[float], factor: float, unit: str) -> str:
    if not seconds:
        return "none"
    return ", ".join(f"{quantile(seconds, share) * factor:.3g}" for share in (0.5, 0.99, 1)) + f" {unit}"


def _trend(name: str, trend: dict | None, unit: str, mean: float) -> str:
    if trend is None:
        return f"{mean:.1f}{unit}; too short a time for a slope"
    verdict = "" if name == NOT_JUDGED else ": flat" if trend["flat"] else ": grows"
    return f"{trend['level']:.1f}{unit}, {trend['slope']:+.2f} ± {trend['spread']:.2f}{unit} an hour{verdict}"
