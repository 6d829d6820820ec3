"""The directory of checkpoints: what fails leaves nothing, what is valid stays."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from chalicelib.local.engine_main import Checkpoints


def names(root: Path) -> set[str]:
    return {path.name for path in root.iterdir()}


def write(checkpoints: Checkpoints, **states: str) -> None:
    checkpoints.write(
        {name: lambda state=state: state for name, state in states.items()}, lambda _, state: state
    )


def test_a_full_disk_leaves_the_last_checkpoint_and_nothing_else(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    write(checkpoints, s3="one", sqs="one")
    before = names(tmp_path)
    encoded: list[str] = []

    def full(service: str, _state: Any) -> str:
        encoded.append(service)
        if len(encoded) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return "two"

    with pytest.raises(OSError, match="No space left"):
        checkpoints.write({"s3": lambda: "two", "sqs": lambda: "two"}, full)

    assert names(tmp_path) == before
    assert (checkpoints.current() / "sqs.json").read_text() == "one"


def test_a_first_checkpoint_that_fails_leaves_nothing(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)

    def full(_service: str, _state: Any) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space left"):
        checkpoints.write({"s3": lambda: "one"}, full)

    assert names(tmp_path) == set()


def test_only_what_is_torn_is_removed(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for state in ("one", "two"):
        write(checkpoints, s3=state)
    whole = names(tmp_path)
    (tmp_path / "99999999999999999999-1").mkdir()
    (tmp_path / "current.17").write_text("99999999999999999999-1")

    checkpoints.remove_torn()

    assert names(tmp_path) == whole
    assert (checkpoints.current() / "s3.json").read_text() == "two"
