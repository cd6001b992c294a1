"""The command `unabridged`; `python -m bridge` is the same."""

import sys


def main() -> int:
    from bridge.cli.main import run_command

    return run_command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
