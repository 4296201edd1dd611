"""GET /metrics as Prometheus reads it, and strict about it."""

import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL}(?:,{LABEL})*)?,?)\}})? (\S+)(?: -?\d+)?")
TYPES = {"counter", "gauge", "histogram", "summary", "untyped"}


class Metrics:
    """The samples of one answer. Raises AssertionError at a line that breaks the text format."""

    def __init__(self, text: str):
        self.types: dict[str, str] = {}  # name -> type, also of what has no sample yet
        self.samples: dict[tuple[str, frozenset], float] = {}
        self._finished = set()
        self._current = None
        assert text.endswith("\n"), "the last line has no end"
        for number, line in enumerate(text.split("\n")[:-1], 1):
            try:
                self._take(line)
            except (AssertionError, ValueError) as error:
                raise AssertionError(f"line {number}: {line!r}: {error}") from error
        self._check_histograms()

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples that carry at least these labels; 0 when there is none."""
        wanted = set(labels.items())
        return sum(value for (sample, its), value in self.samples.items()
                   if sample == name and wanted <= its)

    def label_names(self, name: str) -> set[str]:
        return {label for (sample, its), _ in self.samples.items() if sample == name for label, _ in its}

    def _take(self, line: str) -> None:
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert re.fullmatch(NAME, name) and kind in TYPES
            assert name not in self.types, "a second type"
            self._begin(name)
            self.types[name] = kind
            assert kind != "counter" or name.endswith("_total"), "a counter's name ends with _total"
        elif line.startswith("# HELP "):
            self._begin(line.split(" ", 3)[2])
        elif line and not line.startswith("#"):
            self._take_sample(line)

    def _begin(self, family: str) -> None:
        """All lines of a family stand together."""
        if family != self._current:
            assert family not in self._finished, "its family's lines do not stand together"
            self._finished.add(self._current)
            self._current = family

    def _take_sample(self, line: str) -> None:
        match = SAMPLE.fullmatch(line)
        assert match, "no sample"
        name, labels, value = match.groups()
        family = name
        if self.types.get(self._current) in ("histogram", "summary"):
            family = re.sub("_(bucket|sum|count)$", "", name)
        assert family in self.types, "a sample before its type"
        self._begin(family)
        found = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")
        assert len(dict(found)) == len(found), "a label twice"
        key = (name, frozenset(found))
        assert key not in self.samples, "a sample twice"
        self.samples[key] = float(value)

    def _check_histograms(self) -> None:
        for family in (name for name, kind in self.types.items() if kind == "histogram"):
            for (name, labels), count in self.samples.items():
                if name == f"{family}_count":
                    everything = labels | {("le", "+Inf")}
                    assert self.samples.get((f"{family}_bucket", everything)) == count, name


def metrics_of(daemon) -> Metrics:
    answer = daemon.admin("GET", "/metrics")
    assert answer.status == 200, f"GET /metrics answered {answer.status}"
    assert answer.headers["Content-Type"].startswith("text/plain")
    return Metrics(answer.body.decode())
