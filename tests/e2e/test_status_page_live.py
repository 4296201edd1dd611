"""The status page, in a real browser, on a real daemon: how it keeps up, and for whom it is made."""

import pytest

from browser import Browser
from daemon import write_secret
from status_page import complaints, focused, names, row
from waiting import wait_for

PHONE = {"width": 360, "height": 740}


# Live

def test_six_tabs_share_one_stream_and_all_see_a_push(three):
    context = three.browser.context()
    pages = [three.open(context=context) for _ in range(6)]
    for page in pages:
        page.wait_for_text("#connection", "Live")
    locks = "navigator.locks.query().then(({ held, pending }) => [held.length, pending.length])"
    assert pages[0].evaluate(locks) == [1, 5], "one has the stream, the others wait to take over"
    commit = three.push("gamma/delta")
    for page in pages:
        page.wait_for_text(f"{row('gamma/delta')} .commit", commit[:8])
    three.pages = pages[:1]


def test_another_tab_takes_over_when_the_one_with_the_stream_goes(three):
    context = three.browser.context()
    first = three.open(context=context)
    first.wait_for_text("#connection", "Live")
    second = three.open(context=context)
    second.wait_for_text("#connection", "Live")
    first.close()
    commit = three.push("beta")
    second.wait_for_text(f"{row('beta')} .commit", commit[:8])
    three.pages = [second]


def test_a_tab_whose_stream_was_taken_over_takes_it_back_when_it_is_free(three):
    context = three.browser.context()
    page, other = three.open(context=context), three.open(context=context)
    for tab in page, other:
        tab.wait_for_text("#connection", "Live")
    # As a tab does that no longer hears of the one with the stream.
    other.evaluate("navigator.locks.request('freshet-events', { steal: true }, () => null)")
    commit = three.push("beta")
    for tab in page, other:
        tab.wait_for_text(f"{row('beta')} .commit", commit[:8])
    three.pages = [page]


def test_a_lost_connection_is_said_and_found_again(three):
    page = three.open()
    page.wait_for_text("#connection", "Live")
    three.daemon.stop()
    page.wait_for_text("#connection", "Connection lost")
    commit = three.upstreams["alpha"].commit({"README": "meanwhile\n"})
    three.daemon.start()
    page.wait_for_text("#connection", "Live", timeout=60)
    page.wait_for_text(f"{row('alpha')} .commit", commit[:8])


def test_without_a_secure_context_the_page_asks_again_instead(three):
    three.daemon.settings["admin"]["hosts"] = ["freshet.test"]
    three.daemon.reload()
    browser = Browser("--host-resolver-rules=MAP freshet.test 127.0.0.1")
    try:
        page = browser.page()
        page.clock_install()
        page.goto(three.url.replace("127.0.0.1", "freshet.test"))
        page.wait_for_text("#connection", "Every 10 s")
        assert page.evaluate("isSecureContext") is False
        commit = three.push("beta")
        wait_for(lambda: three.daemon.status("beta")["checkouts"][0]["commit"] == commit, "it is published")
        page.clock_fastForward(60_000)
        page.wait_for_text(f"{row('beta')} .commit", commit[:8])
        page.click(f"{row('beta')} .commit")
        page.wait_for_text(".toast", commit)
        assert complaints(page) == []
    finally:
        browser.stop()


def test_a_page_behind_a_token_is_opened_with_it_as_password(watched):
    watched.follow("alpha")
    token = write_secret(watched.directory / "token", "correct-horse-battery-staple")
    watched.start(admin={"token_file": token})
    page = watched.open(httpCredentials={"username": "anybody", "password": "correct-horse-battery-staple"})
    page.wait_for_text("#connection", "Live")
    assert names(page) == ["alpha"]
    stranger = watched.browser.page(httpCredentials={"username": "x", "password": "wrong"})
    assert stranger.goto(watched.url).status() == 401
    stranger.context().close()


# Hands, eyes, sizes

def test_everything_is_reached_by_the_keyboard(three):
    page = three.open()
    page.keyboard_press("/")
    assert focused(page) == "filter"
    page.keyboard_type("a")
    page.keyboard_press("ArrowDown")
    assert focused(page) == "alpha"
    page.keyboard_press("ArrowDown")
    page.keyboard_press("End")
    assert focused(page) == "gamma/delta"
    page.keyboard_press("Home")
    page.keyboard_press("Tab")
    assert focused(page).startswith("Copy commit")
    page.keyboard_press("Tab")
    assert focused(page) == "Refresh alpha"
    page.keyboard_press("Shift+Tab")
    page.keyboard_press("Shift+Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard_press("Enter")
    page.wait_for_text("#detail-name", "alpha")
    for _ in range(3):
        page.keyboard_press("Tab")
        assert page.evaluate("document.querySelector('#detail').contains(document.activeElement)")
    page.keyboard_press("Escape")
    page.wait_until("!document.querySelector('#detail').open")
    assert focused(page) == "alpha"


# Each text against what is behind it, as WCAG counts contrast; 4.5 is what AA asks for.
CONTRAST = """
(() => {
  const parse = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const color = parse(getComputedStyle(element).backgroundColor);
      if (color.length < 4 || color[3] > 0.99) return color;
    }
    return [255, 255, 255];
  };
  const weak = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (own && element.checkVisibility() && !element.closest('.unseen, script, style, :disabled')) {
      const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5) weak.push(`${element.className || element.tagName} ${element.textContent}: ${ratio.toFixed(2)}`);
    }
  }
  return weak;
})()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_enough(three, scheme):
    three.upstreams["beta"].path.rename(three.directory / "away")
    three.daemon.refresh("beta")
    page = three.open(colorScheme=scheme)
    page.wait_for_text("#connection", "Live")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (max(ground) < 80) == (scheme == "dark")
    assert page.evaluate(CONTRAST) == []
    page.click(f"{row('beta')} .open")
    page.click("#detail [data-action=refresh]")
    page.wait_for_text(".toast", "")  # what the refresh ended with takes the place of "Refreshing"
    assert page.evaluate(CONTRAST) == []


def test_nothing_moves_under_the_readers_eyes(three):
    page = three.browser.page()
    three.pages.append(page)
    page.addInitScript("""window.moved = 0; new PerformanceObserver((list) => list.getEntries().forEach(
        (entry) => (moved += entry.value))).observe({ type: 'layout-shift', buffered: true })""")
    page.goto(three.url)
    page.wait_for_text("#connection", "Live")
    commit = three.push("beta")
    page.wait_for_text(f"{row('beta')} .commit", commit[:8])
    assert page.evaluate("moved") < 0.01


def test_a_phone_shows_everything_without_scrolling_sideways(three):
    three.upstreams["beta"].path.rename(three.directory / "away")
    three.daemon.refresh("beta")
    page = three.open(viewport=PHONE, hasTouch=True, isMobile=True)
    wide = "document.documentElement.scrollWidth > innerWidth"
    assert not page.evaluate(wide)
    page.tap(f"{row('beta')} .open")
    page.wait_for_text("#detail-name", "beta")
    assert not page.evaluate(wide)
    assert not page.evaluate("document.querySelector('#detail').scrollWidth > document.querySelector('#detail').clientWidth")
    box = page.locator("#detail [data-action=refresh]").boundingBox()
    assert box["height"] >= 32 and box["width"] >= 100
