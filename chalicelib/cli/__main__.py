"""``python -m chalicelib.cli``."""

from chalicelib.cli.main import entry

if __name__ == "__main__":
    entry()
