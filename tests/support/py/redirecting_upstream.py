"""What freshet does where an upstream of the internet redirects it: prints JSON lines.

Run in a network of its own (`unshare --user --map-root-user --net`), where addresses of the internet are
this machine's. Argument: a directory with the bare repository site.git.
"""

import json
import subprocess
import sys
from pathlib import Path

from daemon import run_freshet
from lies import redirect
from lying_server import LyingServer

# Addresses kept for documentation: nobody's, and none of a private network.
PUBLIC, OTHER_PUBLIC = "203.0.113.7", "203.0.113.8"
INTERNAL = ["127.0.0.1", "10.0.0.1", "192.168.7.7", "169.254.169.254", "100.64.0.1"]
# (the upstream, where it redirects to)
CASES = [(PUBLIC, OTHER_PUBLIC), *((PUBLIC, internal) for internal in INTERNAL), ("10.0.0.1", "192.168.7.7"),
         (PUBLIC, PUBLIC)]


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def publish(root: Path, number: int, upstream: str, target: str) -> dict:
    servers = [LyingServer(root, host=host).start() for host in (upstream, target)]
    try:
        servers[0].lie(redirect(servers[1].url()))
        path = root / f"www{number}/site"
        path.parent.mkdir()
        run = run_freshet("mirror", servers[0].url(root / "site.git"), path, "--once")
        return {"upstream": upstream, "target": target, "asked": servers[1].count(), "published": path.exists(),
                "status": run.returncode, "said": run.stderr}
    finally:
        for server in servers:
            server.close()


def main(root: Path) -> None:
    ip("link", "set", "lo", "up")
    for address in (PUBLIC, OTHER_PUBLIC, *INTERNAL[1:]):
        ip("address", "add", f"{address}/32", "dev", "lo")
    for number, (upstream, target) in enumerate(CASES):
        print(json.dumps(publish(root, number, upstream, target)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
