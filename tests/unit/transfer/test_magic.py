"""What `sniff` and its kin make of octets, names and media types."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sqlite3
import tarfile
import zipfile

import pytest

from etagkit.transfer._magic import (
    BLANKS_LIMIT,
    SAMPLE_LIMIT,
    Magic,
    blanks_before,
    magic_of_media_type,
    magic_of_name,
    sample_size,
    sniff,
)


def _tar(format_: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format_) as archive:
        member = tarfile.TarInfo("a.txt")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"etk"))
    return out.getvalue()


def _zip(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


def _sqlite() -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a)")
    octets = connection.serialize()
    connection.close()
    return octets


@pytest.mark.parametrize(
    ("octets", "magic"),
    [
        pytest.param(gzip.compress(b"x"), Magic.GZIP, id="gzip"),
        pytest.param(bz2.compress(b"x"), Magic.BZIP2, id="bzip2"),
        pytest.param(bz2.compress(b""), Magic.BZIP2, id="bzip2 of nothing"),
        pytest.param(lzma.compress(b"x"), Magic.XZ, id="xz"),
        pytest.param(_zip("a"), Magic.ZIP, id="zip"),
        pytest.param(_zip(), Magic.ZIP, id="empty zip"),
        pytest.param(_tar(tarfile.USTAR_FORMAT), Magic.TAR, id="ustar"),
        pytest.param(_tar(tarfile.GNU_FORMAT), Magic.TAR, id="GNU tar"),
        pytest.param(_tar(tarfile.PAX_FORMAT), Magic.TAR, id="pax"),
        pytest.param(_sqlite(), Magic.SQLITE, id="sqlite"),
    ],
)
def test_real_files(octets: bytes, magic: Magic) -> None:
    """What the standard library writes is recognised."""
    assert sniff(octets) is magic


@pytest.mark.parametrize(
    ("octets", "magic"),
    [
        (b"\x28\xb5\x2f\xfd\x04", Magic.ZSTD),
        (b"\x04\x22\x4d\x18", Magic.LZ4),
        (b"7z\xbc\xaf\x27\x1c\x00", Magic.SEVEN_ZIP),
        (b"Rar!\x1a\x07\x01\x00", Magic.RAR),
        (b"%PDF-1.7\n", Magic.PDF),
        (b"\x89PNG\r\n\x1a\n", Magic.PNG),
        (b"\xff\xd8\xff\xe0", Magic.JPEG),
        (b"GIF89a", Magic.GIF),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", Magic.WEBP),
        (b"RIFF\x10\x00\x00\x00WAVEfmt ", Magic.BINARY),
        (b"II\x2a\x00", Magic.TIFF),
        (b"PAR1\x15", Magic.PARQUET),
        (b"ARROW1\x00\x00", Magic.ARROW),
        (b"Obj\x01", Magic.AVRO),
        (b"\x89HDF\r\n\x1a\n", Magic.HDF5),
        (b"CDF\x02", Magic.NETCDF),
        (b"\x93NUMPY\x01", Magic.NUMPY),
        (b"\x7fELF\x02", Magic.ELF),
        (b"\x00asm\x01", Magic.WASM),
        (b"BZhello, world", Magic.TEXT),
        (b"PKWARE made it", Magic.TEXT),
        (b"\x1f\x8b", Magic.BINARY),
        (b"\x1f\x8b\x00", Magic.BINARY),
    ],
)
def test_signatures(octets: bytes, magic: Magic) -> None:
    """A signature counts only whole and in its place."""
    assert sniff(octets) is magic


@pytest.mark.parametrize(
    ("text", "magic"),
    [
        (b"", Magic.EMPTY),
        (b"plain", Magic.TEXT),
        (b"\n\t\x1b[1m bold \x1b[0m\r\n\f", Magic.TEXT),
        ("größe".encode(), Magic.TEXT),
        ("größe".encode()[:3], Magic.TEXT),
        ("größe".encode("latin-1"), Magic.BINARY),
        (b"a\x00b", Magic.BINARY),
        (b"a\x7fb", Magic.TEXT),
        (b"\xef\xbb\xbf", Magic.TEXT),
        (b"\xef\xbb\xbfplain", Magic.TEXT),
        ("plain".encode("utf-16"), Magic.TEXT),
        ("plain".encode("utf-32"), Magic.TEXT),
        ("a\x00b".encode("utf-16"), Magic.BINARY),
        (b"id,name\n1,a\n", Magic.TEXT),
        (b"1,2,3\n4,5,6\n", Magic.TEXT),
        (b'"id","name"\n', Magic.TEXT),
    ],
)
def test_text(text: bytes, magic: Magic) -> None:
    """Text is UTF-8 without controls, or says by a mark what it is; the rest is binary."""
    assert sniff(text) is magic


@pytest.mark.parametrize(
    ("text", "magic"),
    [
        (b"<!DOCTYPE html>", Magic.HTML),
        (b"\r\n  <!doctype  HTML PUBLIC '-//W3C//DTD'>", Magic.HTML),
        (b"<html>", Magic.HTML),
        (b"<HTML lang=en>", Magic.HTML),
        (b"<h1>Not found</h1>", Magic.HTML),
        (b"<meta charset=utf-8>", Magic.HTML),
        (b"<!-- (c) --> <!-- x --> <html>", Magic.HTML),
        (b"<!-- a long licence", Magic.HTML),
        (b"<!-- note -->\n# Title\n", Magic.TEXT),
        (b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC ""><html>', Magic.HTML),
        (b'<?xml version="1.0"?><!-- not closed', Magic.XML),
        (b'<?xml version="1.0"?>\n<rss>', Magic.XML),
        (b"<?xml version=", Magic.XML),
        (b"<!DOCTYPE svg PUBLIC>", Magic.XML),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", Magic.XML),
        (b"<feed\nxmlns='x'>", Magic.XML),
        (b"<htmlx y", Magic.XML),
        (b"<3 this", Magic.TEXT),
        (b"< html>", Magic.TEXT),
        ("<html>größe".encode("latin-1"), Magic.HTML),
        ("<html>".encode("utf-16"), Magic.HTML),
        (b"\xef\xbb\xbf<html>", Magic.HTML),
        (b"<html>\x00", Magic.BINARY),
    ],
)
def test_markup(text: bytes, magic: Magic) -> None:
    """HTML and XML are told apart behind marks, blanks, comments and declarations."""
    assert sniff(text) is magic


@pytest.mark.parametrize(
    "element",
    [
        *("noscript", "link rel=stylesheet", "nav", "header", "img src=x", "input", "p", "form"),
        *("section", "main", "center", "b", "a href=/login", "iframe", "meta charset=utf-8"),
        *("base href=/", "head", "title", "style", "script", "div", "span", "table", "ul", "h6"),
        *("BODY", "FONT", "article", "footer", "button", "pre", "code", "i", "em", "br/", "hr"),
    ],
)
@pytest.mark.parametrize("before", [b"", b"\r\n ", b"<!-- x -->\n", b"\n\xef\xbb\xbf \n"])
def test_pieces_of_pages(before: bytes, element: str) -> None:
    """Any element that a page may begin with shows a page, behind blanks, marks and comments."""
    assert sniff(before + f"<{element}>please log in".encode()) is Magic.HTML


@pytest.mark.parametrize(
    "text",
    [
        *("<data>", "<map>", "<menu>", "<object>", "<svg>", "<note>", "<links>", "<pre-release>"),
        '<?xml version="1.0"?>\n<section>',
        '<?xml version="1.0"?>\n<table>',
        '<article xmlns="http://docbook.org/ns/docbook">',
        '<header\n  id="1"\n  xmlns:x="urn:x">',
        "<ns:header>",
    ],
)
def test_xml_with_names_of_elements(text: str) -> None:
    """A declaration, a namespace or a name that pages do not begin with shows XML."""
    assert sniff(text.encode()) is Magic.XML


@pytest.mark.parametrize(
    ("blanks", "magic"),
    [
        (b"\n" * 1100, Magic.HTML),
        (b"\xef\xbb\xbf" + b" \t\r\n" * 3000, Magic.HTML),
        (b"\n" * 2000 + b"\xef\xbb\xbf" + b"\n" * 2000, Magic.HTML),
        (b"\n" * (BLANKS_LIMIT + SAMPLE_LIMIT - 7), Magic.TEXT),
        (b"\xef\xbb\xbf" * 5000, Magic.TEXT),
    ],
)
def test_blanks_hide_nothing(blanks: bytes, magic: Magic) -> None:
    """A page is found behind more blanks than a sample holds, up to a limit."""
    assert sniff(blanks + b"<html>") is magic


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_blanks_hide_nothing(encoding: str) -> None:
    """The same in UTF-16 and UTF-32, where each blank has zeros beside it."""
    assert sniff(("\ufeff" + "\n" * 3000 + "<html>").encode(encoding)) is Magic.HTML


@pytest.mark.parametrize(
    ("text", "magic"),
    [
        (b'{"a": 1}', Magic.JSON),
        (b'{"a": 1}\n{"a": 2}\n', Magic.NDJSON),
        (b"<rss>", Magic.XML),
        (b"plain", Magic.TEXT),
        (b"a\x00b", Magic.BINARY),
        (b"PK\x03\x04", Magic.BINARY),
        (b"\x1f\x8b\x08", Magic.BINARY),
    ],
)
def test_behind_blanks(text: bytes, magic: Magic) -> None:
    """Text shows its kind behind blanks; a signature counts only where the file begins."""
    assert sniff(b"\n" * 3000 + text) is magic


def test_a_tar_may_begin_with_a_blank() -> None:
    """Leading blanks do not move the place of a signature."""
    assert sniff(b" a.txt".ljust(257, b"\0") + b"ustar\x0000") is Magic.TAR


@pytest.mark.parametrize(
    ("start", "blanks"),
    [
        (b"", 0),
        (b"x", 0),
        (b" \t\r\n\fx", 5),
        (b"\xef\xbb\xbf x", 4),
        (b"\xef\xbbx", 0),
        (b"\xff\xfe\n\x00x\x00", 4),
        (b"\n\x00", 1),
        (b" " * (BLANKS_LIMIT + 9), BLANKS_LIMIT),
    ],
)
def test_sample_size(start: bytes, blanks: int) -> None:
    """Blanks and marks are counted, and the sample lies behind them."""
    assert blanks_before(start) == blanks
    assert sample_size(start) == SAMPLE_LIMIT + blanks


@pytest.mark.parametrize(
    ("text", "magic"),
    [
        (b"{}", Magic.JSON),
        (b"{", Magic.JSON),
        (b'{"a": 1}', Magic.JSON),
        (b'{"a": 1}\n', Magic.JSON),
        (b'{"a": NaN}', Magic.JSON),
        (b'\xef\xbb\xbf {"a": 1}', Magic.JSON),
        (b"[]", Magic.JSON),
        (b"[", Magic.JSON),
        (b"[1, 2]", Magic.JSON),
        (b"[-1.5e3", Magic.JSON),
        (b"[true,", Magic.JSON),
        (b'[\n  {\n    "a"', Magic.JSON),
        (b'"a string"', Magic.JSON),
        (b'"a cut str', Magic.JSON),
        (b"42\n", Magic.JSON),
        (b"null", Magic.JSON),
        (b"true story", Magic.TEXT),
        (b"nullable", Magic.TEXT),
        (b"42 is the answer", Magic.TEXT),
        (b'"Yes," he said', Magic.TEXT),
        (b"{% block %}", Magic.TEXT),
        (b"{'a': 1}", Magic.TEXT),
        (b"[section]\nkey = 1\n", Magic.TEXT),
        (b"[true-section]\n", Magic.TEXT),
        (b"[2024-01-01 10:00:00] started", Magic.TEXT),
        (b"[link](https://localhost/)", Magic.TEXT),
        (b'{"a": 1}\n{"a": 2}\n', Magic.NDJSON),
        (b'{"a": 1}\r\n{"a"', Magic.NDJSON),
        (b"[1]\n[2]\n", Magic.NDJSON),
        (b'{"a": 1}\n\n  {"a', Magic.NDJSON),
        (b'[1,\n{"a": 2}\n', Magic.JSON),
        (b"1\n2\n", Magic.TEXT),
        (b"[" * 1000 + b"]" * 20 + b"\n[", Magic.JSON),
    ],
)
def test_json(text: bytes, magic: Magic) -> None:
    """JSON is what begins like it; lines of JSON are told from one text over several lines."""
    assert sniff(text) is magic


def test_only_the_first_kibibyte_counts() -> None:
    """What stands behind the sample makes no difference."""
    assert sniff(b"a" * SAMPLE_LIMIT + b"\x00") is Magic.TEXT
    assert sniff(b"a" * (SAMPLE_LIMIT - 1) + b"\x00") is Magic.BINARY


@pytest.mark.parametrize(
    ("path", "magic"),
    [
        ("a.gz", Magic.GZIP),
        ("/data/A.CSV.GZ", Magic.GZIP),
        ("/data/table.csv", Magic.CSV),
        ("/x.json", Magic.JSON),
        ("/x.jsonl", Magic.NDJSON),
        ("/pkg-1.0-py3-none-any.whl", Magic.ZIP),
        ("/v1.2/archive.tar", Magic.TAR),
        ("/v1.json/latest", None),
        ("/x.json/", None),
        ("/.json", None),
        ("/json", None),
        ("/release-1.2", None),
        ("/x.bin", None),
        ("", None),
    ],
)
def test_names(path: str, magic: Magic | None) -> None:
    """The last suffix of the last segment is what a name promises."""
    assert magic_of_name(path) is magic


@pytest.mark.parametrize(
    ("field", "magic"),
    [
        ("application/json", Magic.JSON),
        ("Application/JSON; charset=utf-8", Magic.JSON),
        ("application/ld+json", Magic.JSON),
        ("image/svg+xml", Magic.XML),
        ("application/xhtml+xml", Magic.HTML),
        ("application/epub+zip", Magic.ZIP),
        ("text/html; charset=iso-8859-1", Magic.HTML),
        ("text/css", Magic.TEXT),
        ("text/csv", Magic.CSV),
        ("application/octet-stream", None),
        ("application/a+b", None),
        ("json", None),
        ("", None),
        (None, None),
    ],
)
def test_media_types(field: str | None, magic: Magic | None) -> None:
    """A Content-Type promises a kind by itself or by its structured suffix."""
    assert magic_of_media_type(field) is magic


@pytest.mark.parametrize("magic", Magic)
def test_tables_lead_back(magic: Magic) -> None:
    """Every suffix and media type of a kind belongs to this kind alone, and looks like one."""
    for suffix in magic.suffixes:
        assert suffix == suffix.lower()
        assert magic_of_name(f"/a{suffix}") is magic
    for media_type in magic.media_types:
        assert magic_of_media_type(media_type) is magic


def test_text_kinds() -> None:
    """Text is what people read; containers of text are not."""
    assert Magic.JSON.is_text
    assert Magic.HTML.is_text
    assert not Magic.GZIP.is_text
    assert not Magic.EMPTY.is_text
