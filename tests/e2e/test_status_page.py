"""The status page, in a real browser, on a real daemon: what it shows, does and never does."""

import signal

from status_page import focused, names, row
from waiting import wait_for

HOSTILE = '<img src=x onerror="alert(1)">'


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
