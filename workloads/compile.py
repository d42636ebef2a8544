"""Compile workloads/contracts/*.vy into the committed artefacts: `python -m workloads.compile [--check]`."""

from __future__ import annotations

import argparse
import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

from executor.errors import UsageError

CONTRACTS = Path(__file__).parent / "contracts"
ARTEFACTS = CONTRACTS / "artefacts"
COMPILER = "0.4.3"
EVM_VERSION = "cancun"


def compile_contract(source: Path) -> dict[str, Any]:
    """Return the artefact of one contract, the same on every machine; UsageError without the right vyper."""
    vyper, compile_code, settings = _compiler()
    text = source.read_text(encoding="utf-8")
    wanted = ["abi", "bytecode", "bytecode_runtime", "layout", "method_identifiers", "ast_dict"]
    # The name alone and not the path: the bytecode must not depend on where the repository lies.
    output = compile_code(text, contract_path=source.name, output_formats=wanted, settings=settings)
    return {
        "name": source.stem,
        "compiler": f"vyper {vyper.__version__}",
        "evm_version": EVM_VERSION,
        "source_sha256": sha256(text.encode()).hexdigest(),
        "selectors": {name: f"0x{int(value, 16):08x}" for name, value in output["method_identifiers"].items()},
        "storage_layout": output["layout"]["storage_layout"],
        "structs": _structs(output["ast_dict"]["ast"]),
        "abi": output["abi"],
        "creation_bytecode": output["bytecode"],
        "runtime_bytecode": output["bytecode_runtime"],
    }


def _compiler() -> tuple[Any, Any, Any]:
    try:
        import vyper  # noqa: PLC0415 - an extra: only who changes a contract needs it
        from vyper.compiler import compile_code  # noqa: PLC0415
        from vyper.compiler.settings import Settings  # noqa: PLC0415
    except ImportError as error:
        msg = f"vyper is not installed; install the extra: pip install 'parallel-evm[contracts]' ({error})"
        raise UsageError(msg) from error
    if vyper.__version__ != COMPILER:
        msg = f"vyper {vyper.__version__} is installed, the artefacts need {COMPILER}"
        raise UsageError(msg)
    return vyper, compile_code, Settings(evm_version=EVM_VERSION)


def _structs(tree: dict[str, Any]) -> dict[str, list[str]]:
    """Return the members of each struct in order: the compiler's layout leaves them out. One slot each."""
    return {
        node["name"]: [member["target"]["id"] for member in node["body"] if member["ast_type"] == "AnnAssign"]
        for node in tree["body"]
        if node["ast_type"] == "StructDef"
    }


def render(artefact: dict[str, Any]) -> str:
    """Return the artefact as the text of its file."""
    return json.dumps(artefact, indent=1) + "\n"


def sources() -> list[Path]:
    """Return the contracts' sources, by name."""
    return sorted(CONTRACTS.glob("*.vy"))


def main(arguments: list[str] | None = None) -> int:
    """Write all artefacts, or with `--check` say which are out of date; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m workloads.compile", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if an artefact is old")
    check = parser.parse_args(arguments).check
    stale = 0
    for source in sources():
        target = ARTEFACTS / f"{source.stem}.json"
        try:
            text = render(compile_contract(source))
        except UsageError as error:
            sys.stderr.write(f"{error}\n")
            return error.exit_code
        same = target.is_file() and target.read_text(encoding="utf-8") == text
        stale += not same
        if not same and not check:
            target.write_text(text, encoding="utf-8")
        sys.stderr.write(f"{source.name}: {'unchanged' if same else 'out of date' if check else 'written'}\n")
    return int(check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
