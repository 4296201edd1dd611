"""Certificates for the gateway's hosts: one that is right, and those that are wrong in one way each."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


@dataclass(frozen=True)
class Certificates:
    ca_file: Path  # of the authority that vouches for all but the self-signed one
    pairs: dict[str, tuple[str, str]]  # kind -> files of the chain and of its key


def make_certificates(directory: Path, hosts: list[str]) -> Certificates:
    directory.mkdir(parents=True, exist_ok=True)
    ca, ca_key = directory / "ca.pem", directory / "ca.key"
    _openssl("req", "-x509", *NEW_KEY, "-keyout", ca_key, "-out", ca, "-days", "30",
             "-subj", "/CN=The storm's authority")

    def issue(kind: str, names: list[str], days: int) -> tuple[str, str]:
        asked, chain, key = (directory / f"{kind}.{suffix}" for suffix in ("csr", "pem", "key"))
        extensions = directory / f"{kind}.extensions"
        extensions.write_text(_alternative(names) + "\n")
        _openssl("req", *NEW_KEY, "-keyout", key, "-out", asked, "-subj", "/CN=storm")
        _openssl("x509", "-req", "-in", asked, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial",
                 "-days", days, "-extfile", extensions, "-out", chain)
        return str(chain), str(key)

    own, own_key = directory / "self_signed.pem", directory / "self_signed.key"
    _openssl("req", "-x509", *NEW_KEY, "-keyout", own_key, "-out", own, "-days", "30",
             "-subj", "/CN=storm", "-addext", _alternative(hosts))
    return Certificates(ca, {
        "good": issue("good", hosts, 30),
        "wrong_name": issue("wrong_name", ["127.0.0.99"], 30),
        "expired": issue("expired", hosts, -1),
        "self_signed": (str(own), str(own_key)),
    })


def _alternative(hosts: list[str]) -> str:
    return "subjectAltName=" + ",".join(f"IP:{host}" for host in hosts)


def _openssl(*arguments) -> None:
    run = subprocess.run(["openssl", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                         text=True)
    assert run.returncode == 0, run.stderr
