"""Serves localstripe on this machine alone, and tells its port on standard output.

Its own command listens on every interface, and keeps what it was told in a file of the whole machine.
"""

from __future__ import annotations

import socket

from aiohttp import web
from localstripe.resources import store
from localstripe.server import app


def main() -> None:
    """Serve until the process is ended."""
    store.dump_to_disk = lambda: None
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()  # before the port is told: who knows it may connect at once
    print(listening.getsockname()[1], flush=True)
    web.run_app(app, sock=listening, print=None, access_log=None)


if __name__ == "__main__":
    main()
