"""The status page, in a real browser, on a real daemon: what it shows, does and never does."""

import signal

import pytest

from browser import Browser
from daemon import write_secret
from upstream import Upstream
from waiting import wait_for

HOSTILE = '<img src=x onerror="alert(1)">'
PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser():
    browser = Browser()
    yield browser
    browser.stop()


def complaints(page) -> list[str]:
    """What the console says beside requests that were refused or failed: that is shown on the page."""
    return [said for said in page.problems() if "Failed to load resource" not in said and "ERR_" not in said]


class Watched:
    """A daemon with several repositories, looked at in a browser."""

    def __init__(self, browser, directory, make_daemon):
        self.browser, self.directory, self.make_daemon = browser, directory, make_daemon
        self.upstreams, self.repositories, self.pages = {}, [], []
        self.daemon = None
        (directory / "www").mkdir()

    def follow(self, name: str, **settings) -> Upstream:
        number = len(self.upstreams)
        upstream = Upstream(self.directory / f"up{number}.git")
        upstream.commit({"README": f"{number}\n"})
        self.upstreams[name] = upstream
        self.repositories.append({"name": name, "url": str(upstream.path),
                                  "path": str(self.directory / f"www/{number}")} | settings)
        return upstream

    def start(self, **options) -> "Watched":
        self.daemon = self.make_daemon(*self.repositories, **options)
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.daemon.admin_port}/"

    def open(self, fragment: str = "", context=None, **options):
        page = (context or self.browser.context(**options)).newPage()
        self.pages.append(page)
        page.goto(self.url + fragment)
        page.wait_until("document.querySelectorAll('.row, #empty:not([hidden])').length > 0")
        return page

    def push(self, name: str) -> str:
        commit = self.upstreams[name].commit({"README": f"{name} changed\n"})
        url = next(repository["url"] for repository in self.repositories if repository["name"] == name)
        assert self.daemon.push(url, commit).status == 202
        return commit


@pytest.fixture
def watched(browser, tmp_path, make_daemon):
    watched = Watched(browser, tmp_path, make_daemon)
    yield watched
    for page in watched.pages:
        assert complaints(page) == []
        page.context().close()


@pytest.fixture
def three(watched):
    for name in ("alpha", "beta", "gamma/delta"):
        watched.follow(name)
    watched.start()
    for name in watched.upstreams:
        watched.daemon.wait_for_state("ok", name.replace("/", "%2F"))
    return watched


def row(name: str) -> str:
    return f".row:has(.open[title={name!r}])"


def names(page) -> list[str]:
    return page.evaluate("[...document.querySelectorAll('.row .open')].map((open) => open.title)")


def focused(page) -> str:
    return page.evaluate("document.activeElement.getAttribute('aria-label') ?? "
                         "(document.activeElement.innerText || document.activeElement.id)")


# What it shows

def test_every_repository_is_there_with_its_state_and_commit(three):
    page = three.open()
    assert names(page) == ["alpha", "beta", "gamma/delta"]
    assert page.text(f"{row('beta')} .state") == "OK"
    assert page.text(f"{row('beta')} .commit") == three.upstreams["beta"].tip()[:8]
    assert page.text(".chip[data-state=ok] b") == "3"
    assert page.text("#shown") == "3 repositories"


def test_a_push_shows_without_anything_being_touched(three):
    page = three.open()
    page.wait_for_text("#connection", "Live")
    commit = three.push("beta")
    page.wait_for_text(f"{row('beta')} .commit", commit[:8])
    page.wait_until(f"document.querySelector(\"{row('beta')} .took\").innerText !== '–'")


def test_an_error_is_told_with_what_to_do_about_it(three):
    three.upstreams["beta"].path.rename(three.directory / "away")
    three.daemon.refresh("beta")
    error = three.daemon.wait_for_state("failing", "beta")["last_error"]
    page = three.open()
    assert names(page)[0] == "beta", "what fails comes first"
    assert page.text(f"{row('beta')} .message") == error["message"]
    assert page.text(f"{row('beta')} .advice") == error["advice"]
    assert page.title() == "1 problem · freshet"
    page.click(f"{row('beta')} .open")
    assert page.text("#detail .advice") == error["advice"]


def test_a_configuration_that_was_not_taken_over_is_told(three):
    page = three.open()
    assert page.texts(".notice") == []
    three.daemon.config.write_text(three.daemon.config.read_text() + "\nintervall = 1\n")
    three.daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: three.daemon.admin("GET", "/api/v1/status").json["configuration"]["last_reload"],
             "the daemon has looked at it")
    page.reload()
    assert "intervall" in page.wait_for_text(".notice", "the old one stays in force")


def test_what_comes_from_outside_is_never_markup(watched):
    watched.follow(HOSTILE)
    watched.follow("b", url=f"/nowhere/{HOSTILE}", path=str(watched.directory / f"www/{HOSTILE.replace('/', '')}"))
    watched.start()
    watched.daemon.wait_for_state("failing", "b")
    page = watched.open()
    assert sorted(names(page)) == sorted([HOSTILE, "b"])
    assert HOSTILE in page.text(f"{row('b')} .url")
    page.click(f"{row('b')} .open")
    page.wait_for_text("#detail .address", HOSTILE)
    page.keyboard_press("Escape")
    page.fill("#filter", f"{HOSTILE} as well")
    page.wait_for_text("#shown", "0 of 2")
    assert page.evaluate("document.images.length") == 0


def test_the_policy_lets_only_its_own_script_run(three):
    page = three.open()
    page.evaluate("""window.refused = []; document.addEventListener('securitypolicyviolation',
        (event) => refused.push(event.effectiveDirective));
        const script = document.createElement('script'); script.textContent = 'window.ran = true';
        document.body.append(script);
        const image = document.createElement('img'); image.src = 'http://192.0.2.1/'; document.body.append(image)""")
    page.wait_until("refused.length >= 2")
    assert page.evaluate("window.ran") is None
    assert "Content Security Policy" in " ".join(page.problems())
    answer = three.daemon.admin("HEAD", "/")
    assert answer.status == 200 and not answer.body
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_a_link_on_another_page_leads_here_and_that_page_learns_nothing(three):
    page = three.open()
    page.goto(f"http://127.0.0.1:{three.daemon.public_port}/healthz")  # another origin
    assert page.evaluate(f"fetch({three.url!r}, {{mode: 'no-cors'}}).then((answer) => answer.type)") == "opaque"
    assert page.evaluate(f"fetch({three.url!r}).then(() => 'read', () => 'refused')") == "refused"
    page.evaluate(f"const link = document.createElement('a'); link.href = {three.url!r}; link.click()")
    page.waitForURL(three.url)
    page.wait_for_text("#shown", "3 repositories")
    page.problems()  # of the fetches above


# Filter, sort, address

def test_the_filter_keeps_what_holds_every_word_and_stands_in_the_address(three):
    page = three.open()
    page.fill("#filter", "GAM delta")
    page.wait_until("document.querySelectorAll('.row').length === 1")
    assert names(page) == ["gamma/delta"]
    assert page.text("#shown") == "1 of 3"
    again = three.open(page.url().split("/")[-1])
    assert names(again) == ["gamma/delta"]
    page.fill("#filter", "nothing like it")
    page.wait_for_text("#empty", "No repository fits")


def test_a_state_is_chosen_by_its_count(three):
    three.upstreams["alpha"].path.rename(three.directory / "away")
    three.daemon.refresh("alpha")
    page = three.open()
    page.click(".chip[data-state=failing]")
    page.wait_until("document.querySelectorAll('.row').length === 1")
    assert names(page) == ["alpha"]
    page.click(".chip[data-state=failing]")
    page.wait_until("document.querySelectorAll('.row').length === 3")


def test_a_column_sorts_both_ways_and_says_so(three):
    page = three.open()
    page.click("#heads .name button")
    page.wait_until("document.querySelector('#heads .name').getAttribute('aria-sort') === 'ascending'")
    page.click("#heads .name button")
    page.wait_until("document.querySelector('.row .open').title === 'gamma/delta'")
    assert names(page) == ["gamma/delta", "beta", "alpha"]
    assert page.evaluate("document.querySelectorAll('[aria-sort]').length") == 1
    assert "sort=name&direction=descending" in page.url()


# One repository

def test_the_details_show_history_and_deliveries_as_they_come(three):
    page = three.open()
    page.click(f"{row('alpha')} .open")
    page.wait_for_text("#detail .checkouts .path", str(three.directory / "www/0"))
    page.wait_for_text("#detail", "None yet")
    commit = three.push("alpha")
    page.wait_for_text("#detail .checkouts .commit", commit[:8])
    page.wait_for_text("#detail table[aria-label=Deliveries]", "github push")
    page.wait_for_text("#detail table[aria-label=Deliveries] .result", "updated")
    page.wait_for_text("#detail table[aria-label=Refreshes] td", "delivery")
    page.keyboard_press("Escape")
    page.wait_until("!document.querySelector('#detail').open")
    assert focused(page) == "alpha"


def test_back_closes_the_details_and_a_link_opens_them(three):
    page = three.open()
    page.click(f"{row('gamma/delta')} .open")
    page.wait_for_text("#detail-name", "gamma/delta")
    link = page.url().split("/")[-1]
    page.goBack()
    page.wait_until("!document.querySelector('#detail').open")
    other = three.open(link)
    other.wait_for_text("#detail-name", "gamma/delta")


def test_a_refresh_is_asked_for_and_its_result_told(three):
    page = three.open()
    page.click(f"{row('alpha')} .open")
    commit = three.upstreams["alpha"].commit({"README": "new\n"})
    page.click("#detail [data-action=refresh]")
    page.wait_for_text(".toast", "alpha is updated")
    page.wait_for_text("#detail .checkouts .commit", commit[:8])
    three.upstreams["alpha"].path.rename(three.directory / "away")
    page.click("#detail [data-action=refresh]")
    page.wait_for_text(".toast[data-kind=failed]", three.daemon.wait_for_state("failing", "alpha")["last_error"]["message"])


def test_pause_and_resume(three):
    page = three.open()
    page.click(f"{row('alpha')} .open")
    page.click("#detail [data-action=pause]")
    page.wait_for_text("#detail .pill", "Paused")
    assert three.daemon.status("alpha")["state"] == "paused"
    assert "until it is resumed" in page.text("#detail .problem-box")
    assert page.locator("#detail [data-action=refresh]").isDisabled()
    page.click("#detail [data-action=resume]")
    page.wait_for_text("#detail .pill", "OK")
    assert three.daemon.status("alpha")["state"] == "ok"


def test_a_delivery_runs_again(three):
    three.push("alpha")
    page = three.open()
    page.click(f"{row('alpha')} .open")
    page.click("#detail button:has-text('Replay')")
    page.wait_for_text(".toast", "runs again: alpha")


def test_what_the_server_refuses_is_said_in_its_words(three):
    page = three.open()
    page.evaluate("window.kept = document.querySelector(\".row:has([title=beta]) .icon\")")
    three.daemon.settings["repository"] = [
        repository for repository in three.repositories if repository["name"] != "beta"]
    three.daemon.reload()
    page.wait_for_text("#shown", "2 repositories")
    page.evaluate("kept.click()")  # as somebody who was quicker than the news
    page.wait_for_text(".toast[data-kind=failed]", "no repository is called beta")


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
    page.wait_for_text(".toast", "Refreshing")
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
