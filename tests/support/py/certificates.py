"""Certificates for servers of 127.0.0.1, 127.0.0.2 and localhost, made by openssl when a test needs them."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

NAMES = "subjectAltName=IP:127.0.0.1,IP:127.0.0.2,DNS:localhost"
NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


@dataclass(frozen=True)
class Authority:
    """A certificate authority, and one server that it vouches for."""

    ca_file: Path
    chain: Path
    key: Path


def make_authority(directory: Path) -> Authority:
    directory.mkdir(parents=True, exist_ok=True)
    made = Authority(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    ca_key, asked = directory / "ca.key", directory / "server.csr"
    names = directory / "names"
    names.write_text(NAMES + "\n")
    _openssl("req", "-x509", *NEW_KEY, "-keyout", ca_key, "-out", made.ca_file, "-days", "30",
             "-subj", f"/CN=Authority {directory.name}")
    _openssl("req", *NEW_KEY, "-keyout", made.key, "-out", asked, "-subj", "/CN=localhost")
    _openssl("x509", "-req", "-in", asked, "-CA", made.ca_file, "-CAkey", ca_key, "-CAcreateserial",
             "-days", "30", "-extfile", names, "-out", made.chain)
    return made


def _openssl(*arguments) -> None:
    subprocess.run(["openssl", *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                   check=True)
