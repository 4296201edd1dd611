"""The gateway's own process: passes requests on to the backend, and harms those that it is told to.

Started by gateway.py, which gives it its settings as an argument, and its listening sockets and the
socket by which it is told what to do as descriptors. It ends when the latter does."""

import asyncio
import json
import random
import resource
import socket
import ssl
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from faults import Fault
from gateway_exchange import Backend, Exchange, reset
from gateway_harm import half_a_handshake, harm
from gateway_wire import LARGEST_HEAD, body_pieces, joined, read_head


@dataclass
class Rule:
    """A fault that holds until it is withdrawn."""

    target: str
    fault: Fault
    share: float
    withdrawn: asyncio.Event = field(default_factory=asyncio.Event)


class Client(asyncio.StreamReaderProtocol):
    """A client's connection: whoever serves it is stopped when it ends, also while it waits."""

    def __init__(self, serve):
        self._reader = asyncio.StreamReader(LARGEST_HEAD)  # the base keeps a weak reference only
        super().__init__(self._reader)
        self._serve_it, self._serving = serve, None

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        loop = asyncio.get_running_loop()
        writer = asyncio.StreamWriter(transport, self, self._reader, loop)
        self._serving = loop.create_task(self._serve_it(self._reader, writer))

    def eof_received(self) -> bool:
        super().eof_received()
        return False

    def connection_lost(self, error) -> None:
        super().connection_lost(error)
        self._serving.cancel()


class Host:
    """A listener, and the connections that came to it."""

    def __init__(self, gateway: "GatewayServer", name: str, listener: socket.socket,
                 contexts: dict[str, ssl.SSLContext] | None):
        self.name, self.contexts = name, contexts
        self._gateway, self._listener, self._address = gateway, listener, listener.getsockname()
        self._open: set[asyncio.Transport] = set()
        self._accepting: asyncio.Task | None = None

    def listen(self) -> None:
        if self._listener is None:
            self._listener = socket.socket()
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._listener.bind(self._address)
        self._listener.listen(512)
        self._listener.setblocking(False)
        self._accepting = asyncio.create_task(self._accept())

    def refuse(self) -> None:
        if self._listener is None:
            return
        self._accepting.cancel()
        self._listener.close()
        self._listener = None

    def cut(self) -> None:
        """Ends all connections, so that new ones are made."""
        for transport in list(self._open):
            reset(transport)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(self._listener)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._gateway.keep(asyncio.create_task(self._welcome(sock)))

    async def _welcome(self, sock: socket.socket) -> None:
        """The fault of a host, if there is one, befalls the connection; else its requests are served."""
        rule = self._gateway.rule_of_host(self.name)
        loop = asyncio.get_running_loop()
        context = self.contexts and self.contexts["good"]
        if rule and rule.fault.kind == "mute":
            with sock:
                await rule.withdrawn.wait()
            return
        if rule and rule.fault.kind == "tls":
            self._gateway.harmed_connections[self.name] += 1
            if rule.fault.how in ("cut", "plain"):
                with sock:
                    hello = await loop.sock_recv(sock, 4096)
                    await loop.sock_sendall(sock, half_a_handshake(context, hello)
                                            if rule.fault.how == "cut"
                                            else b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                return
            context = self.contexts[rule.fault.how]
        try:
            await loop.connect_accepted_socket(lambda: Client(self._serve), sock, ssl=context)
        except (OSError, ssl.SSLError):
            sock.close()  # the client did not like what it saw

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer.transport)
        try:
            while (head := await read_head(reader)) is not None:
                if b"expect" in head.fields:
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = await joined(body_pieces(reader, head, is_request=True))
                exchange = Exchange(self._gateway.backend, writer, head, body, self._gateway.rng)
                await self._gateway.handle(self.name, exchange)
                if exchange.is_over:
                    break
            writer.close()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            reset(writer.transport)
        finally:
            self._open.discard(writer.transport)


class GatewayServer:
    def __init__(self, settings: dict):
        self.backend = Backend(settings["backend"])
        self.rng = random.Random(settings["seed"])
        self.harmed_connections = Counter()
        self._requests, self._failed, self._harmed = Counter(), Counter(), defaultdict(Counter)
        self._rules: list[Rule] = []
        self._tasks: set[asyncio.Task] = set()
        contexts = {kind: _context(chain, key) for kind, (chain, key) in settings["certificates"].items()}
        self._hosts = {name: Host(self, name, socket.socket(fileno=fd), contexts if tls else None)
                       for name, fd, tls in settings["hosts"]}

    def listen(self) -> None:
        for host in self._hosts.values():
            host.listen()

    def keep(self, task: asyncio.Task) -> None:
        """The event loop only refers to tasks weakly."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Requests

    def rule_of_host(self, name: str) -> Rule | None:
        return next((rule for rule in self._rules if rule.target == name and rule.fault.of_host
                     and self.rng.random() < rule.share), None)

    def _rule_for(self, host: str, exchange: Exchange) -> Rule | None:
        return next((rule for rule in self._rules
                     if rule.target in (exchange.repository, host) and not rule.fault.of_host
                     and exchange.kind in (rule.fault.requests or (exchange.kind,))
                     and self.rng.random() < rule.share), None)

    async def handle(self, host: str, exchange: Exchange) -> None:
        self._requests[exchange.repository] += 1
        rule = self._rule_for(host, exchange)
        try:
            if rule is None:
                await exchange.pass_on()
                return
            # Counted before, for the client may be gone while it lasts.
            self._harmed[exchange.repository][rule.fault.kind] += 1
            exchange.withdrawn = rule.withdrawn
            if not await harm(exchange, rule.fault):
                self._harmed[exchange.repository][rule.fault.kind] -= 1
        except (OSError, asyncio.IncompleteReadError) as error:
            # Of the client's own end nobody hears here: it cancels the task.
            self._failed[exchange.repository] += 1
            print(f"{exchange.repository} {exchange.kind}: {error!r}", file=sys.stderr, flush=True)
            if exchange.begun:
                exchange.reset()
            else:
                await exchange.send_whole(b"502 Backend", b"")
        finally:
            exchange.release()

    # What it is told

    def harm(self, target: str, fault: dict, share: float) -> None:
        rule = Rule(target, Fault(**fault | {"requests": tuple(fault["requests"])}), share)
        self._rules.append(rule)
        if rule.fault.of_host:
            if rule.fault.kind == "refuse":
                self._hosts[target].refuse()
            self._hosts[target].cut()

    def heal(self, target: str | None) -> None:
        healed = [rule for rule in self._rules if target in (None, rule.target)]
        self._rules = [rule for rule in self._rules if rule not in healed]
        for rule in healed:
            rule.withdrawn.set()
            if rule.fault.of_host:
                self._hosts[rule.target].cut()
        for host in {rule.target for rule in healed if rule.fault.kind == "refuse"}:
            self._hosts[host].listen()

    def cut(self, target: str) -> None:
        self._hosts[target].cut()

    def seen(self) -> dict:
        return {name: [count, self._failed[name], +self._harmed[name]]
                for name, count in self._requests.items()}

    async def obey(self, control: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=control)
        while line := await reader.readline():
            verb, arguments = json.loads(line)
            answer = getattr(self, verb)(*arguments)
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()


def _context(chain: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    return context


async def main(settings: dict) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    server = GatewayServer(settings)
    server.listen()
    await server.obey(socket.socket(fileno=settings["control"]))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
