"""`freshet check` for people and programs: where a mistake is, and what may be shown of it."""

import json
import re
from pathlib import Path

import pytest

from daemon import run_freshet
from terminal import run_on_terminal
from toml import to_toml

DONE, USAGE = 0, 2
SOURCE = Path(__file__).resolve().parents[2]


@pytest.fixture
def check(tmp_path):
    config = tmp_path / "freshet.toml"

    def check(text: str, *arguments):
        config.write_text(text)
        return run_freshet("check", "--config", config, *arguments)

    return check


def test_the_mistake_is_marked_below_its_line(check, tmp_path):
    run = check('[log]\n\tlevel = "loud"  # 日本\n')
    assert run.returncode == USAGE
    assert run.stdout.splitlines() == [
        f'{tmp_path}/freshet.toml:2:10: error: log.level: expected "debug" or "info" or "warning" or "error"',
        '    2 |         level = "loud"  # 日本',
        '      |                 ^~~~~~',
        '1 error, 0 warnings',
    ]


def test_json_has_where_it_begins_and_ends(check):
    [problem] = json.loads(check('[log]\nlevel = "loud"\n', "--json").stdout)["problems"]
    assert {key: problem[key] for key in ("severity", "line", "column", "end_column", "key")} == {
        "severity": "error", "line": 2, "column": 9, "end_column": 15, "key": "log.level"}


def test_a_secret_in_the_file_is_told_to_nobody(check):
    secret = "ghp_0123456789abcdef"
    for text in (f'token = "{secret}"\n', f"token = {secret}\n", f'[admin]\ntoken_file = "{secret}"\n',
                 f'token = """\n{secret}\n"""\n'):
        for arguments in [], ["--json"]:
            run = check(text, *arguments)
            assert run.returncode == USAGE
            assert secret not in run.stdout + run.stderr


def test_colours_are_for_terminals_that_want_them(check, tmp_path):
    plain = check("[log]\nlevel = 1\n").stdout
    config = tmp_path / "freshet.toml"
    coloured = run_on_terminal("check", "--config", config)
    assert "\x1b[" not in plain and "\x1b[1;31m" in coloured
    for without in {"NO_COLOR": "1"}, {"TERM": "dumb"}:
        assert run_on_terminal("check", "--config", config, env=without) == plain


def test_control_characters_of_the_file_do_not_reach_the_terminal(check):
    run = check('[log]\nlevel = "\\u001b[31m"\n"\\u001bk" = 1\n')
    assert "\x1b" not in run.stdout
    assert "\\x1bk" in run.stdout


def test_warnings_alone_leave_the_file_valid(check, tmp_path):
    (tmp_path / "token").write_text("token")
    run = check(f'[[credential]]\nmatch = "ssh://example.invalid/*"\ntoken_file = "{tmp_path}/token"\n')
    assert run.returncode == DONE
    assert "0 errors, 1 warning" in run.stdout and ": valid, 0 repositories" in run.stdout


def test_what_a_refresh_would_miss_is_a_warning_before_anybody_asks_the_upstream(check, tmp_path):
    (tmp_path / "file").touch()
    text = f"""
state_dir = "{tmp_path}/file/state/"
[webhook]
secret_files = ["{tmp_path}/secret"]
[[credential]]
match = "https://example.invalid/*"
token_file = "{tmp_path}/none"
[admin]
token_file = "{tmp_path}/none"
[[repository]]
url = "https://example.invalid/a"
webhook_secret_files = ["{tmp_path}/own"]
[[repository.checkout]]
path = "{tmp_path}/file/tree//"
group = "nobody-is-called-so"
[[repository.gate]]
run = ["{tmp_path}/file/tree/comes-with-it"]
[[repository.gate]]
run = ["/nonexistent/gate", "x"]
[[repository.on_update]]
run = ["no-full-path"]
[[repository.on_update]]
run = ["{tmp_path}/file"]
[[repository.on_update]]
post = "https://example.invalid/hook"
secret_file = "{tmp_path}/ci"
"""
    run = check(text, "--json")
    assert run.returncode == DONE
    found = {(problem["line"], problem["column"], problem["key"]): problem["message"]
             for problem in json.loads(run.stdout)["problems"]}
    expected = {
        (2, 13, "state_dir"): "nothing can be kept",
        (4, 17, "webhook.secret_files"): f"cannot read the secret: cannot open {tmp_path}/secret",
        (7, 14, "credential.token_file"): f"cannot read {tmp_path}/none",
        (9, 14, "admin.token_file"): "nobody can sign in",
        (12, 25, "repository.webhook_secret_files"): f"{tmp_path}/own",
        (14, 8, "repository.checkout.path"): f"{tmp_path}/file/tree cannot be published",
        (15, 9, "repository.checkout.group"): "there is no group called nobody-is-called-so",
        (19, 8, "repository.gate.run"): "cannot run /nonexistent/gate: No such file",
        (23, 8, "repository.on_update.run"): f"cannot run {tmp_path}/file: Permission denied",
        (26, 15, "repository.on_update.secret_file"): "no request can be signed",
    }
    assert found.keys() == expected.keys()
    assert not [place for place, part in expected.items() if part not in found[place]], found
    lines = text.split("\n")
    shown = re.findall(r"^ +(\d+) \| (.*)$", check(text).stdout, re.M)
    assert len(shown) > 3
    assert not [line for number, line in shown if not lines[int(number) - 1].startswith(line.rstrip("…"))], shown


def test_a_warning_about_a_default_stands_where_the_default_does(check, tmp_path):
    run = check(f"""[defaults]
group = "nobody-is-called-so"
[[repository]]
url = "https://example.invalid/a"
path = "{tmp_path}/a"
""", "--json")
    assert [(problem["line"], problem["key"]) for problem in json.loads(run.stdout)["problems"]] == [
        (2, "defaults.group")]


def test_the_line_for_safe_directory_is_printed(check, tmp_path):
    repositories = [{"name": mode, "url": "https://example.invalid/a", "path": f"{tmp_path}/{mode}",
                     "mode": mode, "git": git}
                    for mode, git in (("atomic", True), ("in_place", True))]
    plain = {"name": "plain", "url": "https://example.invalid/a", "path": f"{tmp_path}/plain", "git": False}
    text = to_toml({"repository": [*repositories, plain]})
    expected = [f"{tmp_path}/.atomic.freshet/*", f"{tmp_path}/in_place"]

    run = check(text)
    for directory in expected:
        assert f"git config --system --add safe.directory '{directory}'" in run.stdout
    assert "/plain" not in run.stdout
    assert json.loads(check(text, "--json").stdout)["safe_directories"] == expected


def test_the_example_configuration_is_valid():
    run = run_freshet("check", "--config", SOURCE / "etc/freshet.toml")
    assert run.returncode == DONE, run.stdout
    complaints = [line for line in run.stdout.splitlines() if re.search(": (error|warning): ", line)]
    assert all("no writing in" in line for line in complaints), "whoever runs this may not write in /srv"


def test_the_example_configuration_is_valid_with_every_setting_in_use(tmp_path):
    """"#key" and "#[header]" are settings that wait to be used; "# " explains."""
    lines = (SOURCE / "etc/freshet.toml").read_text().splitlines()
    config = tmp_path / "freshet.toml"
    used = [line[1:] if line[:1] == "#" and line[1:2] not in (" ", "") else line for line in lines]
    # The certificate alone has to be there for a start.
    config.write_text("".join(line + "\n" for line in used if not line.startswith("tls_")))
    run = run_freshet("check", "--config", config)
    assert run.returncode == DONE, run.stdout
    assert ": error:" not in run.stdout


def test_the_example_configuration_shows_every_setting():
    text = (SOURCE / "etc/freshet.toml").read_text()
    reference = (SOURCE / "docs/configuration.md").read_text()
    keys = {line.split("`")[1] for line in reference.splitlines() if line.startswith("### `")}
    assert len(keys) > 40
    missing = {key for key in keys if f"{key} =" not in text and f"{key}]]" not in text}
    assert not missing
