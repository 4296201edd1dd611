"""The status page on ten thousand repositories: only what is in view exists, and nothing stalls.

Prints what it measures (pytest -s)."""

import shutil

import pytest

from browser import Browser
from upstream import Upstream

COUNT = 10_000
LAST = f"team{(COUNT - 1) % 50:02}/service-{COUNT - 1:05}"

# How long the page takes from a keystroke in the filter until the table is painted anew.
KEYSTROKE = """new Promise((resolve) => {
  const filter = document.querySelector('#filter');
  const begin = performance.now();
  filter.value = %r;
  filter.dispatchEvent(new Event('input'));
  requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - begin)));
})"""
FIRST_ROWS = """
window.longest = 0;
new MutationObserver((_, observer) => {
  if (document.querySelector('.row')) {
    window.firstRows = performance.now();
    observer.disconnect();
  }
}).observe(document, { childList: true, subtree: true });
new PerformanceObserver((list) => (window.longest = Math.max(longest,
  ...list.getEntries().map((entry) => entry.duration)))).observe({ type: 'longtask', buffered: true });
"""


@pytest.fixture
def browser():
    browser = Browser("--enable-precise-memory-info")
    yield browser
    browser.stop()


@pytest.fixture
def place(tmp_path):
    """Is not kept: what ten thousand repositories leave takes long to clear away later."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.fixture
def crowd(place, make_daemon):
    """Most upstreams do not exist: every repository tells of an error, which is the most to show."""
    upstream = Upstream(place / "up.git")
    upstream.commit({"README": "here\n"})
    repositories = []
    for number in range(COUNT):
        url = str(upstream.path) if number % 100 == 99 else f"/nowhere/{number}.git"
        repositories.append({"name": f"team{number % 50:02}/service-{number:05}", "url": url,
                             "path": str(place / f"www/{number}")})
    (place / "www").mkdir()
    return make_daemon(*repositories)


def rows(page) -> int:
    return page.evaluate("document.querySelectorAll('.row').length")


def test_ten_thousand_repositories_are_shown_sorted_and_filtered(browser, crowd):
    page = browser.page(viewport={"width": 1280, "height": 800})
    page.addInitScript(FIRST_ROWS)
    # While the first refreshes of all of them are running: events come as fast as they can.
    page.goto(f"http://127.0.0.1:{crowd.admin_port}/")
    page.wait_until("document.querySelectorAll('.row').length > 0", timeout=60)
    page.wait_for_text("#shown", "10,000 repositories")
    busy = page.evaluate("firstRows")
    assert rows(page) < 50
    page.wait_until("[...document.querySelectorAll('.chip b')].slice(4, 6).every((b) => b.innerText === '0')", timeout=600)
    longest = page.evaluate("longest")
    assert page.text(".chip[data-state=failing] b") == "9,900"

    page.keyboard_press("/")
    page.keyboard_type("service-0999")
    page.wait_for_text("#shown", "10 of 10,000")
    page.keyboard_press("Escape")
    page.wait_for_text("#shown", "10,000 repositories")
    keystrokes = [page.evaluate(KEYSTROKE % text) for text in ("s", "se", "service-00", "service-0042", "")]

    page.keyboard_press("ArrowDown")
    page.keyboard_press("End")
    page.wait_until(f"[...document.querySelectorAll('.open')].some((open) => open.title === {LAST!r})")
    assert page.evaluate("document.activeElement.title") == LAST
    assert page.evaluate("document.activeElement.closest('.row').getAttribute('aria-rowindex')") == str(COUNT + 1)
    assert rows(page) < 50

    page.evaluate("window.scrollTo(0, document.body.scrollHeight / 2)")
    page.wait_until("[...document.querySelectorAll('.row')].some((row) => { const { top } = row.getBoundingClientRect();"
                    " return top > 0 && top < innerHeight; })")
    assert rows(page) < 50

    page.reload()
    page.wait_until("document.querySelectorAll('.row').length > 0", timeout=60)
    calm = page.evaluate("firstRows")
    heap = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
    print(f"\n10,000 repositories: first rows after {calm:.0f} ms (while all are refreshed {busy:.0f} ms), "
          f"a keystroke {max(keystrokes):.0f} ms at most, longest task {longest:.0f} ms, heap {heap:.0f} MB")
    assert heap < 300
    assert [said for said in page.problems() if "Failed to load" not in said] == []
