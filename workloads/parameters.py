"""Parameters of generators: what may be asked for, and how a text becomes a checked value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from executor.errors import UsageError
from workloads.workload import ParameterValue, Workload


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter; its type is that of its default, `choices` or the inclusive range limit it."""

    default: ParameterValue
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def type_name(self) -> str:
        """Return `int`, `float`, `text`, or the choices."""
        if self.choices:
            return "|".join(self.choices)
        return "text" if isinstance(self.default, str) else type(self.default).__name__


class Parameters:
    """Checked values, read by type; a wrong type is a fault of the generator."""

    def __init__(self, values: Mapping[str, ParameterValue]) -> None:
        self.values = dict(values)

    def integer(self, name: str) -> int:
        """Return an integer parameter."""
        value = self.values[name]
        assert isinstance(value, int), name  # noqa: S101
        return value

    def number(self, name: str) -> float:
        """Return a parameter that may have a fraction."""
        return float(self.values[name])

    def text(self, name: str) -> str:
        """Return a textual parameter."""
        return str(self.values[name])


@dataclass(frozen=True, slots=True)
class WorkloadSpec:
    """A generator and what it takes; `transactions` is how many it makes by default.

    `needs` names the parameter without which it makes nothing, if there is one.
    """

    name: str
    description: str
    parameters: dict[str, Parameter]
    generate: Callable[[Parameters, int, int], Workload]
    transactions: int = 300
    needs: str = ""


def nearest(what: str, name: str, known: Mapping[str, object], where: str = "") -> UsageError:
    """Return the error for a name that does not exist, with the nearest one that does."""
    close = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
    return UsageError(f"unknown {what} {name!r}{where}; {hint}")


def parse_parameters(spec: WorkloadSpec, texts: Mapping[str, str]) -> Parameters:
    """Return all parameters of `spec`, defaults filled in; UsageError names the first that is wrong."""
    values = {name: parameter.default for name, parameter in spec.parameters.items()}
    for name, text in texts.items():
        if name not in spec.parameters:
            raise nearest("parameter", name, spec.parameters, f" of workload {spec.name!r}")
        values[name] = parse_value(name, spec.parameters[name], text)
    return Parameters(values)


def parse_value(name: str, parameter: Parameter, text: str) -> ParameterValue:
    """Return the value that `text` stands for; UsageError if it is no such value or out of range."""
    if parameter.choices and text not in parameter.choices:
        raise UsageError(f"{name}={text}: choose one of {', '.join(parameter.choices)}")
    if isinstance(parameter.default, str):
        return text
    try:
        value = type(parameter.default)(text)
    except ValueError:
        raise UsageError(f"{name}={text}: not a number of type {parameter.type_name}") from None
    low, high = parameter.minimum, parameter.maximum
    # Negated, so that not-a-number is refused as well.
    if not ((low is None or value >= low) and (high is None or value <= high)):
        raise UsageError(f"{name}={text}: must be {_range(low, high)}")
    return value


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"between {low:g} and {high:g}"
    return f"at least {low:g}" if low is not None else f"at most {high:g}"
