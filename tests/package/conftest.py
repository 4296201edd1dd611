"""What the tests of the package start from: the package, and a machine to install it in."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support/py"))

from installed import Installed  # noqa: E402
from machine import Machine, NoMachine  # noqa: E402

MACHINES = ROOT / "build/machine"
NEWER = "99.0"


def build_package(version: str = "") -> Path:
    """The package of this tree; it is built anew where something changed."""
    run = subprocess.run([ROOT / "scripts/build-package", MACHINES / f"package{version}"], capture_output=True,
                         text=True, env=os.environ | {"FRESHET_PACKAGE_VERSION": version})
    assert run.returncode == 0, run.stderr[-3000:]
    return Path(run.stdout.strip())


@pytest.fixture(scope="module")
def package():
    return build_package()


@pytest.fixture(scope="module")
def newer_package():
    return build_package(NEWER)


@pytest.fixture(scope="module")
def machine(package, tmp_path_factory):
    """A running machine in which the package can be installed, and is not."""
    try:
        machine = Machine(MACHINES, tmp_path_factory.mktemp("machine"))
        machine.download(package)
        machine.start()
    except NoMachine as reason:
        pytest.skip(f"no machine to install in: {reason}")
    yield machine
    machine.remove()


@pytest.fixture(scope="module")
def installed(machine, package):
    """The package, installed as its user would: its service runs and follows nothing."""
    machine.install(package)
    return Installed(machine)
