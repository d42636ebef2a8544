"""Where `parallel-evm` begins: a shell's question is answered at once, everything else is for the commands."""

from __future__ import annotations

import os

from bench.completion import answered


def main() -> None:
    """Answer a shell that asks for completions, or run the command line."""
    if not answered(os.environ):
        from bench.cli import main as run  # noqa: PLC0415 - loading all commands takes a second

        run()


if __name__ == "__main__":
    main()
