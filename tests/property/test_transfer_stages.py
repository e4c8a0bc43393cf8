"""Laws of the stages that a body passes: they agree with a reference, wherever blocks are cut."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import json
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from etagkit.errors import ContainerCut, IntegrityError, MalformedContent
from etagkit.transfer._gunzip import GunzipStage, UndoGzipStage, gunzip_prefix
from etagkit.transfer._json import JsonStage
from etagkit.transfer._magic import (
    Magic,
    blanks_before,
    magic_of_media_type,
    magic_of_name,
    sample_size,
    sniff,
)
from etagkit.transfer._pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from etagkit.transfer._pipeline import Stage

pytestmark = pytest.mark.property

_CUTS = st.lists(st.integers(min_value=0, max_value=200), max_size=6)


def _split(octets: bytes, cuts: list[int]) -> list[bytes]:
    """Cut at the given places (counted round), so that empty blocks occur as well."""
    places = [0, *sorted(cut % (len(octets) + 1) for cut in cuts), len(octets)]
    return [octets[a:b] for a, b in itertools.pairwise(places)]


def _each(octets: bytes) -> list[bytes]:
    return [octets[at : at + 1] for at in range(len(octets))]


def _pass(stage: Stage, blocks: list[bytes]) -> bytes:
    out = b"".join(output for block in blocks for output in stage.feed(block))
    return out + b"".join(stage.finish())


# --- JSON --------------------------------------------------------------------------------------


def _reference(octets: bytes) -> bool:
    """Judge by the standard library, made strict: UTF-8, no NaN, one byte order mark."""

    def refuse(_: str) -> NoReturn:
        raise ValueError

    try:
        text = octets.removeprefix(b"\xef\xbb\xbf").decode()
        json.loads(text, parse_constant=refuse, parse_int=len, parse_float=len)
    except ValueError:
        return False
    return True


def _judge(octets: bytes, blocks: list[bytes]) -> str | None:
    """Return what the stage objects to: the place, or `None`."""
    try:
        assert _pass(JsonStage(), blocks) == octets
    except MalformedContent as error:
        return str(error.found)
    return None


def _agree(octets: bytes, cuts: list[int]) -> None:
    whole = _judge(octets, [octets])
    assert (whole is None) == _reference(octets)
    assert _judge(octets, _each(octets)) == whole
    assert _judge(octets, _split(octets, cuts)) == whole


_BLANK = st.sampled_from(["", "", "", " ", "\n", "\t \r\n"])
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)
)
_TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
_VALUES = st.recursive(
    _SCALARS | _TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=25,
)


@st.composite
def _json_texts(draw: st.DrawFn) -> bytes:
    """Return a JSON text: any value, nested deeper than a run reaches, in any layout."""
    value: Any = draw(_VALUES)
    for wrap in draw(st.lists(st.booleans(), max_size=6)):
        value = [0, value, value] if wrap else {"a": value, "b": 1}
    text = json.dumps(
        value,
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, None, 1, "\t"])),
        separators=(draw(_BLANK) + "," + draw(_BLANK), draw(_BLANK) + ":" + draw(_BLANK)),
    )
    mark = draw(st.sampled_from(["", "", "\ufeff"]))
    return (mark + draw(_BLANK) + text + draw(_BLANK)).encode()


#: Octets that mean something to a JSON reader, or to a UTF-8 decoder.
_TELLING = st.sampled_from([bytes([octet]) for octet in b' \n"\\{}[],:019-+.eEtrufalsnN/\x00\x1f'])
_PARTS = _TELLING | st.sampled_from(
    [b"\x80", b"\xc3", b"\xa9", b"\xe2\x82", b"\xed\xa0\x80", b"\xff", b"\\u12", b"true", b"null"]
)


@st.composite
def _nearly_json(draw: st.DrawFn) -> bytes:
    """Return a JSON text with a few octets put in, taken out or replaced."""
    octets = draw(_json_texts())
    for _ in range(draw(st.integers(min_value=1, max_value=3))):
        at = draw(st.integers(min_value=0, max_value=len(octets)))
        gone = draw(st.integers(min_value=0, max_value=2))
        octets = octets[:at] + draw(st.just(b"") | _PARTS) + octets[at + gone :]
    return octets


@given(_json_texts(), _CUTS)
def test_json_is_accepted(octets: bytes, cuts: list[int]) -> None:
    """Every JSON text passes unchanged, at every cut."""
    assert _reference(octets)
    _agree(octets, cuts)


@given(_nearly_json(), _CUTS)
@example(b"[1,\n]", [3])
@example(b'"\\\xe2\x82\xac"', [2])
@example(b"12\xe2\x82\xac", [2])
def test_nearly_json_is_judged_as_the_reference_does(octets: bytes, cuts: list[int]) -> None:
    """A damaged text is refused exactly where the reference refuses it, and at the same place."""
    _agree(octets, cuts)


@given(st.lists(_PARTS, max_size=30).map(b"".join) | st.binary(max_size=60), _CUTS)
def test_noise_is_judged_as_the_reference_does(octets: bytes, cuts: list[int]) -> None:
    """So is noise."""
    _agree(octets, cuts)


@given(_json_texts(), st.integers(min_value=1, max_value=400))
def test_json_repeated_over_many_blocks(octets: bytes, size: int) -> None:
    """An array of many such texts passes in blocks of any size."""
    item = octets.removeprefix(b"\xef\xbb\xbf")
    text = b"[" + b",".join([item] * 20) + b"]"
    blocks = [text[at : at + size] for at in range(0, len(text), size)]
    assert _judge(text, blocks) is None
    cut = _judge(text[:-1], [*blocks[:-1], blocks[-1][:-1]])
    assert cut == f"its end at octet {len(text) - 1}"


# --- gzip --------------------------------------------------------------------------------------

_MEMBERS = st.lists(st.binary(max_size=80), min_size=1, max_size=4)


def _gzip(members: list[bytes], level: int = 6) -> bytes:
    return b"".join(gzip.compress(member, level, mtime=0) for member in members)


@given(_MEMBERS, st.sampled_from([0, 1, 9]), st.integers(min_value=0, max_value=20), _CUTS)
def test_gunzip_agrees_with_gzip(
    members: list[bytes], level: int, padding: int, cuts: list[int]
) -> None:
    """All members are decoded as the standard library does, at every cut."""
    octets = _gzip(members, level) + b"\0" * padding
    expected = gzip.decompress(octets)
    assert expected == b"".join(members)
    for blocks in ([octets], _each(octets), _split(octets, cuts)):
        stage = GunzipStage()
        assert _pass(stage, blocks) == expected
        assert (stage.members, stage.decoded_size) == (len(members), len(expected))


@given(_MEMBERS, st.data())
def test_cut_gzip_is_an_error(members: list[bytes], data: st.DataObject) -> None:
    """A stream cut anywhere but between members is an error."""
    octets = _gzip(members)
    whole = {len(_gzip(members[:count])) for count in range(1, len(members) + 1)}
    end = data.draw(
        st.integers(min_value=0, max_value=len(octets)).filter(lambda n: n not in whole)
    )
    with pytest.raises(ContainerCut):
        _pass(GunzipStage(), [octets[:end]])


@given(_MEMBERS, st.data())
def test_damaged_gzip_never_gives_other_octets(members: list[bytes], data: st.DataObject) -> None:
    """One flipped bit is an error, unless it lies where a header means nothing for the content."""
    octets = bytearray(_gzip(members))
    at = data.draw(st.integers(min_value=0, max_value=len(octets) - 1))
    octets[at] ^= 1 << data.draw(st.integers(min_value=0, max_value=7))
    try:
        out = _pass(GunzipStage(), [bytes(octets)])
    except IntegrityError:
        return
    assert out == b"".join(members)


@given(_MEMBERS, st.integers(min_value=0, max_value=3), _CUTS)
def test_undo_takes_off_one_layer_at_most(
    members: list[bytes], layers: int, cuts: list[int]
) -> None:
    """What passes is gzip still: as sent, or without the outer layer where one more lies below."""
    sent = _gzip(members)
    for _ in range(layers):
        sent = _gzip([sent[:9], sent[9:]])
    decoded = gzip.decompress(sent)
    expected = decoded if decoded.startswith(b"\x1f\x8b\x08") else sent
    for blocks in ([sent], _each(sent), _split(sent, cuts)):
        assert _pass(UndoGzipStage(), blocks) == expected


@given(st.binary(max_size=300), st.integers(min_value=-5, max_value=300))
def test_prefix_never_raises(sample: bytes, limit: int) -> None:
    """Any sample gives at most `limit` octets."""
    assert len(gunzip_prefix(sample, limit)) <= max(0, limit)
    assert len(gunzip_prefix(b"\x1f\x8b\x08\0" + sample, limit)) <= max(0, limit)


# --- pipeline ----------------------------------------------------------------------------------


@given(
    st.builds(bytes.__add__, st.text(" \n", max_size=40).map(str.encode), st.binary(max_size=300)),
    _CUTS,
    st.sampled_from(["md5", "sha1", "sha512"]),
    st.integers(min_value=0, max_value=2),
)
def test_hashes_are_of_what_is_stored(
    content: bytes, cuts: list[int], algorithm: str, store_after: int
) -> None:
    """Hashes, counts and samples are those of the joined octets, wherever blocks are cut."""
    wire = gzip.compress(gzip.compress(content, mtime=0), mtime=0)
    stages = (GunzipStage(), GunzipStage())
    pipeline = Pipeline(
        stages=stages, store_after=store_after, algorithms=(algorithm,), sample_limit=17
    )
    stored = b"".join(out for block in _split(wire, cuts) for out in pipeline.feed(block))
    stored += b"".join(pipeline.finish())
    assert stored == (wire, gzip.decompress(wire), content)[store_after]
    for octets, hasher, sample in (
        (stored, pipeline.stored, pipeline.sample),
        (wire, pipeline.wire, pipeline.wire_sample),
    ):
        assert hasher.count == len(octets)
        assert hasher.digests() == {
            "sha256": hashlib.sha256(octets).hexdigest(),
            algorithm: hashlib.new(algorithm, octets).hexdigest(),
        }
        assert sample == octets[: 17 + blanks_before(octets)]


@given(st.binary(max_size=200), _CUTS, st.integers(min_value=0, max_value=200))
def test_limit_is_exact(content: bytes, cuts: list[int], limit: int) -> None:
    """A body passes if and only if it is no longer than the limit."""
    pipeline = Pipeline(max_stored=limit)
    try:
        for block in _split(content, cuts):
            pipeline.feed(block)
    except IntegrityError:
        assert len(content) > limit
    else:
        assert len(content) <= limit
    assert pipeline.stored.count <= limit


# --- magic -------------------------------------------------------------------------------------

_SIGNED = st.sampled_from(
    [
        *(b"", b"\x1f\x8b\x08", b"PK\x03\x04", b"BZh", b"RIFF\0\0\0\0"),
        *(b"\xef\xbb\xbf", b"\xff\xfe", b"\x00\x00\xfe\xff"),
        *(b"<!--", b"<?xml", b"<html", b"<p>", b"{", b"[", b'"', b'{"a":1}\n'),
        *(b"\n" * 1500, b"\xef\xbb\xbf" + b" " * 2000 + b"<", b"\xff\xfe" + b"\n\0" * 900),
    ]
)


@given(_SIGNED, st.binary(max_size=1200) | st.text(max_size=300).map(str.encode))
def test_sniff_is_total_and_looks_at_the_sample_only(start: bytes, rest: bytes) -> None:
    """Any octets have one kind, and those behind the sample do not matter."""
    octets = start + rest
    kind = sniff(octets)
    assert isinstance(kind, Magic)
    size = sample_size(octets)
    assert sniff(octets[:size] + (b"\x00" if len(octets) >= size else b"")) is kind
    assert (kind is Magic.EMPTY) == (octets == b"")


@given(_json_texts())
def test_sniffed_json(octets: bytes) -> None:
    """What begins as a JSON object or array is taken for JSON, or for lines of it."""
    if octets.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"[")):
        assert sniff(octets) in {Magic.JSON, Magic.NDJSON}


@pytest.mark.parametrize("find", [magic_of_name, magic_of_media_type])
@given(text=st.text(max_size=40))
def test_names_never_raise(find: Callable[[str], Magic | None], text: str) -> None:
    """Any text is a name or a media type, most of them unknown."""
    assert find(text) is None or isinstance(find(text), Magic)
