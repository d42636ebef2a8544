"""Writes what `bench.completion` answers from, out of the commands themselves: `python -m bench.completion_table`."""

from __future__ import annotations

import json
from typing import Any

from bench.completion import EXPERIMENT, FILE_OR_WORKLOAD, PARAMETER, TABLE, WORKLOAD
from executor.errors import UsageError

PLACES = {
    ("argument", "workload"): WORKLOAD,
    ("argument", "inputs"): FILE_OR_WORKLOAD,
    ("argument", "source"): FILE_OR_WORKLOAD,
    ("experiment", "name"): EXPERIMENT,
    ("option", "param"): PARAMETER,
}
"""(command or any, parameter) -> what is offered, where its type does not say it."""


def make_table() -> dict[str, Any]:
    """Return the table: options, commands with their options and arguments, workloads, experiments."""
    from typer.main import get_command  # noqa: PLC0415 - all commands are loaded with them

    from bench.cli import app  # noqa: PLC0415

    root = get_command(app)
    return {
        "options": _options(root, "parallel-evm"),
        "commands": {name: _command(name, command) for name, command in root.commands.items()},  # type: ignore[attr-defined]
        "workloads": _workloads(),
        "experiments": _experiments(),
    }


def _command(name: str, command: Any) -> dict[str, Any]:
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    return {
        "help": _line(command.help),
        "options": _options(command, name),
        "arguments": [_place(name, command, argument) for argument in arguments],
    }


def _options(command: Any, name: str) -> dict[str, Any]:
    options = [one for one in command.params if one.param_type_name == "option"]
    found = {text: _option(name, command, option) for option in options for text in option.opts if text[:2] == "--"}
    return found | {"--help": {"help": "Show this message and exit.", "flag": True}}


def _option(name: str, command: Any, option: Any) -> dict[str, Any]:
    entry = {"help": _line(option.help)}
    return entry | ({"flag": True} if option.is_flag else _place(name, command, option))


def _place(name: str, command: Any, parameter: Any) -> dict[str, Any]:
    """Return what may stand in the place of a parameter's value; of a file, and of a number, nothing is said."""
    kind = PLACES.get((name, parameter.name)) or PLACES.get((parameter.param_type_name, parameter.name))
    if kind is not None:
        return {"kind": kind}
    context = command.make_context(name, [], resilient_parsing=True)
    values = [item.value for item in parameter.shell_complete(context, "")]
    return {"values": values} if values else {}


def _line(text: str | None) -> str:
    """Return the first sentence of a help text, on one line."""
    return " ".join((text or "").partition("\n\n")[0].split())


def _workloads() -> dict[str, Any]:
    from workloads.registry import WORKLOADS  # noqa: PLC0415

    return {
        name: {
            "help": spec.description,
            "parameters": {
                key: {"help": parameter.help, "values": list(parameter.choices)}
                for key, parameter in spec.parameters.items()
            },
        }
        for name, spec in WORKLOADS.items()
    }


def _experiments() -> dict[str, str]:
    from bench.experiments.registry import experiment, names  # noqa: PLC0415

    return {"all": "all of them"} | {name: _title(experiment, name) for name in names()}


def _title(experiment: Any, name: str) -> str:
    try:
        return str(experiment(name).title)
    except (ImportError, UsageError):
        return ""


def text_of(table: dict[str, Any]) -> str:
    """Return the table as the text of its file."""
    return json.dumps(table, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TABLE.write_text(text_of(make_table()), encoding="utf-8")
