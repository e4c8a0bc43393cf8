"""A small Sphinx extension for a package whose `__init__` files export lazily.

Two things are missing otherwise. The top package exports names of the packages below, which should
be listed there but described once. And signatures show short names, which two packages may share.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any

from docutils.statemachine import StringList
from sphinx.addnodes import pending_xref
from sphinx.util.docutils import SphinxDirective
from typing_extensions import override

if TYPE_CHECKING:
    from docutils import nodes
    from sphinx.application import Sphinx

_TOP = "etagkit"


def _public_packages() -> list[str]:
    """Return the packages below the top one, and the modules with a public name."""
    top = importlib.import_module(_TOP)
    names = (found.name for found in pkgutil.iter_modules(top.__path__, f"{_TOP}."))
    return sorted(name for name in names if not name.rpartition(".")[2].startswith("_"))


def _aliases() -> dict[str, str]:
    """Map where each public thing is defined to where it is documented."""
    aliases: dict[str, str] = {}
    for package in _public_packages():
        module = importlib.import_module(package)
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            home = getattr(thing, "__module__", None)
            if isinstance(home, str) and home.startswith(_TOP):
                aliases[f"{home}.{getattr(thing, '__qualname__', name)}"] = f"{package}.{name}"
    return aliases


def _prefer_own_package(app: Sphinx, doctree: nodes.document) -> None:
    """Lead a short name to the package on whose page it stands, where two packages have it."""
    del app
    for node in doctree.findall(pending_xref):
        module, target = node.get("py:module"), str(node.get("reftarget", ""))
        if module is None or "." in target:
            continue
        if inspect.isclass(getattr(importlib.import_module(module), target, None)):
            node["reftarget"] = f"{module}.{target}"


class PublicNames(SphinxDirective):
    """List the names that a package exports, each with its first line and a link to its page."""

    required_arguments = 1

    @override
    def run(self) -> list[nodes.Node]:
        module = importlib.import_module(self.arguments[0])
        homes = _aliases()
        lines = StringList()
        for name in sorted(getattr(module, "__all__", ()), key=str.lower):
            thing: Any = getattr(module, name)
            home = f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', name)}"
            if home not in homes:
                continue
            summary = (thing.__doc__ or "").strip().partition("\n")[0]
            lines.append(f"{{py:obj}}`{name} <{homes[home]}>`", self.arguments[0])
            lines.append(f": {summary}", self.arguments[0])
            lines.append("", self.arguments[0])
        return self.parse_text_to_nodes(lines)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive and the handler."""
    app.add_directive("public-names", PublicNames)
    app.connect("doctree-read", _prefer_own_package)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
