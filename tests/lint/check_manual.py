"""The manual pages are well-formed, and freshet(1) tells of every command and option of the program,
and of no other. The completions parse in their shells, where those are installed."""

import re
import shutil
import subprocess

from lint import Finding, main, project_files

PAGES = ("docs/man/freshet.1", "docs/man/freshet.8", "docs/man/freshet.toml.5")
# About what is installed on this machine, which is not the pages' fault.
OF_THE_MACHINE = ("referenced manual not found", "mandoc.db")
SHELLS = {".bash": ["bash", "-n"], "_freshet": ["zsh", "-n"], ".fish": ["fish", "--no-execute"]}


def help_of(program, *command):
    return subprocess.run([program, *command, "--help"], check=True, capture_output=True, text=True).stdout


def options_of(text):
    return set(re.findall(r"^  (?:-\w,)?(--[a-z-]+)", text, re.MULTILINE))


def commands_of(program):
    """Command -> its options, as --help tells; "" for those without a command."""
    overview = help_of(program)
    names = re.findall(r"^  ([a-z]+) {2,}", overview.split("Subcommands:")[1], re.MULTILINE)
    return {"": options_of(overview)} | {name: options_of(help_of(program, name)) for name in names}


def check_page(source, path):
    run = subprocess.run(["mandoc", "-T", "lint", "-W", "style", path], cwd=source, capture_output=True,
                         text=True)
    for line in (run.stdout + run.stderr).splitlines():
        if not any(text in line for text in OF_THE_MACHINE):
            place = re.match(r"mandoc: [^:]+:(\d+):\d+: (.*)", line)
            yield Finding(path, int(place[1]) if place else 1, place[2] if place else line)


def check_commands(source, commands):
    """Each command is an entry of the list "Commands", with its options in its own list."""
    path = PAGES[0]
    page = (source / path).read_text().replace("\\-", "-")
    told = dict(re.findall(r"^\.It Cm (\w+)(.*?)(?=^\.It Cm |^\.Sh )", page, re.MULTILINE | re.DOTALL))
    common = set(re.findall(r"^\.It Fl (?:h , Fl )?(-[a-z-]+)", page.split(".Ss Commands")[0], re.MULTILINE))
    common = {f"-{option}" for option in common}
    for name in sorted(set(commands) - set(told) - {""}):
        yield Finding(path, 1, f"does not tell of the command {name}")
    for name in sorted(set(told) - set(commands)):
        yield Finding(path, 1, f"tells of {name}, which is no command")
    for name, entry in told.items():
        options = {f"-{option}" for option in re.findall(r"Fl (-[a-z-]+)", entry)}
        for option in sorted(commands.get(name, set()) - options - common):
            yield Finding(path, 1, f"does not tell of {name} {option}")
        for option in sorted(set(re.findall(r"^\.It Fl (-[a-z-]+)", entry, re.MULTILINE))):
            if f"-{option}" not in commands.get(name, set()):
                yield Finding(path, 1, f"tells of {name} -{option}, which is no option of it")
    for option in sorted(commands[""] - common):
        yield Finding(path, 1, f"does not tell of {option}")


def check_completions(source):
    for path in project_files(source):
        for end, command in SHELLS.items():
            if path.startswith("completions/") and path.endswith(end) and shutil.which(command[0]):
                run = subprocess.run([*command, path], cwd=source, capture_output=True, text=True)
                if run.returncode:
                    yield Finding(path, 1, run.stderr.strip())


def check(source, build):
    for path in PAGES:
        yield from check_page(source, path)
    yield from check_commands(source, commands_of(build / "freshet"))
    yield from check_completions(source)


if __name__ == "__main__":
    main(check)
