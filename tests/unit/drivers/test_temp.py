"""A temporary file is this process's own until it is published, and never outlives its owner."""

from __future__ import annotations

import dis
import gc
import os
import stat
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from etagkit.drivers import Files, _files, _local, _temp
from etagkit.drivers._local import LocalScope
from etagkit.errors import LocalFileError
from etagkit.flow import CreateTemp, Drain, Flush, Publish, Write

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path
    from types import FrameType

    from etagkit.drivers._temp import OpenTemp

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions and renames")

OLD, NEW = b"version 1", b"version 2"


def _parts(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.name.endswith(".part"))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return the path of a file that holds the old version."""
    path = tmp_path / "file"
    path.write_bytes(OLD)
    return path


def _written(target: Path) -> OpenTemp:
    temp = Files().create_temp(str(target))
    temp.write(NEW)
    return temp


# --- what was written is what is published ------------------------------------------------------


def _replace(part: Path) -> None:
    other = part.with_name("other")
    other.write_bytes(b"EVIL BYTE")
    other.replace(part)


def _link(part: Path) -> None:
    _replace(part)
    part.rename(part.with_name("elsewhere"))
    part.symlink_to("elsewhere")


def _link_to_itself(part: Path) -> None:
    part.rename(part.with_name("elsewhere"))
    part.symlink_to("elsewhere")


def _overwrite(part: Path) -> None:
    with part.open("r+b") as file:
        file.write(b"EVIL BYTE")
    moment = part.stat().st_mtime_ns + 10**9  # as if a tick of the file system's clock had passed
    os.utime(part, ns=(moment, moment))


def _truncate(part: Path) -> None:
    with _same_time(part):
        os.truncate(part, 0)


def _extend(part: Path) -> None:
    with _same_time(part), part.open("ab") as file:
        file.write(b"more")


@contextmanager
def _same_time(part: Path) -> Generator[None]:
    """Put the time of the last write back, as if it were within one tick of the clock."""
    moment = part.stat().st_mtime_ns
    yield
    os.utime(part, ns=(moment, moment))


@pytest.mark.parametrize("flushed", [False, True])
@pytest.mark.parametrize(
    "harm", [_replace, _link, _link_to_itself, _overwrite, _truncate, _extend, os.unlink]
)
def test_an_altered_temp_is_not_published(target: Path, harm: Any, flushed: bool) -> None:
    """Whoever changes or replaces the file before it is published is noticed; the old one stays."""
    temp = _written(target)
    temp.settle()
    if flushed:
        temp.flush()
    (part,) = _parts(target.parent)
    harm(part)
    carry_on = (lambda: temp.publish(str(target))) if flushed else temp.flush
    with pytest.raises(LocalFileError) as caught:
        carry_on()
    assert caught.value.path == str(target)
    assert target.read_bytes() == OLD
    temp.discard()


class _Plain:
    def feed(self, block: bytes, /) -> tuple[bytes, ...]:
        return (block,)

    def finish(self) -> tuple[bytes, ...]:
        return (NEW,)


@pytest.mark.parametrize("by", [Write, Drain])
def test_the_time_of_the_last_write_counts(target: Path, by: type) -> None:
    """From the end of an operation that writes until the flush, nobody else may write either."""
    scope = LocalScope(Files())
    temp = scope.perform(CreateTemp(str(target)))
    if by is Write:
        scope.perform(Write(temp, NEW))
    else:
        scope.finish(_Plain(), temp)
    _overwrite(_parts(target.parent)[0])
    with pytest.raises(LocalFileError, match="somebody else"):
        scope.perform(Flush(temp))
    scope.close()
    assert _parts(target.parent) == []


def test_nothing_was_written(target: Path) -> None:
    """An empty version is published as well."""
    temp = Files().create_temp(str(target))
    temp.flush()
    temp.publish(str(target))
    assert target.read_bytes() == b""


# --- permissions --------------------------------------------------------------------------------


@contextmanager
def _umask(mask: int) -> Generator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_temp_is_as_private_as_what_it_replaces(target: Path) -> None:
    """Who may not read the old file may not read the new one while it comes either."""
    target.chmod(0o600)
    with _umask(0):
        temp = _written(target)
    (part,) = _parts(target.parent)
    assert _mode(part) == 0o600
    target.chmod(0o604)
    temp.publish(str(target))
    assert _mode(target) == 0o604


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o027, 0o077])
def test_the_umask_is_not_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mask: int
) -> None:
    """A new file gets what the umask leaves, without setting it, which other threads would see."""

    def touched(mask: int) -> int:
        raise AssertionError(mask)

    with _umask(mask), monkeypatch.context() as patch:
        patch.setattr(os, "umask", touched)
        temp = _written(tmp_path / "new")
        temp.publish(str(tmp_path / "new"))
    assert _mode(tmp_path / "new") == 0o666 & ~mask
    assert os.listdir(tmp_path) == ["new"]


# --- ownership ----------------------------------------------------------------------------------


def test_a_lost_temp_is_removed(tmp_path: Path) -> None:
    """Whoever loses the object removes the file and lets go of its descriptor."""
    temp = _written(tmp_path / "file")
    descriptor = temp.descriptor
    del temp
    gc.collect()
    assert _parts(tmp_path) == []
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_lost_temp_of_another_process_stays(tmp_path: Path) -> None:
    """A forked child that cleans up leaves its parent's file alone."""
    temp = _written(tmp_path / "file")
    temp._process = os.getpid() + 1
    temp.close()
    del temp
    gc.collect()
    assert len(_parts(tmp_path)) == 1


def test_a_published_file_outlives_its_object(tmp_path: Path) -> None:
    """What has its final name, and whatever has the old name now, is not removed."""
    temp = _written(tmp_path / "file")
    part = _parts(tmp_path)[0]
    temp.publish(str(tmp_path / "file"))
    part.write_bytes(b"of somebody else")
    temp.discard()
    del temp
    gc.collect()
    assert (tmp_path / "file").read_bytes() == NEW
    assert part.exists()


def test_a_name_of_somebody_else_stays_theirs(tmp_path: Path) -> None:
    """A file that was there before is neither opened nor removed."""
    part = tmp_path / ".etagkit-00000000-0123456789abcdef.part"
    part.write_bytes(b"theirs")
    own = _temp.OwnFile(str(part))
    with pytest.raises(FileExistsError):
        own.create()
    own.discard()
    del own
    gc.collect()
    assert part.read_bytes() == b"theirs"


class _Interrupt:
    """Raises KeyboardInterrupt before the step with a given number, in the modules named."""

    _modules = (_files.__file__, _local.__file__, _temp.__file__)

    def __init__(self, after: int) -> None:
        self._left: int = after
        self._done = False

    def __call__(self, frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_filename not in self._modules or self._done:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and not _returns(frame):
            self._left -= 1
            if self._left < 0:
                self._done = True
                raise KeyboardInterrupt
        return self


def _returns(frame: FrameType) -> bool:
    """Whether the next instruction ends the frame: signals are looked at after calls, not there."""
    return dis.opname[frame.f_code.co_code[frame.f_lasti]].startswith("RETURN")


def _descriptors(folder: Path) -> list[str]:
    links = [f"/proc/self/fd/{each}" for each in os.listdir("/proc/self/fd")]
    return [
        each for each in links if os.path.islink(each) and str(folder) in os.path.realpath(each)
    ]


def _interrupted(folder: Path, after: int) -> KeyboardInterrupt | None:
    """Create and publish, interrupted after so many steps; `None` once that is too late."""
    scope = LocalScope(Files(name=lambda: "0123456789abcdef"))
    interrupt = _Interrupt(after)
    before = sys.gettrace()
    sys.settrace(interrupt)
    try:
        temp = scope.perform(CreateTemp(str(folder / "file")))
        scope.perform(Write(temp, NEW))
        scope.perform(Publish(temp, str(folder / "file")))
    except KeyboardInterrupt as exc:
        return exc  # its traceback keeps every frame alive, as an interactive session does
    finally:
        sys.settrace(before)
        scope.close()
    return None


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="open files are counted in /proc")
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_at_any_step(tmp_path: Path) -> None:
    """Whichever instruction Ctrl-C comes before: no file is left, and nothing is open."""
    steps = 0
    while (interrupt := _interrupted(tmp_path, steps)) is not None:
        left = _parts(tmp_path)
        assert (steps, left, _descriptors(tmp_path), interrupt) == (steps, [], [], interrupt)
        (tmp_path / "file").unlink(missing_ok=True)
        steps += 1
    assert steps > 100
    assert (tmp_path / "file").read_bytes() == NEW
