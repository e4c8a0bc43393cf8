"""The version, read from the installed package's metadata when somebody asks for it."""

from importlib.metadata import version

#: Version of the installed distribution (SemVer).
__version__: str = version("etagkit")
