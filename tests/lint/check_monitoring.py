"""Alert rules and dashboard: promtool takes them, each alert is tested and documented, and every
metric that they name stands in docs/monitoring.md, which a test holds against the real exposition."""

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from lint import Finding, main

RULES = "etc/prometheus-rules.yml"
TESTS = "tests/prometheus/rules_test.yml"
DASHBOARD = "etc/grafana-dashboard.json"
DOCUMENT = "docs/monitoring.md"
METRIC = re.compile(r"\b(?:freshet|process)_[a-z0-9_]+\b")
GRAFANAS = re.compile(r"\$__(rate_interval|range|interval)\b")
COLUMNS = 24


def promtool(*arguments, cwd):
    run = subprocess.run(["promtool", *map(str, arguments)], cwd=cwd, capture_output=True, text=True)
    return None if run.returncode == 0 else (run.stdout + run.stderr).strip()


def documented_metrics(text):
    """Those of the table, with what a histogram is made of."""
    found = set()
    for name, kind in re.findall(r"^\| `(\w+)(?:\{[\w,]*\})?` \| (\w+) \|", text, re.M):
        found |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} if kind == "histogram" else {name}
    return found


def line_of(text, word):
    return text[:text.find(word)].count("\n") + 1


def check_names(path, text, known):
    for name in sorted(set(METRIC.findall(text)) - known):
        if f"{name}_bucket" not in known:  # a histogram's name as people say it
            yield Finding(path, line_of(text, name), f"{name} is no metric of {DOCUMENT}")


def check_rules(source, document):
    text, tests = (source / RULES).read_text(), (source / TESTS).read_text()
    for complaint in (promtool("check", "rules", RULES, cwd=source),
                      promtool("test", "rules", TESTS, cwd=source)):
        if complaint:
            yield Finding(RULES, 1, complaint)
    for alert in re.findall(r"- alert: (\w+)", text):
        if not re.search(rf"^\| {alert} \|", document, re.M):
            yield Finding(RULES, line_of(text, alert), f"{DOCUMENT} does not list {alert}")
        if f'"{alert}"' not in tests and f"alertname: {alert}" not in tests:
            yield Finding(RULES, line_of(text, alert), f"{TESTS} does not test {alert}")


def panels_of(dashboard):
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def expressions_of(dashboard):
    for panel in panels_of(dashboard):
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        if "expr" in annotation:
            yield annotation["name"], annotation["expr"]


def check_expressions(dashboard):
    """As rules of a file that promtool reads; what Grafana puts in is a duration."""
    rules = [{"record": f"dashboard:{number}", "expr": GRAFANAS.sub("5m", expression)}
             for number, (_, expression) in enumerate(expressions_of(dashboard))]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "rules.yml"
        path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
        complaint = promtool("check", "rules", path, cwd=directory)
        if complaint:
            yield Finding(DASHBOARD, 1, complaint)


def check_layout(dashboard):
    """Every panel has an id and a place of its own, and says what it shows."""
    ids = [panel["id"] for panel in panels_of(dashboard)]
    if len(set(ids)) != len(ids):
        yield Finding(DASHBOARD, 1, "an id twice")
    taken = {}
    for panel in dashboard["panels"]:
        place, title = panel["gridPos"], panel["title"]
        if panel["type"] != "row" and not (panel.get("description") and panel.get("targets")):
            yield Finding(DASHBOARD, 1, f"{title}: has no description or shows nothing")
        if place["x"] + place["w"] > COLUMNS:
            yield Finding(DASHBOARD, 1, f"{title}: is beyond the right edge")
        for cell in ((x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])):
            if taken.setdefault(cell, panel["id"]) != panel["id"]:
                yield Finding(DASHBOARD, 1, f"{title}: lies over another one")
                break


def check_dashboard(source, known):
    text = (source / DASHBOARD).read_text()
    try:
        dashboard = json.loads(text)
    except ValueError as error:
        yield Finding(DASHBOARD, 1, f"is no JSON: {error}")
        return
    yield from check_names(DASHBOARD, text, known)
    yield from check_layout(dashboard)
    yield from check_expressions(dashboard)
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    for used in sorted(set(re.findall(r"\$\{?([a-z]+)\b", text)) - variables):
        yield Finding(DASHBOARD, line_of(text, f"${used}"), f"${used} is no variable")


def check(source, _build):
    if not shutil.which("promtool"):
        yield Finding("scripts/install-packages", 1, "promtool is not installed")
        return
    document = (source / DOCUMENT).read_text()
    known = documented_metrics(document)
    yield from check_names(RULES, (source / RULES).read_text(), known)
    yield from check_names(DOCUMENT, document, known)
    yield from check_rules(source, document)
    yield from check_dashboard(source, known)


if __name__ == "__main__":
    main(check)
