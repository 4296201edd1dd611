"""The lints find what they are for: each is fed a small tree that is wrong in known places."""

import json
import os
import tempfile
from pathlib import Path

import check_documents
import check_format
import check_includes
import check_scripts
import check_tests
import check_text
import check_thread_safety
import check_threats
from lint import Finding, main

MUTEX = """\
struct __attribute__((capability("mutex"))) Mutex {
  void lock() __attribute__((acquire_capability()));
};
"""
BAD_LOCKING = """\
#include "base/mutex.h"
struct Counter {
  int next() { return ++value_; }
  Mutex mutex_;
  int value_ __attribute__((guarded_by(mutex_))) = 0;
};
"""
THREATS = """\
[here](README.md)
| A1 | held |
| A2 | held by nobody |
| A1 | again |
| A3 | held by what is not there |
- A1: `unit/schedule_plan_test.cpp::Plan.Waits`, `fuzz/plan_fuzzer.cpp`,
  `e2e/test_push.py::test_a_push`
- A3: `unit/schedule_plan_test.cpp::Plan.Gone`,
  `e2e/test_gone.py::test_a_push`,
  `e2e/test_push.py`
- A4: nothing
- A1: `e2e/test_push.py::test_a_push`
"""
FILES = {
    ".clang-format": "BasedOnStyle: Google\nSortIncludes: Never\n",
    "src/base/mutex.h": MUTEX,
    "src/base/a.cpp": '#include <nlohmann/json.hpp>\n#include "model/job.h"\n',
    "src/base/b.cpp": "#include <nlohmann/json.hpp>\n#include <sys/types.h>\n#include <vector>\n",
    "src/model/job.h": '#include "base/mutex.h"\n',
    "src/schedule/plan.cpp": '#include "remote/upstream.h"\n#include <git2.h>\n#include <boost/a.hpp>\n',
    "src/remote/upstream.h": '#include "model/job.h"\n#include "no/such.h"\n',
    "src/webhook/github.cpp": '#include "http/message.h"\n#include "http/server.h"\n',
    "src/http/message.h": "// TODO later\n",
    "src/http/server.h": "\tint a; \n\n",
    "src/state/store.cpp": BAD_LOCKING,
    "src/other/a.h": "int  a;",
    "tests/unit/schedule_plan_test.cpp":
        '#include "mirror/mirror.h"\nint a = sleep(1);\nTEST(Plan, Waits) {}\n',
    "tests/fuzz/plan_fuzzer.cpp": "int a;\n",
    "src/mirror/mirror.h": "int a;\n",
    "tests/unit/schedule_tests.cpp": "int a;\n",
    "tests/e2e/test_push.py": "import time\ntime.sleep(1)\ndef test_a_push(): pass\n",
    "scripts/broken": "#!/bin/bash\nif true\n",
    "scripts/plain": "echo\n",
    "README.md": "[docs](docs/README.md#the-index-of-it)\n[gone](docs/gone.md)\n`[code](no.md)`\n",
    "docs/README.md": "# The `index` of it\n[here](#here)\n[a](a.md)\n```\n[x](y)\n```\n",
    "docs/a.md": "<img src=\"a.png\">\n```sh\n",
    "docs/alone.md": "# Alone\n",
    "docs/security.md": THREATS,
}
EXPECTED = {
    check_includes: {
        ("src/base/a.cpp", 2), ("src/base/b.cpp", 1), ("src/schedule/plan.cpp", 1),
        ("src/schedule/plan.cpp", 2), ("src/schedule/plan.cpp", 3), ("src/remote/upstream.h", 2),
        ("src/webhook/github.cpp", 2), ("src/other/a.h", 1), ("tests/unit/schedule_plan_test.cpp", 1),
    },
    check_text: {
        ("src/http/message.h", 1), ("src/http/server.h", 1), ("src/http/server.h", 2),
        ("src/other/a.h", 1),
    },
    check_tests: {
        ("tests/unit/schedule_plan_test.cpp", 1), ("tests/unit/schedule_plan_test.cpp", 2),
        ("tests/unit/schedule_tests.cpp", 1), ("tests/e2e/test_push.py", 1),
        ("tests/e2e/test_push.py", 2),
    },
    check_scripts: {("scripts/broken", 1), ("scripts/plain", 1)},
    check_documents: {
        ("README.md", 2), ("docs/README.md", 2), ("docs/README.md", 4), ("docs/a.md", 1), ("docs/a.md", 2),
        ("docs/alone.md", 1), ("docs/security.md", 1),
    },
    check_threats: {("docs/security.md", line) for line in (3, 4, 8, 9, 10, 11, 12)},
    check_format: {("src/http/server.h", 1), ("src/other/a.h", 1)},
    check_thread_safety: {("src/state/store.cpp", 3)},
}


def make_tree(root):
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    os.chmod(root / "scripts/broken", 0o755)
    build = root / "build"
    build.mkdir()
    (build / "CTestTestfile.cmake").write_text("")
    store = root / "src/state/store.cpp"
    (build / "compile_commands.json").write_text(json.dumps([
        {"directory": str(build), "file": str(store), "command": f"g++ -I{root}/src -c {store}"}]))
    return build


def check(_source, _build):
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory).resolve()
        build = make_tree(root)
        for lint, expected in EXPECTED.items():
            found = {(finding.path, finding.line) for finding in lint.check(root, build)}
            name = f"tests/lint/{lint.__name__}.py"
            for path, line in sorted(expected - found):
                yield Finding(name, 1, f"does not find {path}:{line}")
            for path, line in sorted(found - expected):
                yield Finding(name, 1, f"finds {path}:{line}, which is right")


if __name__ == "__main__":
    main(check)
