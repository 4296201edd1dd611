"""The status page of a daemon, looked at in a browser."""

from upstream import Upstream


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


def row(name: str) -> str:
    return f".row:has(.open[title={name!r}])"


def names(page) -> list[str]:
    return page.evaluate("[...document.querySelectorAll('.row .open')].map((open) => open.title)")


def focused(page) -> str:
    return page.evaluate("document.activeElement.getAttribute('aria-label') ?? "
                         "(document.activeElement.innerText || document.activeElement.id)")
