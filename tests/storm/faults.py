"""What an upstream, or the way to it, can do wrong: values that the gateway acts on (gateway_harm.py)."""

import random
from dataclasses import asdict, dataclass

# The kinds of request that a fault can be limited to.
INFO_REFS, LS_REFS, FETCH = "info_refs", "ls_refs", "fetch"


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, the same way each time. Lasts until it is healed."""

    kind: str
    how: str = ""  # which variety of it
    seconds: float = 0.0  # how late, or between two bytes
    part: float = 0.5  # where in the body, from 0 to 1
    status: int = 0
    retry_after: str = ""  # as the header has it; empty: none
    requests: tuple[str, ...] = ()  # the kinds of request that it befalls; empty: all

    def __str__(self) -> str:
        words = [str(value) for name, value in asdict(self).items()
                 if value and name not in ("kind", "requests", "part")]
        words += [f"at {self.part:.2f}"] if self.kind in WITHIN_A_BODY else []
        return " ".join([self.kind, *words, *(f"of {kind}" for kind in self.requests)])

    @property
    def of_host(self) -> bool:
        """It befalls connections, so a single repository cannot have it."""
        return self.kind in OF_HOSTS

    @property
    def of_tls(self) -> bool:
        return self.kind == "tls"


OF_HOSTS = {"tls", "refuse", "mute"}
WITHIN_A_BODY = {"stall", "truncate", "corrupt"}

DELAYS = ("request", "answer")  # the upstream hears of it late; it answers in time, which arrives late
STALLS = ("head", "body")
RESETS = ("request", "head", "body")
# Ends like a whole answer; short of its Content-Length; without, and with, the last chunk.
TRUNCATIONS = ("close", "length", "chunks", "chunks_ended")
CORRUPTIONS = ("body", "packet_length", "pack")
STATUS = (401, 403, 404, 410, 429, 500, 502, 503, 504)
PAGES = ("html", "html_as_git", "empty", "garbage")
REDIRECTS = ("loop", "file", "nowhere")
HEADS = ("one_line", "many_lines")
TLS = ("wrong_name", "expired", "self_signed", "cut", "plain")


def _some_requests(rng: random.Random) -> tuple[str, ...]:
    return rng.choice([(), (), (LS_REFS,), (FETCH,), (INFO_REFS,)])


def _delay(rng: random.Random) -> Fault:
    return Fault("delay", rng.choice(DELAYS), seconds=round(rng.uniform(0.05, 3), 2))


def _stall(rng: random.Random) -> Fault:
    return Fault("stall", rng.choice(STALLS), part=rng.random(), requests=_some_requests(rng))


def _reset(rng: random.Random) -> Fault:
    return Fault("reset", rng.choice(RESETS), part=rng.random(), requests=_some_requests(rng))


def _truncate(rng: random.Random) -> Fault:
    return Fault("truncate", rng.choice(TRUNCATIONS), part=rng.random(), requests=_some_requests(rng))


def _corrupt(rng: random.Random) -> Fault:
    return Fault("corrupt", rng.choice(CORRUPTIONS), part=rng.random())


def _status(rng: random.Random) -> Fault:
    status = rng.choice(STATUS)
    # Short, for freshet rightly stays away for as long as it is told, also when all is well again.
    waits = status in (429, 503) and rng.random() < 0.5
    return Fault("status", status=status, retry_after=str(rng.randint(1, 4)) if waits else "",
                 requests=_some_requests(rng))


def _page(rng: random.Random) -> Fault:
    return Fault("page", rng.choice(PAGES), requests=_some_requests(rng))


def _slow(rng: random.Random) -> Fault:
    return Fault("slow", seconds=round(rng.uniform(0.05, 0.8), 2), requests=_some_requests(rng))


def _redirect(rng: random.Random) -> Fault:
    return Fault("redirect", rng.choice(REDIRECTS))


def _head(rng: random.Random) -> Fault:
    return Fault("head", rng.choice(HEADS))


def _version0(_: random.Random) -> Fault:
    return Fault("version0")


def _tls(rng: random.Random) -> Fault:
    return Fault("tls", rng.choice(TLS))


def _refuse(_: random.Random) -> Fault:
    return Fault("refuse")


def _mute(_: random.Random) -> Fault:
    return Fault("mute")


# kind -> makes one from a seed's numbers
FAULTS = {
    "delay": _delay, "stall": _stall, "reset": _reset, "truncate": _truncate, "corrupt": _corrupt,
    "status": _status, "page": _page, "slow": _slow, "redirect": _redirect, "head": _head,
    "version0": _version0, "tls": _tls, "refuse": _refuse, "mute": _mute,
}
