"""Who acts on freshet from outside: those that push, and the forges that tell of it."""

import uuid
from collections import deque
from dataclasses import dataclass, field, replace
from functools import partial
from http.client import HTTPException
from random import Random
from typing import Callable

from daemon import SECRET, request
from forge import NO_COMMIT, github_headers, github_push
from history import History
from lines import Line
from plan import LOSSES, Push, Stray
from senders import SENDERS, Change, Delivery
from world import Repository, World

PATIENCE = 20  # seconds until a forge gives a request up
SECONDS_BETWEEN_TRIES = 0.5
BURST = 5
ACCEPTED, DUPLICATE, UNAUTHORIZED, UNAVAILABLE = 202, 200, 401, 503


@dataclass
class Letter:
    """A delivery on its way; `make` signs it, anew for each try as forges do."""

    route: str
    make: Callable[[], Delivery]
    allowed: frozenset = frozenset({ACCEPTED})
    repository: Repository | None = None  # whom a 202 promises something; None: a stray
    ref: str = ""
    method: str = "POST"
    accepted: list = field(default_factory=list)  # of its first try that was answered 202
    tries: int = 0


class Forges:
    """Send letters until they are answered, also while nobody listens."""

    def __init__(self, world: World, history: History, threads: int = 3):
        self._world, self._history = world, history
        self._line = Line(history.now, threads)
        self._sent: deque[Letter] = deque(maxlen=200)
        self.idle, self.end = self._line.idle, self._line.end

    def tell(self, repository: Repository, sender: int, change: Change, twice: bool = False) -> list[Letter]:
        letters = _letters(repository, sender, change)
        for letter in letters:
            if twice:  # on a busy machine the second may overtake the first
                letter.allowed = frozenset({ACCEPTED, DUPLICATE})
                self._line.put(self._history.now() + 0.2, partial(self._send, replace(letter)))
            self._line.put(0, partial(self._send, letter))
        return letters

    def stray(self, stray: Stray) -> None:
        repository = self._world.repositories[stray.repository]
        if stray.kind == "old_once_more":
            if self._sent:
                old = self._sent[stray.repository % len(self._sent)]
                letter = replace(old, allowed=frozenset({ACCEPTED, DUPLICATE}), accepted=[])
                self._line.put(0, partial(self._send, letter))
        else:
            self._line.put(0, partial(self._send, _stray_letter(stray.kind, repository)))
        self._history.did(f"delivery: {stray.kind}", repository=repository.name)

    def _send(self, letter: Letter) -> None:
        delivery, sent = letter.make(), self._history.now()
        letter.tries += 1
        under_harm = self._history.machine_is_harmed()
        try:
            status = request(self._world.daemon.public_port, letter.method,
                             f"/api/v1/webhooks/{letter.route}", delivery.body, delivery.headers,
                             timeout=PATIENCE).status
        except (OSError, HTTPException):
            status = None
        under_harm = under_harm or self._history.machine_is_harmed()
        self._history.note("answered", route=letter.route, status=status, sent=round(sent, 3),
                           repository=letter.repository and letter.repository.name)
        again = status in (None, UNAVAILABLE) or under_harm and status == UNAUTHORIZED
        if again and letter.repository:
            self._line.put(self._history.now() + SECONDS_BETWEEN_TRIES, partial(self._send, letter))
        if status is not None:
            self._judge(letter, status, sent, under_harm)

    def _judge(self, letter: Letter, status: int, sent: float, under_harm: bool) -> None:
        allowed = set(letter.allowed)
        if letter.tries > 1:
            allowed.add(DUPLICATE)  # of a try whose answer was lost
        if under_harm:
            allowed |= {UNAVAILABLE, UNAUTHORIZED}  # no room for the promise; a timestamp out of a clock's range
        self._history.tell("answered", letter.route, status, allowed, self._history.now(), quiet=True)
        if status == ACCEPTED and letter.repository:
            self._history.did("delivery: accepted", repository=letter.repository.name)
            letter.accepted.append(sent)
            self._sent.append(letter)
            self._history.tell("delivered", letter.repository.name, letter.ref, status, sent)


def _letters(repository: Repository, sender: int, change: Change) -> list[Letter]:
    id = str(uuid.uuid4())
    # The generic sender has no word for a deletion.
    if sender == len(SENDERS) or change.after == NO_COMMIT and SENDERS[sender].route == "generic":
        body = github_push(repository.url, change.after, change.ref, change.before)
        return [Letter("github", lambda: Delivery(github_headers(body, SECRET, delivery=id), body),
                       repository=repository, ref=change.ref)]
    forge = SENDERS[sender]
    return [Letter(f"{forge.route}/{repository.name}",
                   partial(forge.delivery, event, payload, id=f"{id}-{number}"),
                   repository=repository, ref=change.ref)
            for number, (event, payload) in enumerate(forge.payloads([change]))]


def _stray_letter(kind: str, repository: Repository) -> Letter:
    push = github_push(repository.url, "a" * 40)
    unknown = github_push(f"https://{repository.host}/nobody/knows/this.git", "a" * 40)
    signed = partial(github_headers, secret=SECRET)
    route, body, headers, status = {
        "wrong_signature": ("github", push, github_headers(push, "another secret"), 401),
        "no_signature": ("github", push, {"Content-Type": "application/json", "X-GitHub-Event": "push"}, 401),
        "malformed": ("github", push[:-5], signed(push[:-5]), 400),
        "unknown_repository": ("github", unknown, signed(unknown), 200),
        "unknown_name": ("github/nobody-knows-this", push, signed(push), 401),
        "ping": ("github", push, signed(push, event="ping"), 200),
        "unknown_route": ("nosuchforge", push, signed(push), 404),
        "not_a_method": ("github", push, signed(push), 405),
    }[kind]
    return Letter(route, lambda: Delivery(headers, body), frozenset({status}),
                  method="PUT" if kind == "not_a_method" else "POST")


class Pushers:
    """Change upstreams as people do, and have the forges tell of it."""

    def __init__(self, world: World, history: History, forges: Forges, threads: int = 2):
        self._world, self._history, self._forges = world, history, forges
        self.line = Line(history.now, threads)
        self.idle, self.end = self.line.idle, self.line.end

    def push(self, push: Push) -> None:
        repository = self._world.repositories[push.repository]
        with repository.origin.lock:
            _CHANGES[push.how](self, repository, push)
        self._history.did(f"push: {push.how}", repository=repository.name)

    def _new_commit(self, repository: Repository, push: Push) -> None:
        origin = repository.origin
        commit = origin.commit(origin.refs.get(push.ref))
        if push.lag and push.ref in origin.refs:
            letters = self._tell(repository, push, commit, origin.refs[push.ref])
            self.line.put(self._history.now() + push.lag,
                           partial(self._serve, repository, push.ref, commit, letters))
        else:
            self._move(repository, push, commit)

    def _serve(self, repository: Repository, ref: str, commit: str, letters: list[Letter]) -> None:
        """What was announced before, unless somebody pushed something else meanwhile."""
        origin = repository.origin
        with origin.lock:
            if origin.parent_of[commit] != origin.refs.get(ref):
                return
            self._history.push(repository, ref, commit)
            if any(letter.accepted for letter in letters):
                # A 202 holds for a ref that is served only seconds later.
                self._history.tell("delivered", repository.name, ref, ACCEPTED, self._history.now())

    def _burst(self, repository: Repository, push: Push) -> None:
        for _ in range(BURST):
            self._move(repository, push, repository.origin.commit(repository.origin.refs.get(push.ref)))

    def _rewrite(self, repository: Repository, push: Push) -> None:
        known = repository.origin.had[push.ref]
        rng = Random(f"{push}")
        self._move(repository, push, repository.origin.commit(rng.choice([None, known[0], rng.choice(known)])))

    def _back(self, repository: Repository, push: Push) -> None:
        self._move(repository, push, Random(f"{push}").choice(repository.origin.had[push.ref][-6:]))

    def _delete(self, repository: Repository, push: Push) -> None:
        """For a while: whoever publishes the ref rightly says that it is missing."""
        if push.ref not in repository.origin.refs:
            return
        self._history.harm([repository.name])
        self._move(repository, push, None)
        self.line.put(self._history.now() + push.again_after, partial(self._restore, repository, push))

    def _restore(self, repository: Repository, push: Push) -> None:
        with repository.origin.lock:
            self._new_commit(repository, replace(push, lag=0.0))
        self._history.heal([repository.name])

    def _topic(self, repository: Repository, push: Push) -> None:
        """A branch that comes, or goes."""
        ref = f"refs/heads/topic/{int(push.at * 10) % 5}"
        gone = ref in repository.origin.refs
        self._move(repository, replace(push, ref=ref), None if gone else repository.origin.refs.get(push.ref))

    def _loss(self, repository: Repository, push: Push) -> None:
        """Most refs go at once, and come back: until then a person would have to agree."""
        refs = [f"refs/heads/many/{number}" for number in range(LOSSES)]
        commit = repository.origin.had[push.ref][0]
        later = self._history.now() + push.again_after
        for ref in refs:
            self._move(repository, replace(push, ref=ref), commit)
        self.line.put(later, partial(self._lose, repository, push, refs))

    def _lose(self, repository: Repository, push: Push, refs: list[str]) -> None:
        self._history.harm([repository.name])
        with repository.origin.lock:
            for ref in refs:
                self._history.push(repository, ref, None)
        self._tell(repository, push, repository.origin.refs.get(push.ref) or NO_COMMIT)
        self.line.put(self._history.now() + push.again_after, partial(self._regain, repository, push, refs))

    def _regain(self, repository: Repository, push: Push, refs: list[str]) -> None:
        with repository.origin.lock:
            for ref in refs:
                self._history.push(repository, ref, repository.origin.had[push.ref][0])
        self._tell(repository, push, repository.origin.refs.get(push.ref) or NO_COMMIT)
        self._history.heal([repository.name])

    def _move(self, repository: Repository, push: Push, commit: str | None) -> None:
        before = repository.origin.refs.get(push.ref) or NO_COMMIT
        self._history.push(repository, push.ref, commit)
        self._tell(repository, push, commit, before)

    def _tell(self, repository: Repository, push: Push, commit: str | None,
              before: str = NO_COMMIT) -> list[Letter]:
        if push.sender is None:
            return []
        return self._forges.tell(repository, push.sender, Change(push.ref, before, commit or NO_COMMIT),
                                 push.twice)


_CHANGES = {"push": Pushers._new_commit, "burst": Pushers._burst, "rewrite": Pushers._rewrite,
            "back": Pushers._back, "delete": Pushers._delete, "topic": Pushers._topic,
            "loss": Pushers._loss}
