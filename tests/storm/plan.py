"""What befalls the world in a round, drawn from a seed alone. Pure: nothing of how it went comes in."""

import random
from dataclasses import dataclass

from faults import FAULTS, Fault
from senders import SENDERS
from world import LIVE, MAIN, STABLE, Repository, World

DELIVERIES = "deliveries"  # the kind of all stray deliveries
STRAYS = ("wrong_signature", "no_signature", "malformed", "unknown_repository", "ping", "old_once_more",
          "unknown_name", "unknown_route",
          "not_a_method")
# How a ref is changed, and how often.
CHANGES = {"push": 70, "burst": 6, "rewrite": 8, "back": 5, "delete": 4, "topic": 7}
LOSSES = 12  # refs: so many at once that a person has to agree
PUSHES_PER_SECOND = 5.0
SECONDS_BETWEEN_DISASTERS = 12


@dataclass(frozen=True)
class Push:
    at: float
    repository: int
    ref: str
    how: str
    sender: int | None  # of SENDERS, or one more: the general route; None: nobody tells
    lag: float = 0.0  # announced so many seconds before the upstream serves it
    twice: bool = False  # told twice
    again_after: float = 0.0  # how long a deleted ref is away


@dataclass(frozen=True)
class Stray:
    """A delivery that must change nothing."""

    at: float
    kind: str
    repository: int


@dataclass(frozen=True)
class Harm:
    at: float
    until: float
    target: str  # a repository's name or a host
    fault: Fault
    share: float


@dataclass(frozen=True)
class Blow:
    """One disaster."""

    at: float
    name: str
    seed: str


class Deck:
    """Draws each of the names once before any comes again, so that none is missed for long."""

    def __init__(self, seed: str, names: list[str]):
        self._rng, self._names, self._left = random.Random(seed), sorted(names), []

    def draw(self) -> str:
        if not self._left:
            self._left = self._rng.sample(self._names, len(self._names))
        return self._left.pop()


def kinds(disasters: dict) -> list[str]:
    """What --only and --without take."""
    return [*FAULTS, *disasters, DELIVERIES]


def make_plan(seed: str, world: World, seconds: float, chosen: set[str], disasters: Deck | None) -> list:
    """Events by their time. `chosen`: of kinds(); those of them that are disasters are in the deck."""
    rng = random.Random(seed)
    faults = [name for name in FAULTS if name in chosen]
    events = [*_harms(rng, world, seconds, faults)] if faults else []
    events += _pushes(rng, world.repositories, seconds, {harm.target for harm in events})
    if DELIVERIES in chosen:
        events += [Stray(rng.uniform(0, seconds), rng.choice(STRAYS), rng.randrange(len(world.repositories)))
                   for _ in range(int(seconds))]
    if disasters:
        events += _blows(rng, seconds, disasters, seed)
    return sorted(events, key=lambda event: event.at)


def _pushes(rng: random.Random, repositories: list[Repository], seconds: float, targets: set[str]):
    """More of them where harm is done, and to a few others."""
    rate = min(PUSHES_PER_SECOND, len(repositories) / 15)
    busy = rng.sample(range(len(repositories)), max(1, len(repositories) // 10))
    busy += [number for number, repository in enumerate(repositories)
             if targets & {repository.name, repository.host}]
    for _ in range(int(rate * seconds)):
        number = rng.choice(busy) if rng.random() < 0.5 else rng.randrange(len(repositories))
        repository = repositories[number]
        how = rng.choices(list(CHANGES), list(CHANGES.values()))[0]
        if how == "topic" and not repository.mirror:
            how = "push"
        elif how == "topic" and rng.random() < 0.3:
            how = "loss"
        ref = rng.choice(sorted(repository.followed() & {MAIN, STABLE, LIVE}))
        told = repository.delivers and (repository.interval is None or rng.random() < 0.8)
        yield Push(rng.uniform(0, seconds), number, ref, how,
                   sender=rng.randrange(len(SENDERS) + 1) if told else None,
                   lag=rng.uniform(0.2, 4) if told and how == "push" and rng.random() < 0.1 else 0.0,
                   twice=rng.random() < 0.1, again_after=rng.uniform(2, 8))


def _harms(rng: random.Random, world: World, seconds: float, faults: list[str]):
    """To some repositories and to one or two hosts; to each one thing at a time."""
    hosts = world.gateway.hosts + world.gateway.tls_hosts
    targets = rng.sample([repository.name for repository in world.repositories],
                         max(1, len(world.repositories) // 4))
    targets += rng.sample(hosts, rng.randint(1, 2))
    for target in targets:
        fault = FAULTS[rng.choice(faults)](rng)
        if fault.of_tls:
            target = rng.choice(world.gateway.tls_hosts)
        elif fault.of_host and target not in hosts:
            target = rng.choice(hosts)
        at = rng.uniform(0, seconds * 0.7)
        yield Harm(at, rng.uniform(at + 1, seconds), target, fault, rng.choice([1.0, 1.0, 0.7, 0.3]))


def _blows(rng: random.Random, seconds: float, disasters: Deck, seed: str):
    at = rng.uniform(2, SECONDS_BETWEEN_DISASTERS)
    while at < seconds:
        yield Blow(at, disasters.draw(), f"{seed} {at:.1f}")
        at += rng.uniform(0.5, 1.5) * SECONDS_BETWEEN_DISASTERS
