"""Write the fingerprints of workloads that have none yet: `python -m tests.workloads.fingerprints [NAME...]`.

Names given are written anew: do that only where a workload was meant to change.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from workloads.fingerprint import fingerprint
from workloads.registry import WORKLOADS, generate

FILE = Path(__file__).parent / "fingerprints.json"


def main(names: list[str]) -> None:
    """Add what is missing, and make `names` anew."""
    known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    missing = {name for name, spec in WORKLOADS.items() if name not in known and not spec.needs}
    known |= {name: fingerprint(generate(name, 50)) for name in sorted(missing.union(names))}
    FILE.write_text(json.dumps({name: known[name] for name in sorted(known)}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
