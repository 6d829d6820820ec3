"""Runs the pinned engine (ministack) in this process, with checkpoints.

Started by ``engine.py`` with the interpreter of the engine's own virtual environment,
so it imports the standard library and ministack only.

The engine itself writes its state only when it ends cleanly. Here a checkpoint is taken
at every interval in which something was written, and on SIGUSR1. The process forks, and
the child writes the copy of memory it was born with: all services are seen at one moment
between two requests, and the parent goes on serving. A checkpoint is a directory of its
own that becomes valid by the rename of one small file (``current``), so a kill at any
point leaves the previous checkpoint whole. One that fails, on a full disk above all, leaves
nothing behind, is told to the process that started us over a pipe (which needs no disk), and
is tried again.

What a hard kill (SIGKILL, power cut) loses: everything acknowledged since the last
checkpoint, in all services alike, with two exceptions. Bodies of S3 objects are on disk
as soon as they are acknowledged (an object may then exist without the record that named
it), and multipart uploads that were not completed are always lost, even by a clean end.
"""

# ruff: noqa: SLF001, PLC0415  (hosting the engine means to reach into it, once it is configured)
from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import functools
import json
import os
import shutil
import signal
import socket
import sys
import time
import warnings
from pathlib import Path
from typing import Any, NoReturn

EXIT_UNKNOWN = 255  # of a checkpoint's process; others are the system's error numbers
EXIT_NOT_SAVED = 97
EXIT_PORT_IN_USE = 98
CHECKPOINT_DEADLINE_S = 120
CHECKPOINTS_KEPT = 2
CONDITIONS_KEPT = 1_000
# Date and Server are the engine's to send.
SERVED: dict[str, Any] = {"server_header": False, "date_header": False, "timeout_keep_alive": 75}
SERVED |= {"access_log": False, "log_config": None}
SERVED |= {"interface": "asgi3", "http": "httptools", "lifespan": "on", "ws": "none"}
PARENT_POLL_S = 1.0
READ_ONLY_OPERATIONS = (
    "Get",
    "Query",
    "Scan",
    "Describe",
    "List",
    "BatchGet",
    "TransactGet",
    "ReceiveMessage",
    "Encrypt",
    "Decrypt",
    "GenerateDataKey",
)


class Checkpoints:
    """The directory of checkpoints: which one is valid, and how a new one comes to be."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._pointer = root / "current"

    def current(self) -> Path:
        """The directory of the valid checkpoint; one that is empty where there is none."""
        with contextlib.suppress(FileNotFoundError):
            return self.root / self._pointer.read_text().strip()
        return self.root / "none"

    def write(self, states: dict[str, Any], encode: Any) -> None:
        """Write all services' states as one checkpoint, and make it the valid one.

        ``states`` holds a function per service; one that answers None has nothing to say
        (its module was never loaded), and its file is taken over from the last checkpoint.
        """
        name = f"{time.time_ns():020d}-{os.getpid()}"
        try:
            self._fill(self.root / name, states, encode)
            self._activate(name)
        except BaseException:
            self.remove_torn()
            raise

    def _fill(self, target: Path, states: dict[str, Any], encode: Any) -> None:
        previous = self.current()
        target.mkdir(parents=True)
        for service, get_state in states.items():
            state = get_state()
            if state is not None:
                _write_durably(target / f"{service}.json", encode(service, state))
        for old in previous.glob("*.json") if previous.is_dir() else ():
            if not (target / old.name).exists():
                shutil.copyfile(old, target / old.name)

    def _activate(self, name: str) -> None:
        fresh = self._pointer.with_suffix(f".{os.getpid()}")
        _write_durably(fresh, name)
        fresh.replace(self._pointer)
        directory = os.open(self.root, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)
        self.prune()

    def remove_torn(self) -> None:
        """Remove what a checkpoint that did not become valid has left: it may be what fills the disk.

        Nobody may be writing one meanwhile.
        """
        valid = self._pointer.read_text().strip() if self._pointer.exists() else ""
        for path in self.root.iterdir():
            if path.is_dir() and path.name > valid:
                shutil.rmtree(path, ignore_errors=True)
            elif path.name.startswith(f"{self._pointer.name}."):
                path.unlink(missing_ok=True)

    def prune(self) -> None:
        """Remove what no start will read: checkpoints before the last ones."""
        valid = self.current().name
        complete = sorted(p for p in self.root.iterdir() if p.is_dir() and p.name <= valid)
        for old in complete[:-CHECKPOINTS_KEPT]:
            shutil.rmtree(old, ignore_errors=True)


def _write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


class Teller:
    """Tells the process that started us how each checkpoint went, a line each; nobody has to listen."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        if descriptor is not None:
            os.set_inheritable(descriptor, False)
            os.set_blocking(descriptor, False)

    def saved(self) -> None:
        """Say that the state is saved."""
        self._tell("saved")

    def failed(self, reason: str) -> None:
        """Say why it is not, here and in the log; on a full disk the log takes nothing either."""
        self._tell(f"failed {reason}")
        with contextlib.suppress(OSError):
            print(f"checkpoint failed: {reason}; the previous one stays", flush=True)

    def _tell(self, line: str) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.write(self._descriptor, f"{line}\n".encode())


def _reason(error: BaseException) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__


class Host:
    """ministack in this process: serves, checkpoints, and ends cleanly on a signal."""

    def __init__(self, options: argparse.Namespace, listener: socket.socket) -> None:
        from ministack import app as engine  # type: ignore[import-not-found]
        from ministack.core import persistence  # type: ignore[import-not-found]

        self._engine = engine
        self._persistence = persistence
        self._options = options
        self._listener = listener
        self._checkpoints = Checkpoints(options.checkpoints) if options.checkpoints else None
        self._writes = 0
        self._writes_saved = 0
        self._writer_pid = 0
        self._orphaned = False
        self._teller = Teller(options.news_fd)
        _remember_checked_conditions(engine)
        if self._checkpoints:
            options.checkpoints.mkdir(parents=True, exist_ok=True)
            self._checkpoints.remove_torn()
            persistence.STATE_DIR = str(self._checkpoints.current())
            _remember_sent_mail(engine)

    async def serve(self) -> None:
        """Serve until a signal, or until the watched process is gone. Does not return."""
        from uvicorn import Config, Server  # type: ignore[import-not-found]

        self._stop, self._save = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(signum, self._stop.set)
        loop.add_signal_handler(signal.SIGUSR1, self._save.set)
        certificate, key = os.environ.get("MINISTACK_SSL_CERT"), os.environ.get("MINISTACK_SSL_KEY")
        config = Config(self._counting_writes, **SERVED, ssl_certfile=certificate, ssl_keyfile=key)
        server = Server(config)
        # Signals are ours, and the end too: it comes after the start, when all state is read.
        server.capture_signals, server.main_loop = contextlib.nullcontext, self._until_stopped
        helpers = [loop.create_task(self._watch_process())]
        if self._checkpoints:
            helpers.append(loop.create_task(self._checkpoint_forever()))
        await server.serve(sockets=[self._listener])

    async def _counting_writes(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._engine.app(scope, receive, send)
        finally:
            if scope["type"] == "http" and _may_write(scope):
                self._writes += 1

    async def _until_stopped(self) -> NoReturn:
        """End the process from within the loop, so that nothing is acknowledged after the save."""
        await self._stop.wait()
        if self._writer_pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._writer_pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._writer_pid, 0)  # noqa: ASYNC222  (it is dead already)
        saved = self._save_at_the_end() if self._checkpoints else True
        with contextlib.suppress(OSError):
            self._options.report.unlink()
        if self._orphaned and not self._checkpoints:
            shutil.rmtree(self._options.report.parent, ignore_errors=True)
        if os.getpgrp() == os.getpid():  # Lambda workers live in our process group
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.killpg(0, signal.SIGTERM)
        os._exit(0 if saved else EXIT_NOT_SAVED)

    def _save_at_the_end(self) -> bool:
        assert self._checkpoints is not None
        try:
            self._checkpoints.remove_torn()
            self._write_checkpoint()
        except BaseException as error:  # noqa: BLE001  (whatever it is, we end, and say what is lost)
            self._teller.failed(_reason(error))
            return False
        self._teller.saved()
        return True

    async def _watch_process(self) -> None:
        """An engine without an owner ends itself: no process is left behind."""
        while self._options.watch_pid:
            await asyncio.sleep(PARENT_POLL_S)
            try:
                os.kill(self._options.watch_pid, 0)
            except ProcessLookupError:
                self._orphaned = True
                self._stop.set()

    async def _checkpoint_forever(self) -> None:
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._save.wait(), self._options.interval)
            forced = self._save.is_set()
            self._save.clear()
            if forced or self._writes != self._writes_saved:
                await self._checkpoint_in_child()

    async def _checkpoint_in_child(self) -> None:
        seen = self._writes
        with warnings.catch_warnings():
            # The child only reads memory and writes files; a lock held by another thread at
            # this moment can stop it, which the deadline ends.
            warnings.simplefilter("ignore", DeprecationWarning)
            parent, child = os.getpid(), os.fork()
        if child == 0:
            self._write_and_exit(parent)
        self._writer_pid = child
        deadline = time.monotonic() + CHECKPOINT_DEADLINE_S
        status = None
        while status is None:
            await asyncio.sleep(0.02)
            done, code = os.waitpid(child, os.WNOHANG)  # noqa: ASYNC222  (does not block)
            if done:
                status = code
            elif time.monotonic() > deadline:
                os.kill(child, signal.SIGKILL)
        self._writer_pid = 0
        code = os.waitstatus_to_exitcode(status)
        if code == 0:
            self._writes_saved = seen
            self._teller.saved()
            return
        self._teller.failed(_ended_with(code))
        if self._checkpoints:
            with contextlib.suppress(OSError):
                self._checkpoints.remove_torn()  # what was killed did not clean up after itself

    def _write_and_exit(self, parent: int) -> NoReturn:
        try:
            os.closerange(3, 65536)  # else a client would not see its connection closed
            if os.getppid() == parent:
                self._write_checkpoint()
            os._exit(0)
        except BaseException as error:  # noqa: BLE001  (a forked child must not go on)
            with contextlib.suppress(OSError):
                os.write(2, f"checkpoint: {type(error).__name__}: {error}\n".encode())
            os._exit(error.errno if isinstance(error, OSError) and error.errno else EXIT_UNKNOWN)

    def _write_checkpoint(self) -> None:
        assert self._checkpoints is not None
        self._checkpoints.write(self._engine._build_persistence_save_dict(), self._encode)

    def _encode(self, service: str, state: Any) -> str:
        persistence = self._persistence
        wrapped = {
            "__ministack_format__": persistence._state_format_version(service),
            "payload": state,
        }
        return json.dumps(wrapped, default=persistence._json_default)


def _ended_with(code: int) -> str:
    """Say why a checkpoint's process ended so."""
    if code < 0:
        return f"it took longer than {CHECKPOINT_DEADLINE_S} s"
    return "see the engine's log" if code == EXIT_UNKNOWN else os.strerror(code)


def _remember_checked_conditions(engine: Any) -> None:
    """The grammar of a condition is checked at each use; the platform has few, and uses them all the time."""
    database = engine._get_module("dynamodb")
    database._condition_syntax_error = functools.lru_cache(CONDITIONS_KEPT)(database._condition_syntax_error)


def _remember_sent_mail(engine: Any) -> None:
    """Sent mail is not part of the engine's own state; the local mailbox should survive a restart."""
    ses = engine._get_module("ses")
    get_state, load_state = ses.get_state, ses.load_persisted_state

    def get_state_with_mail() -> dict[str, Any]:
        return {**get_state(), "sent_mail": ses._sent_emails}

    def load_state_with_mail(data: dict[str, Any]) -> None:
        load_state(data)
        ses._sent_emails.update(data.get("sent_mail") or {})

    ses.get_state, ses.load_persisted_state = get_state_with_mail, load_state_with_mail


def _may_write(scope: Any) -> bool:
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return False
    for name, value in scope["headers"]:
        if name == b"x-amz-target":
            operation = value.decode("latin-1").rpartition(".")[2]
            return not operation.startswith(READ_ONLY_OPERATIONS)
    return True


def _listen(host: str, port: int) -> socket.socket:
    # With its protocol named, or asyncio leaves Nagle's delay on: 40 ms an answer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen()  # only now can nobody else be given the port while we start
    listener.set_inheritable(False)
    return listener


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--report", type=Path, required=True, help="file told port and pid")
    parser.add_argument("--checkpoints", type=Path, help="without it, nothing is kept")
    parser.add_argument("--interval", type=float, default=30.0, help="seconds")
    parser.add_argument("--news-fd", type=int, help="descriptor that is told how each checkpoint went")
    parser.add_argument("--watch-pid", type=int, default=0, help="end when this one is gone")
    return parser.parse_args()


def main() -> int:
    """Bind first: the engine reads its own port from the environment when it is imported."""
    options = _options()
    try:
        listener = _listen(os.environ["BIND_HOST"], options.port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return EXIT_PORT_IN_USE
    port = listener.getsockname()[1]
    os.environ["GATEWAY_PORT"] = str(port)
    host = Host(options, listener)
    fresh = options.report.with_suffix(".tmp")
    fresh.write_text(json.dumps({"port": port, "pid": os.getpid()}))
    fresh.replace(options.report)
    asyncio.run(host.serve())
    return 0


if __name__ == "__main__":
    sys.exit(main())
