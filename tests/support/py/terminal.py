"""A command as a person sees it, on a terminal of a given width."""

import fcntl
import os
import pty
import struct
import subprocess
import termios

from daemon import BINARY


def run_on_terminal(*arguments, columns: int = 80, env: dict | None = None) -> str:
    """What a command prints, to its end, where standard output and error are a terminal."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    child = subprocess.Popen([BINARY, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=its, stderr=its,
                             env=dict(os.environ, TERM="xterm") | (env or {}))
    os.close(its)
    printed = b""
    try:
        while piece := os.read(ours, 65536):
            printed += piece
    except OSError:  # the other side is closed
        pass
    os.close(ours)
    child.wait()
    return printed.decode().replace("\r\n", "\n")
