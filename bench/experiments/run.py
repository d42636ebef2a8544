"""Runs an experiment: takes the time, records failures as such."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

from bench.console import one_line
from bench.experiments.differences import compare
from bench.experiments.model import Comparison, Experiment, Findings, Outcome
from bench.experiments.settings import Settings
from bench.measure import machine

ROOT = Path(__file__).parents[2]


def run_one(experiment: Experiment, settings: Settings) -> Outcome:
    """Run an experiment; whatever goes wrong inside it becomes its error, so that the others still run."""
    begin, shared, load = perf_counter(), settings.shared_seconds, os.getloadavg()[0]
    findings: Findings | None = None
    comparisons: tuple[Comparison, ...] = ()
    error = None
    try:
        findings = experiment.measure(settings)
        comparisons = compare(experiment.published, findings.measured)
    except Exception as caught:  # noqa: BLE001 - a failed row is shown as failed, never left out
        error = f"{type(caught).__name__}: {one_line(caught)}"
    shared = settings.shared_seconds - shared
    outcome = Outcome(
        name=experiment.name,
        title=experiment.title,
        question=experiment.question,
        command=command_line(experiment.name, settings),
        commit=commit(),
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        seconds=perf_counter() - begin - shared,
        shared_seconds=shared,
        quick=settings.quick,
        load=load,
        machine=machine(),
        comparisons=comparisons if error is None else (),
        error=error,
    )
    return outcome if findings is None or error is not None else _with(outcome, findings)


def _with(outcome: Outcome, findings: Findings) -> Outcome:
    return replace(
        outcome,
        tables=findings.tables,
        drawings=findings.drawings,
        sentence=findings.sentence,
        inputs=findings.inputs,
    )


def command_line(name: str, settings: Settings) -> str:
    """Return what a person types to get this outcome again; the data folder is the reader's own."""
    return f"parallel-evm experiment {name}{' --quick' if settings.quick else ''}"


def commit() -> str:
    """Return the short hash of the checked-out commit, marked where tracked files differ; "unknown" without git."""
    head = _git("rev-parse", "--short=10", "HEAD")
    if not head:
        return "unknown"
    return f"{head} (with changes)" if _git("status", "--porcelain", "--untracked-files=no") else head


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
