"""Public names that load their module only when somebody asks for them (PEP 562).

`import etagkit` must cost next to nothing in a host application, and must not load an HTTP client,
a framework or an optional library. So every package `__init__` holds a table of names instead of
imports, and a second, unexecuted copy of it under `TYPE_CHECKING` for type checkers and editors.
A test asserts that the table, that block and `__all__` say the same.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def attach(
    package: str, table: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the `__getattr__` and `__dir__` of `package`.

    `table` maps a module (absolute, or relative to `package` with a leading dot) to the names that
    it gives. A name is looked up once and then kept in the package's namespace.

    >>> get, names = attach("etagkit.http", {"._etag": ["ETag"]})
    >>> get("ETag").__name__, names()
    ('ETag', ['ETag'])
    """
    home = {name: module for module, names in table.items() for name in names}

    def load(name: str) -> object:
        if name not in home:
            message = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(message)
        value: object = getattr(importlib.import_module(home[name], package), name)
        if package in sys.modules:
            setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted(home)

    return load, names
