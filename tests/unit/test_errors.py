"""One tree of errors: facts as attributes, one-line messages, no secrets, picklable."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

from etagkit import errors
from etagkit.errors import EtagKitError, MissingExtra, UnexpectedStatus

CLASSES: list[type[EtagKitError]] = sorted(
    (
        value
        for _, value in inspect.getmembers(errors, inspect.isclass)
        if issubclass(value, EtagKitError)
    ),
    key=lambda cls: cls.__name__,
)
SIGNED = "https://me:hunter2@example.org/a?X-Amz-Signature=cafe&part=1#frag"
REDACTED = "https://***@example.org/a?X-Amz-Signature=***&part=1"
each_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)


def full(cls: type[EtagKitError]) -> EtagKitError:
    """Return an error of `cls` with every fact set that it takes."""
    if issubclass(cls, UnexpectedStatus):
        error: EtagKitError = cls("it failed", status=503, url=SIGNED, expected=200, advice="wait")
    else:
        error = cls("it failed", url=SIGNED, expected=200, found=503, advice="wait")
    error.about(path="/data/a")
    return error


def documented_tree() -> dict[str, tuple[str | None, str | None]]:
    """Return class -> (parent, builtin) as the module's docstring draws it."""
    tree: dict[str, tuple[str | None, str | None]] = {}
    line_of = re.compile(r"(?P<indent>[│├└─ ]*)(?P<name>[A-Z]\w+)(?: \((?P<builtin>\w+)\))?")
    parents: list[str] = []
    drawing = (errors.__doc__ or "").split("```")[1]
    for line in drawing.strip().splitlines():
        match = line_of.match(line)
        assert match is not None, line
        depth = len(match["indent"]) // 3
        del parents[depth:]
        tree[match["name"]] = (parents[-1] if parents else None, match["builtin"])
        parents.append(match["name"])
    return tree


def test_documented_tree_is_the_class_tree() -> None:
    """The drawing in the docstring names each class under its parent, with its builtin."""
    actual: dict[str, tuple[str | None, str | None]] = {"EtagKitError": (None, None)}
    for cls in CLASSES:
        if cls is not EtagKitError:
            parent, *rest = cls.__bases__
            actual[cls.__name__] = (parent.__name__, rest[0].__name__ if rest else None)
    assert documented_tree() == actual


def test_every_class_is_exported() -> None:
    """`__all__` holds the whole tree and nothing else."""
    assert sorted(errors.__all__) == [cls.__name__ for cls in CLASSES]


def test_kinds_are_distinct_codes() -> None:
    """Programs can tell errors apart by `kind`."""
    kinds = [cls.kind for cls in CLASSES]
    assert len(set(kinds)) == len(kinds)
    assert all(re.fullmatch(r"[a-z][a-z_]*", kind) for kind in kinds)


@each_class
def test_error_is_made_from_a_reason_alone(cls: type[EtagKitError]) -> None:
    """A reason is enough; the message is the reason, and no fact is invented."""
    error = cls("it failed")
    assert str(error) == "it failed"
    assert repr(error) == f"{cls.__name__}('it failed')"
    assert error.args == ("it failed",)
    facts = (error.url, error.path, error.expected, error.found, error.advice)
    assert facts == (None, None, None, None, None)


@each_class
def test_message_names_subject_facts_and_advice(cls: type[EtagKitError]) -> None:
    """Reason, redacted URL, path, expected, found and advice stand on one line."""
    assert str(full(cls)) == f"it failed: {REDACTED} -> /data/a (expected 200, found 503); wait"


@each_class
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_error_survives_pickling(cls: type[EtagKitError], protocol: int) -> None:
    """An error crosses a process border with its class, message and facts."""
    error = full(cls)
    error.add_note("while fetching")
    twin = pickle.loads(pickle.dumps(error, protocol))
    assert type(twin) is cls
    assert str(twin) == str(error)
    assert twin.args == error.args
    assert {**vars(twin), "path": twin.path} == {**vars(error), "path": error.path}
    assert twin.retryable == error.retryable


@each_class
def test_error_copies(cls: type[EtagKitError]) -> None:
    """A copy is another error with the same facts."""
    error = full(cls)
    for twin in (copy.copy(error), copy.deepcopy(error)):
        assert twin is not error
        assert type(twin) is cls
        assert (str(twin), twin.url, twin.path) == (str(error), error.url, error.path)


@each_class
def test_no_secret_in_attributes_message_repr_or_pickle(cls: type[EtagKitError]) -> None:
    """A password or signature given with the URL is nowhere in the error."""
    error = full(cls)
    shown = [str(error), repr(error), repr(vars(error)), repr(pickle.dumps(error))]
    assert not [text for text in shown if "hunter2" in text or "cafe" in text]


@pytest.mark.parametrize("fact", ["expected", "found"])
def test_urls_among_the_facts_are_redacted(fact: str) -> None:
    """A redirect's target is shown without its signature."""
    error = EtagKitError("refused", **{fact: SIGNED})
    assert getattr(error, fact) == REDACTED
    assert "cafe" not in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "error for url 'https://me:hunter2@x.example/a?token=hunter2'",
        "tried HTTP://x.example/a?sig=hunter2 and https://x.example/",
        "via http://x.example/ and socks5://me:hunter2@y.example",
        "at http://me:hunt hunter2@x.example/",
    ],
)
def test_a_url_within_a_text_is_redacted(text: str) -> None:
    """Words of another library may quote a URL; what leads to it stays."""
    error = EtagKitError("refused", expected=text, found=text)
    assert "hunter2" not in f"{error} {error!r} {vars(error)}"
    assert str(error.found).startswith(text.split(maxsplit=1)[0])


@pytest.mark.parametrize("fact", ['W/"a://b#c"', "key=value", 3, b"raw", ["https://x/#f"]])
def test_facts_that_are_no_url_are_kept(fact: object) -> None:
    """Only text that starts as a URL is touched."""
    error = EtagKitError("no", expected=fact, found=fact)
    assert error.expected is fact
    assert error.found is fact


@each_class
def test_about_fills_what_is_missing(cls: type[EtagKitError]) -> None:
    """The caller of the place that raised adds the subject, redacted."""
    error = cls("it failed")
    error.about(url=SIGNED)
    error.about(path="/data/a")
    assert (error.url, error.path) == (REDACTED, "/data/a")


@each_class
def test_about_never_overwrites(cls: type[EtagKitError]) -> None:
    """What the place that raised knew is kept; nothing given changes nothing."""
    error = full(cls)
    error.about(url="https://other.example/", path="/other")
    error.about()
    assert (error.url, error.path) == (REDACTED, "/data/a")


def test_long_values_are_cut_in_the_message_only() -> None:
    """A hostile field does not fill the log; the attribute keeps the whole."""
    error = EtagKitError("no", found="x" * 10_000)
    assert str(error) == f"no (found {'x' * 200}... (10000 characters))"
    assert error.found == "x" * 10_000


@pytest.mark.parametrize("bad", ["a\nb", "a\r\nX: y", "\x1b[31mred", "a\u2028b", "\ud800"])
def test_message_stays_on_one_printable_line(bad: str) -> None:
    """Line ends and terminal sequences from a source are escaped wherever they stand."""
    error = EtagKitError("no", url=f"https://h/{bad}", path=bad, expected=bad, found=bad * 200)
    assert str(error).isprintable()


def test_falsy_facts_are_facts() -> None:
    """Zero and empty are shown; only `None` means that there is none."""
    assert str(EtagKitError("no", expected=0, found="")) == "no (expected 0, found )"


def test_only_passing_troubles_are_retryable() -> None:
    """Trying again is only advised where it can help."""
    again = {cls.__name__ for cls in CLASSES if cls("it failed").retryable}
    assert again == {
        "BodyCut",
        "ConnectionFailed",
        "ContainerCut",
        "ManifestBusy",
        "SizeMismatch",
        "SourceChanged",
        "SourceError",
        "SourceTimeout",
    }


@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        *[(status, True) for status in (408, 425, 429, 500, 502, 503, 504)],
        *[(status, False) for status in (0, 204, 400, 401, 403, 404, 409, 410, 412, 416, 499)],
    ],
)
def test_status_decides_whether_to_try_again(status: int, retryable: bool) -> None:
    """Timeouts, throttling and server errors pass; other client errors do not."""
    error = UnexpectedStatus("no", status=status)
    assert error.retryable is retryable
    assert pickle.loads(pickle.dumps(error)).retryable is retryable
    assert error.found == (status or None)


@pytest.mark.parametrize(
    ("name", "builtins"),
    [
        ("InvalidETag", (ValueError,)),
        ("InvalidURL", (ValueError,)),
        ("SourceTimeout", (TimeoutError, OSError)),
        ("ConnectionFailed", (ConnectionError, OSError)),
        ("BodyCut", (OSError,)),
        ("DiskFull", (OSError,)),
        ("AccessDenied", (PermissionError, OSError)),
        ("MissingExtra", (ImportError,)),
    ],
)
def test_errors_are_caught_by_their_builtin(name: str, builtins: tuple[type[Exception]]) -> None:
    """Code that knows nothing of this library catches what it always caught."""
    for builtin in builtins:
        with pytest.raises(builtin, match="it failed"):
            raise getattr(errors, name)("it failed")


@pytest.mark.parametrize("name", ["IntegrityError", "ManifestError", "MissingExtra"])
def test_wrong_bytes_are_no_operating_system_error(name: str) -> None:
    """A handler for I/O troubles does not swallow a failed proof."""
    assert not issubclass(getattr(errors, name), OSError)


def test_missing_extra_names_the_command() -> None:
    """The message can be pasted into a shell."""
    error = MissingExtra.of("http2", "HTTP/2")
    assert "pip install 'etagkit[http2]'" in str(error)
    assert isinstance(error, ImportError)


def test_errors_group_and_split() -> None:
    """A batch raises one group, which can be split by class."""
    group = ExceptionGroup("batch", [errors.BodyCut("a"), errors.DigestMismatch("b")])
    integrity, rest = group.split(errors.IntegrityError)
    assert integrity is not None
    assert rest is not None
    assert [type(e) for e in integrity.exceptions] == [errors.DigestMismatch]
