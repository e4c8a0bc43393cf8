"""Configuration of the documentation (Sphinx, MyST, furo)."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "etagkit"
author = "etagkit contributors"
copyright = author
release = installed_version("etagkit")
version = ".".join(release.split(".")[:2])

extensions = [
    "myst_parser",
    "public_names",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build", "_ext", "notebooks"]

html_theme = "furo"
html_title = "etagkit"

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

# Single backticks in docstrings are code.
default_role = "code"

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# A short name that two packages share links to the first of them on the page of a third. On the
# pages of the two, _ext leads it right.
suppress_warnings = ["ref.python"]

# The documentation is built without a network, so names of other projects are not looked up. Every
# name of ours must resolve. Type variables have no page.
nitpick_ignore_regex = [
    ("py:.*", r"(?!etagkit\b).*"),
    ("py:.*", r"etagkit\..*\.[A-Z]\d?$"),
]
