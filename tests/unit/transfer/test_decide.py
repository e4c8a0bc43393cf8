"""The decisions of a transfer: values in, values out."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etagkit.errors import InvalidArgument, InvalidURL, RedirectRefused
from etagkit.flow import FileFacts
from etagkit.http import ETag, Head, Headers, Sameness, Validators
from etagkit.manifest import Completeness, ManifestRecord
from etagkit.transfer import Magic, RemoteFileIntent, _decide
from etagkit.transfer._model import Coding, FetchOptions, LocalState, Reason, Skip, Transfer

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
FACTS = FileFacts(size=3, mtime_ns=1, ctime_ns=2, inode=3)
RECORD = ManifestRecord(
    resource="r",
    source_url="http://localhost/a",
    target="a",
    download_timestamp=NOON,
    sha256="a" * 64,
    size=3,
    received=3,
    etag=ETag('"v1"'),
    magic="text",
    strategy="binary",
    local=FACTS,
)


def _decided(
    record: ManifestRecord | None = RECORD,
    known: Sameness = Sameness.SAME,
    local: LocalState = LocalState.FITS,
    **options: Any,
) -> object:
    forms = {"binary", None}
    return _decide.should_transfer(record, known, local, FetchOptions(**options), forms=forms)


# --- is a transfer needed --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"record": None, "local": LocalState.MISSING}, Reason.NEVER_FETCHED),
        ({"record": None, "local": LocalState.DIFFERS}, Reason.UNRECORDED_FILE),
        ({"force": True}, Reason.FORCED),
        ({"local": LocalState.MISSING}, Reason.LOCAL_MISSING),
        ({"local": LocalState.DIFFERS}, Reason.LOCAL_DIFFERS),
        ({"local": LocalState.TOUCHED}, Reason.LOCAL_DIFFERS),
        ({"known": Sameness.DIFFERENT}, Reason.SOURCE_CHANGED),
        ({"known": Sameness.UNKNOWN}, Reason.CANNOT_TELL),
        ({"expected_sha256": "b" * 64}, Reason.EXPECTATION_CHANGED),
        ({"expected_size": 4}, Reason.EXPECTATION_CHANGED),
        ({"max_bytes": 2}, Reason.EXPECTATION_CHANGED),
        ({"expected_type": Magic.ZIP}, Reason.EXPECTATION_CHANGED),
        ({"record": attrs.evolve(RECORD, strategy="gzip:decoded")}, Reason.FORM_CHANGED),
        (
            {"record": attrs.evolve(RECORD, completeness=Completeness.UNVERIFIED)},
            Reason.RECORD_UNVERIFIED,
        ),
    ],
)
def test_reasons_to_transfer(changes: dict[str, Any], reason: Reason) -> None:
    """Each single doubt is enough to transfer."""
    assert _decided() == Skip()
    assert _decided(**changes) == Transfer(reason)


@given(
    st.sampled_from(Sameness), st.sampled_from(LocalState), st.booleans(), st.booleans(),
    st.sampled_from(Completeness),
)  # fmt: skip
def test_a_skip_needs_everything(
    known: Sameness, local: LocalState, force: bool, accept: bool, completeness: Completeness
) -> None:
    """A skip means: the same version at the source, the recorded bytes here, shown to be whole."""
    record = attrs.evolve(RECORD, completeness=completeness)
    decision = _decided(record, known, local, force=force, accept_unverified=accept)
    whole = completeness is Completeness.PROVED or accept
    assert (decision == Skip()) == (
        known is Sameness.SAME and local is LocalState.FITS and whole and not force
    )


@pytest.mark.parametrize("field", ["size", "mtime_ns", "ctime_ns", "inode"])
def test_every_fact_counts(field: str) -> None:
    """A file fits its record without being read only if nothing about it moved."""
    assert _decide.compare_local(RECORD, FACTS) is LocalState.FITS
    other = attrs.evolve(FACTS, **{field: 99})
    expected = LocalState.DIFFERS if field == "size" else LocalState.TOUCHED
    assert _decide.compare_local(RECORD, other) is expected
    assert _decide.compare_local(RECORD, None) is LocalState.MISSING
    assert _decide.compare_local(None, FACTS) is LocalState.DIFFERS


# --- redirects -------------------------------------------------------------------------------


def _redirect(location: str | None, status: int = 302) -> Head:
    fields = {} if location is None else {"Location": location}
    return Head(status=status, headers=Headers.of(fields), url="x")


@pytest.mark.parametrize("status", [200, 206, 300, 304, 305, 306, 404])
def test_other_statuses_lead_nowhere(status: int) -> None:
    """Only five statuses are followed."""
    head = _redirect("http://localhost/b", status)
    assert _decide.next_hop("http://localhost/a", head, hops=0) is None


def test_no_step_down_from_https() -> None:
    """A redirect from https to http is refused, also to the same host; the error shows where to."""
    head = _redirect("http://localhost/b?token=secret")
    with pytest.raises(RedirectRefused, match="down to http") as caught:
        _decide.next_hop("https://localhost/a", head, hops=0)
    assert caught.value.url == "http://localhost/b?token=***"
    assert _decide.next_hop("https://localhost/a", _redirect("//other/b"), hops=0) == (
        "https://other/b"
    )
    assert _decide.next_hop("http://localhost/a", _redirect("https://other/"), hops=0)


def test_redirects_are_counted() -> None:
    """Twenty are followed, the next one is not."""
    head = _redirect("/b")
    assert _decide.next_hop("http://localhost/a", head, hops=_decide.MAX_REDIRECTS - 1)
    with pytest.raises(RedirectRefused, match="too many"):
        _decide.next_hop("http://localhost/a", head, hops=_decide.MAX_REDIRECTS)


def test_a_redirect_without_a_location() -> None:
    """There is nowhere to go."""
    with pytest.raises(RedirectRefused, match="without a Location"):
        _decide.next_hop("http://localhost/a", _redirect(None), hops=0)


@pytest.mark.parametrize(
    ("first", "target", "home"),
    [
        ("http://a/x", "http://a/y", True),
        ("http://a/x", "http://A:80/y", True),
        ("http://a/x", "https://a/y", True),
        ("http://u:p@a/x", "http://a/y", True),
        ("http://a/x", "https://a:444/y", False),
        ("http://a:81/x", "https://a/y", False),
        ("https://a/x", "http://a/y", False),
        ("http://a/x", "http://b/y", False),
        ("http://a/x", "http://a.b/y", False),
        ("http://a/x", "http://a:81/y", False),
        ("http://a/x", "http://a@b/y", False),
    ],
)
def test_what_is_home(first: str, target: str, home: bool) -> None:
    """An origin is scheme, host and port; https on the default ports is the same place."""
    assert _decide.stays_home(first, target) is home


@pytest.mark.parametrize(
    ("url", "target", "kept"),
    [
        ("http://u:p@a/x", "http://a/y", "http://u:p@a/y"),
        ("http://u@a/x", "https://a/y", "https://u@a/y"),
        ("http://u:p@a/x", "http://v@a/y", "http://v@a/y"),
        ("http://a/x", "http://a/y", "http://a/y"),
    ],
)
def test_a_user_is_kept_at_home(url: str, target: str, kept: str) -> None:
    """A user name in the URL holds for its whole origin."""
    assert _decide.keep_user(url, target) == kept


# --- URLs and names --------------------------------------------------------------------------


@given(st.text(max_size=40))
def test_urls_are_taken_or_refused(text: str) -> None:
    """No text makes the check fail in another way than by our error."""
    for url in (text, f"http://localhost/{text}", f"http://{text}/"):
        try:
            assert _decide.check_url(url) == url
        except InvalidURL:
            continue
        assert url.lower().startswith(("http:", "https:"))


@pytest.mark.parametrize("url", [None, 7, b"http://localhost/"])
def test_a_url_is_text(url: Any) -> None:
    """Anything else is refused with words."""
    with pytest.raises(InvalidURL, match="must be text"):
        _decide.check_url(url)


@given(st.text(max_size=300))
def test_names_are_safe(text: str) -> None:
    """A name from a URL holds no separator or control, starts with no dot, and fits anywhere."""
    from urllib.parse import quote

    try:
        name = _decide.file_name(f"http://localhost/{quote(text, safe='', errors='replace')}")
    except InvalidArgument:
        return
    assert not set(name) & set('/\\:*?"<>|\0\x7f')
    assert not name.startswith((".", " "))
    assert not name.endswith((".", " "))
    assert 0 < len(name.encode()) <= 200
    assert name.split(".")[0].lower() not in {"con", "nul", "aux", "prn", "com1", "lpt1"}


@pytest.mark.parametrize(
    ("path", "base", "key"),
    [
        ("/data/a/b.txt", "/data", "a/b.txt"),
        ("/data/b.txt", "/data", "b.txt"),
        ("/data", "/data/x", "/data"),
        ("/database/b", "/data", "/database/b"),
        ("/data/..b", "/data", "..b"),
        ("/data/b", None, "/data/b"),
    ],
)
def test_targets_are_relative_below_their_manifest(path: str, base: str | None, key: str) -> None:
    """Below the manifest's folder a target is recorded relative to it, elsewhere in full."""
    assert _decide.target_key(path, base) == key


# --- codings, statuses, sizes ----------------------------------------------------------------


def _head(**fields: str) -> Head:
    lines = {name.replace("_", "-"): value for name, value in fields.items()}
    return Head(status=200, headers=Headers.of(lines), url="http://localhost/a")


@pytest.mark.parametrize(
    ("url", "fields", "coding"),
    [
        ("http://localhost/a.txt", {}, Coding.NONE),
        ("http://localhost/a.txt", {"content_encoding": "identity"}, Coding.NONE),
        ("http://localhost/a.txt", {"content_encoding": "gzip"}, Coding.GZIP),
        ("http://localhost/a.txt", {"content_encoding": "X-GZIP"}, Coding.GZIP),
        ("http://localhost/a.tar.gz", {"content_encoding": "gzip"}, Coding.GZIP_OR_LABEL),
        ("http://localhost/a.tgz", {"content_encoding": "gzip"}, Coding.GZIP_OR_LABEL),
        (
            "http://localhost/download",
            {"content_encoding": "gzip", "content_type": "application/gzip"},
            Coding.GZIP_OR_LABEL,
        ),
    ],
)
def test_which_codings_are_undone(url: str, fields: dict[str, str], coding: Coding) -> None:
    """Gzip as a coding is undone, unless the resource itself is a gzip file."""
    assert _decide.undo_coding(url, _head(**fields)) is coding


@pytest.mark.parametrize("status", [s for s in range(100, 600) if s != 200])
def test_only_200_is_whole(status: int) -> None:
    """Every other status is refused, with the number."""
    error = _decide.refuse_status("http://localhost/a", attrs.evolve(_head(), status=status))
    assert error is not None
    assert error.status == status


def _intent(**changes: Any) -> RemoteFileIntent:
    intent = RemoteFileIntent(
        url="http://localhost/a",
        final_url="http://localhost/a",
        size=10,
        validators=Validators(etag=ETag('"v1"')),
        accepts_ranges=True,
    )
    return attrs.evolve(intent, **changes)


def test_a_length_that_says_less() -> None:
    """A body shorter than the range told of the same version is refused, be the tag weak."""
    assert _decide.refuse_size(_intent(), _head(etag='W/"v1"'), 9) is not None
    head = _head(etag='"v1"')
    assert _decide.refuse_size(_intent(), head, 10) is None
    error = _decide.refuse_size(_intent(), head, 9)
    assert error is not None
    assert (error.expected, error.found) == (10, 9)


@pytest.mark.parametrize(
    ("intent", "fields"),
    [
        (_intent(size=None), {"etag": '"v1"'}),
        (_intent(accepts_ranges=False), {"etag": '"v1"'}),
        (_intent(content_encoding="gzip"), {"etag": '"v1"'}),
        (_intent(), {"etag": '"v1"', "content_encoding": "gzip"}),
        (_intent(), {"etag": '"v2"'}),
        (_intent(), {}),
        (_intent(validators=Validators()), {"etag": '"v1"'}),
        (_intent(validators=Validators()), {}),
    ],
    ids=itertools.count(),
)
def test_sizes_that_are_no_evidence(intent: RemoteFileIntent, fields: dict[str, str]) -> None:
    """Without the same version, a range and identity coding on both sides, sizes may differ."""
    assert _decide.refuse_size(intent, _head(**fields), 9) is None
