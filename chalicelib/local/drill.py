"""``make drill`` and ``make ending``: each on demo data, and an engine of its own that forgets everything.

A drill is a backup and its restore; exit status 0 where what was restored is what was backed up, 1 where it
is not. An ending is that of an account: 0 where it is purged, with a certificate. 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from chalicelib.local.engine import Engine, EngineError
from chalicelib.local.stack import (
    LOCAL_VARIABLES,
    MAIL_FROM,
    RESOURCES_PATH,
    StackError,
    ensure_stack,
    load_resources,
    local_parameters,
    verify_sender,
)

INTERRUPTED = 128 + signal.SIGINT
ROOT = Path(__file__).resolve().parent.parent.parent
STEPS = {"drill": "chalicelib.local.drill_steps", "ending": "chalicelib.local.ending_steps"}


def main() -> int:
    """Start an engine with the deployed resources, and do the steps with the functions' environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine-venv", type=Path, default=ROOT / ".local" / "engine-venv")
    parser.add_argument("what", nargs="?", choices=sorted(STEPS), default="drill")
    args = parser.parse_args()
    engine_venv: Path = args.engine_venv
    try:
        with Engine(engine_venv.absolute()) as engine:
            variables = ensure_stack(
                endpoint=engine.url,
                template=load_resources(ROOT / RESOURCES_PATH),
                parameters=local_parameters(base_url="http://127.0.0.1:8000", stage="drill"),
                given=LOCAL_VARIABLES,
            )
            verify_sender(endpoint=engine.url, address=MAIL_FROM)
            environment = {
                "PATH": os.defpath,
                "LANG": "C.UTF-8",
                "TZ": "UTC",  # as in Lambda
                "LOG_LEVEL": "ERROR",
                **{name: value for name, value in variables.items() if name != "LOG_LEVEL"},
                **engine.client_environment(),
            }
            steps = [sys.executable, "-m", STEPS[args.what]]
            # Ctrl-C reaches this process only, which ends the steps and then the engine.
            return subprocess.run(
                steps, env=environment, cwd=ROOT, check=False, start_new_session=True
            ).returncode
    except (EngineError, StackError) as error:
        print(f"isp-billing: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nisp-billing: the drill was interrupted, and left nothing", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
