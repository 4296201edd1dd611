"""A short storm with another seed each time; FRESHET_STORM_SEED repeats one."""

import os
import random
import shutil
import tempfile
from pathlib import Path

from disasters import DISASTERS
from plan import kinds
from storm import Options, Storm


def test_every_promise_is_kept_through_a_storm():
    seed = int(os.environ.get("FRESHET_STORM_SEED", random.SystemRandom().randrange(10**6)))
    print(f"FRESHET_STORM_SEED={seed}")
    # Not pytest's own directory, which is kept when all was well, too; its path is long for a socket.
    directory = Path(tempfile.mkdtemp(prefix="freshet-storm-"))
    print(f"everything is in {directory}")
    options = Options(seed, minutes=0.5, repositories=60, chosen=frozenset(kinds(DISASTERS)), round_seconds=30)
    assert Storm(directory, options).run(), "a promise was broken; the table above says which"
    shutil.rmtree(directory)
