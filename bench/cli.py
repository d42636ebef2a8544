"""The command `parallel-evm`: replay recorded blocks, run workloads, compare with sequential execution.

Results go to stdout, logs and progress to stderr. Exit codes: 0 success, 1 a check failed, 2 usage, 10 a
document that is not what it says, 11 a file that cannot be read, 12 bad RLP, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bench.compare.command import compare_command
from bench.console import ERRORS, one_line, print_json, progress, results_stream
from bench.experiments.command import experiment_command
from bench.explain.command import explain_command
from bench.measure import BlockReport, Case, Cases, document, measure_all
from bench.options import (
    AccessLists,
    AddressOption,
    Backend,
    BackendOption,
    JsonOption,
    ListsOption,
    NoGateOption,
    Options,
    PatienceOption,
    ProfileOption,
    RepeatOption,
    SequentialOption,
    ShuffleOption,
    Strategy,
    StrategyOption,
    WorkersOption,
)
from bench.profile import show_profile
from bench.range_command import (
    NOT_OF_RANGES,
    ONLY_OF_RANGES,
    CompareOption,
    FailFastOption,
    OutOption,
    RangeOption,
    RangeOptions,
    ResumeOption,
    refuse_given,
    replay_range,
)
from bench.range_live import watched
from bench.report import show_blocks
from bench.scheduler_cost import bench_scheduler
from bench.schedules import FollowOption, RecordOption, recorder_to, scripted_pool
from bench.simulation import simulate_command
from bench.suites.compare import compare_benchmarks
from executor.capsule import load_capsule
from executor.errors import InputOutputError, ParallelEvmError, UsageError
from executor.pool import PATIENCE

INTERRUPTED = 130
app = typer.Typer(
    name="parallel-evm",
    help="Execute Ethereum blocks in parallel, exactly, and say why they are not faster.",
    epilog="Exit codes: 0 success, 1 a check failed, 2 usage, 10 bad document, 11 I/O, 12 bad RLP, 130 interrupted.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)


def _version(show: bool) -> None:  # noqa: FBT001 - a typer callback
    if show:
        typer.echo(f"parallel-evm {version('parallel-evm')}")
        raise typer.Exit


@app.callback()
def _global(
    *,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Say which options stand before a command."""


@app.command()
def replay(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Block capsules (evm-block-replay/1), or folders of them.")],
    strategy: StrategyOption = Strategy.graph,
    access_lists: ListsOption = AccessLists.observed,
    backend: BackendOption = Backend.ray,
    workers: WorkersOption = None,
    no_sequential: SequentialOption = False,
    repeat: RepeatOption = 1,
    shuffle: ShuffleOption = None,
    address: AddressOption = None,
    no_gate: NoGateOption = False,
    patience: PatienceOption = PATIENCE,
    profile: ProfileOption = False,
    json: JsonOption = False,
    record: RecordOption = None,
    follow: FollowOption = None,
    as_range: RangeOption = False,
    out: OutOption = None,
    resume: ResumeOption = False,
    compare: CompareOption = False,
    fail_fast: FailFastOption = False,
) -> None:
    """Replay recorded blocks in parallel and compare with sequential execution and with the header.

    Of files named one by one, each block runs in parallel. A folder is a range: its blocks run whole, side by side,
    one per worker at a time, and each is compared with its header.
    """
    if as_range or any(path.is_dir() for path in files):
        refuse_given(context, *NOT_OF_RANGES)
        replay_range(files, RangeOptions(backend, workers, shuffle, address, json, out, resume, compare, fail_fast))
        return
    refuse_given(context, *ONLY_OF_RANGES)
    cases = [_recorded(path) for path in files]
    options = Options(
        strategy, access_lists, backend, workers, no_sequential, repeat, shuffle, address, json, record, follow,
        gate=not no_gate, patience=patience, profile=profile,
    )  # fmt: skip
    _measure_and_show(cases, options)


@app.command()
def run(
    workload: Annotated[str, typer.Argument(help="A workload; `parallel-evm workloads` lists them.")],
    transactions: Annotated[int | None, typer.Option(min=0, help="Transactions in all.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 1,
    param: Annotated[list[str] | None, typer.Option(help="A parameter as name=value; repeatable.")] = None,
    strategy: StrategyOption = Strategy.graph,
    access_lists: ListsOption = AccessLists.exact,
    backend: BackendOption = Backend.ray,
    workers: WorkersOption = None,
    no_sequential: SequentialOption = False,
    repeat: RepeatOption = 1,
    shuffle: ShuffleOption = None,
    address: AddressOption = None,
    no_gate: NoGateOption = False,
    patience: PatienceOption = PATIENCE,
    profile: ProfileOption = False,
    json: JsonOption = False,
    record: RecordOption = None,
    follow: FollowOption = None,
) -> None:
    """Generate a workload, run it in parallel, and compare with sequential execution."""
    from bench.generated import workload_cases  # noqa: PLC0415 - generators are not needed to replay

    options = Options(
        strategy, access_lists, backend, workers, no_sequential, repeat, shuffle, address, json, record, follow,
        gate=not no_gate, patience=patience, profile=profile,
    )  # fmt: skip
    cases = workload_cases(workload, transactions, seed, param or [])
    _measure_and_show(cases, options, cases.summary)


@app.command()
def export(
    workload: Annotated[str, typer.Argument(help="A workload; `parallel-evm workloads` lists them.")],
    out: Annotated[Path, typer.Option(help="Folder for the capsules, <number>.json.gz each; made if need be.")],
    transactions: Annotated[int | None, typer.Option(min=0, help="Transactions in all.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 1,
    param: Annotated[list[str] | None, typer.Option(help="A parameter as name=value; repeatable.")] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Write each block as soon as it is generated.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document per file, one a line.")] = False,
) -> None:
    """Write a workload's blocks as capsules that `replay` reads, headers sealed by sequential execution."""
    from bench.export import export_and_show  # noqa: PLC0415 - generators are not needed to replay

    with results_stream() as lines:
        export_and_show(workload, transactions, seed, param or [], out, lines, stream=stream, as_json=json)


@app.command()
def workloads(json: JsonOption = False) -> None:
    """List the workloads and their parameters."""
    from bench.generated import show_workloads, workload_list  # noqa: PLC0415

    with results_stream() as stream:
        if json:
            print_json(stream, workload_list())
        else:
            show_workloads(Console(file=stream))


@app.command()
def demo(workers: WorkersOption = None) -> None:
    """Run a lending block and an ERC-20 block on a local Ray, against sequential execution."""
    from bench.generated import demo_cases  # noqa: PLC0415

    options = Options("graph", "exact", "ray", workers, no_sequential=False, repeat=3, shuffle=None,
                      address=None, json=False)  # fmt: skip
    _measure_and_show(demo_cases(), options)


@app.command("bench-engine")
def bench_engine(
    files: Annotated[list[Path], typer.Argument(help="Block capsules (evm-block-replay/1).")],
    repeat: RepeatOption = 3,
    json: JsonOption = False,
) -> None:
    """Time the flat engine against py-evm as shipped, both sequential, on recorded blocks."""
    from bench.engine import compare_engines, engine_document, show_engines  # noqa: PLC0415

    capsules = [load_capsule(path) for path in files]
    with results_stream() as stream:
        rows = list(_tracked(compare_engines(capsules, repeat), len(capsules), "timing"))
        if json:
            print_json(stream, engine_document(rows))
        else:
            show_engines(Console(file=stream, width=None), rows)


@app.command("bench-root")
def bench_root(
    accounts: Annotated[int, typer.Option(min=1, help="Accounts of the state.")] = 5_000,
    slots: Annotated[int, typer.Option(min=1, help="Slots of the state, spread evenly over the accounts.")] = 100_000,
    changed: Annotated[int, typer.Option(min=1, help="Slots that a block changes.")] = 2_000,
    repeat: RepeatOption = 3,
    json: JsonOption = False,
) -> None:
    """Time the state root of a block on the kept trie against a rebuild and py-evm; all must agree."""
    from bench.state_root import compare_roots, root_document, show_roots  # noqa: PLC0415

    with results_stream() as stream:
        rows = list(_tracked(compare_roots(accounts, slots, changed, repeat), repeat, "rounds"))
        if json:
            print_json(stream, root_document(accounts, slots, changed, rows))
        else:
            show_roots(Console(file=stream, width=None), accounts, slots, changed, rows)
    if not all(row.equal for row in rows):
        ERRORS.print("a check failed: see the rounds marked NO")
        raise typer.Exit(1)


app.command("bench-scheduler")(bench_scheduler)
app.command("simulate")(simulate_command)
app.command("compare-benchmarks")(compare_benchmarks)
app.command("explain")(explain_command)
app.command("compare")(compare_command)
app.command("experiment")(experiment_command)


@app.command()
def blocktest(
    paths: Annotated[list[Path], typer.Argument(help="BlockchainTests or state tests: files, folders, tar archives.")],
    strategy: StrategyOption = Strategy.graph,
    access_lists: ListsOption = AccessLists.observed,
    backend: BackendOption = Backend.inline,
    workers: WorkersOption = None,
    shuffle: ShuffleOption = None,
    address: AddressOption = None,
    selected: Annotated[str, typer.Option("--run", help="Run tests in whose names this regex is found.")] = "",
    multi_only: Annotated[bool, typer.Option("--multi-only", help="Run tests with a block of >= 2 txs.")] = False,
    strict_exit: Annotated[bool, typer.Option("--strict-exit", help="Exit 1 if a test did not pass.")] = False,
    json: JsonOption = False,
    record: RecordOption = None,
    follow: FollowOption = None,
) -> None:
    """Run conformance tests, each block through the executor, and check every root and every rejection."""
    from bench.blocktest import Selection, run_and_show, suite_executor  # noqa: PLC0415 - not needed to replay

    selection = Selection.of(selected, multi_only=multi_only)
    with (
        results_stream() as stream,
        scripted_pool(follow, workers, shuffle, address) as pool,
        recorder_to(record) as recorder,
        suite_executor(strategy, access_lists, backend, workers, shuffle, address, pool, recorder) as runner,
    ):
        passed = run_and_show(paths, selection, runner, stream, as_json=json)
    if strict_exit and not passed:
        raise typer.Exit(1)


def _recorded(path: Path) -> Case:
    capsule = load_capsule(path)
    return Case(capsule.block, capsule.pre_state, capsule.witness)


def _tracked(items: Iterable[Any], count: int, what: str) -> Iterable[Any]:
    with progress() as bar:
        task = bar.add_task(what, total=count)
        for item in items:
            yield item
            bar.advance(task)


def _measure_and_show(cases: Cases, options: Options, summary: Callable[[], list[str]] = list) -> None:
    with results_stream() as stream:
        with options.executor() as executor:
            measured = measure_all(cases, executor, compare=not options.no_sequential, repeat=options.repeat)
            reports = [report for report, _ in watched(measured, len(cases))]
        _show(stream, reports, summary(), options)
    if not all(report.ok for report in reports):
        ERRORS.print("a check failed: see the blocks marked NO")
        raise typer.Exit(1)


def _show(stream: Any, reports: list[BlockReport], summary: list[str], options: Options) -> None:
    if options.json:
        print_json(stream, document(reports) | ({"summary": summary} if summary else {}))
    else:
        console = Console(file=stream, width=None if stream.isatty() else 120)
        show_blocks(console, reports)
        if options.profile:
            show_profile(console, reports)
        for line in summary:
            console.print(line, highlight=False, markup=False, soft_wrap=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; every expected error is one line on stderr and a documented exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = app(arguments, standalone_mode=False) or 0
    except typer.Exit as error:
        code = error.exit_code
    except typer.TyperException as error:
        if arguments:
            ERRORS.print(f"parallel-evm: {one_line(error)}; see parallel-evm --help", markup=False)
        code = UsageError.exit_code
    except ParallelEvmError as error:
        if "--debug" in arguments:
            raise
        place = f"{error.where}: " if error.where else ""
        ERRORS.print(f"parallel-evm: {place}{one_line(error)}", markup=False)
        code = error.exit_code
    except OSError as error:  # of stdout: files have errors of their own
        if "--debug" in arguments:
            raise
        ERRORS.print(f"parallel-evm: results cannot be written ({error.strerror or error})", markup=False)
        code = InputOutputError.exit_code
    except (KeyboardInterrupt, typer.Abort):
        ERRORS.print("parallel-evm: interrupted", markup=False)
        code = INTERRUPTED
    raise SystemExit(code)


if __name__ == "__main__":
    main()
