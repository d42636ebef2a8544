"""How people write names in options: globs in which only `*` is special, several joined with `,` or `+`."""

from __future__ import annotations

import re
from collections.abc import Callable

_BETWEEN = re.compile(r"[,+]")


def split_patterns(text: str) -> tuple[str, ...]:
    """Return the patterns that `,` or `+` join.

    >>> split_patterns("pool.total_debt[*]+USDC.balance_of[pool]")
    ('pool.total_debt[*]', 'USDC.balance_of[pool]')
    """
    return tuple(part.strip() for part in _BETWEEN.split(text) if part.strip())


def wanted(pattern: str) -> Callable[[str], bool]:
    """Return whether a name is meant by `pattern`, small and large letters and underscores aside.

    A name without the number of an instance means all of them: `pool` is `pool#0`, `pool#1` and so on.

    >>> is_wanted = wanted("usdc.balance_of[*]")
    >>> is_wanted("USDC.balanceOf[pool]"), is_wanted("USDC.allowance[pool]")
    (True, False)
    >>> wanted("pool.cash[USDC]")("pool#3.cash[USDC]")
    True
    """
    expression = re.compile(re.escape(_plain(pattern)).replace(r"\*", ".*"))

    def is_wanted(name: str) -> bool:
        plain = _plain(name)
        return bool(expression.fullmatch(plain) or expression.fullmatch(re.sub(r"#\d+", "", plain)))

    return is_wanted


def _plain(text: str) -> str:
    return text.lower().replace("_", "")
