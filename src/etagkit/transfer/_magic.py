"""What kind of thing a file is: by its first octets, by its name, by its declared media type.

`sniff` looks at no more than 1 KiB behind leading blanks: first for signatures, then, where none
fits, for text and what kind of text. It says what the octets begin like, not that they are
well-formed; that is for the stages of a download. A name or a media type is only a promise.
"""

from __future__ import annotations

import codecs
import enum
import json
import re
from typing import Final

import attrs

from etagkit.http import media_type

#: Octets that `sniff` looks at: all signatures lie within the first 512, and a type that needs more
#: than 1 KiB to show itself is not worth another packet.
SAMPLE_LIMIT: Final = 1024

#: Leading blanks that are looked past: templates leave a line for each of their commands in front
#: of a page, up to a few KiB. What begins with more is no page that anybody made, and they are
#: counted anew for each block that comes.
BLANKS_LIMIT: Final = 16 * 1024


class Magic(enum.Enum):
    """A kind of content. The value is the name that records and tables show."""

    EMPTY = "empty"
    GZIP = "gzip"
    ZSTD = "zstd"
    BZIP2 = "bzip2"
    XZ = "xz"
    LZ4 = "lz4"
    ZIP = "zip"
    SEVEN_ZIP = "7z"
    RAR = "rar"
    TAR = "tar"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"  #: never sniffed: nothing in the octets sets it apart from other text
    XML = "xml"
    HTML = "html"
    PDF = "pdf"
    PNG = "png"
    JPEG = "jpeg"
    GIF = "gif"
    WEBP = "webp"
    TIFF = "tiff"
    PARQUET = "parquet"
    ARROW = "arrow"
    AVRO = "avro"
    HDF5 = "hdf5"
    NETCDF = "netcdf"
    NUMPY = "npy"
    SQLITE = "sqlite"
    ELF = "elf"
    WASM = "wasm"
    TEXT = "text"
    BINARY = "binary"

    @property
    def media_types(self) -> tuple[str, ...]:
        """Media types that promise this kind, the registered one first.

        >>> Magic.GZIP.media_types
        ('application/gzip', 'application/x-gzip')
        """
        return _MEDIA_TYPES.get(self, ())

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Last suffixes of file names that promise this kind, the usual one first.

        >>> Magic.NDJSON.suffixes
        ('.ndjson', '.jsonl')
        """
        return _SUFFIXES.get(self, ())

    @property
    def is_text(self) -> bool:
        """Whether it is meant to be read as characters."""
        return self in _TEXTS


_TEXTS: Final = frozenset(
    {Magic.JSON, Magic.NDJSON, Magic.CSV, Magic.XML, Magic.HTML, Magic.TEXT},
)

_MEDIA_TYPES: Final[dict[Magic, tuple[str, ...]]] = {
    Magic.GZIP: ("application/gzip", "application/x-gzip"),
    Magic.ZSTD: ("application/zstd",),
    Magic.BZIP2: ("application/x-bzip2", "application/bzip2"),
    Magic.XZ: ("application/x-xz",),
    Magic.LZ4: ("application/x-lz4",),
    Magic.ZIP: ("application/zip", "application/x-zip-compressed", "application/java-archive"),
    Magic.SEVEN_ZIP: ("application/x-7z-compressed",),
    Magic.RAR: ("application/vnd.rar", "application/x-rar-compressed"),
    Magic.TAR: ("application/x-tar",),
    Magic.JSON: ("application/json", "text/json"),
    Magic.NDJSON: (
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
        "application/jsonlines",
    ),
    Magic.CSV: ("text/csv", "text/tab-separated-values", "application/csv"),
    Magic.XML: ("application/xml", "text/xml"),
    Magic.HTML: ("text/html", "application/xhtml+xml"),
    Magic.PDF: ("application/pdf",),
    Magic.PNG: ("image/png",),
    Magic.JPEG: ("image/jpeg", "image/jpg"),
    Magic.GIF: ("image/gif",),
    Magic.WEBP: ("image/webp",),
    Magic.TIFF: ("image/tiff",),
    Magic.PARQUET: ("application/vnd.apache.parquet", "application/x-parquet"),
    Magic.ARROW: ("application/vnd.apache.arrow.file",),
    Magic.AVRO: ("application/avro", "avro/binary"),
    Magic.HDF5: ("application/x-hdf5", "application/x-hdf"),
    Magic.NETCDF: ("application/netcdf", "application/x-netcdf"),
    Magic.SQLITE: ("application/vnd.sqlite3", "application/x-sqlite3"),
    Magic.ELF: ("application/x-executable", "application/x-sharedlib"),
    Magic.WASM: ("application/wasm",),
    Magic.TEXT: ("text/plain",),
}

#: Suffixes of structured syntax (RFC 6839, RFC 8460 for gzip) in names of media types.
_STRUCTURED: Final = {
    "+json": Magic.JSON,
    "+xml": Magic.XML,
    "+zip": Magic.ZIP,
    "+gzip": Magic.GZIP,
}

_SUFFIXES: Final[dict[Magic, tuple[str, ...]]] = {
    Magic.GZIP: (".gz", ".tgz"),
    Magic.ZSTD: (".zst", ".zstd"),
    Magic.BZIP2: (".bz2", ".tbz2", ".tbz"),
    Magic.XZ: (".xz", ".txz"),
    Magic.LZ4: (".lz4",),
    Magic.ZIP: (
        *(".zip", ".whl", ".jar", ".war", ".apk", ".npz", ".kmz", ".epub", ".nupkg"),
        *(".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp"),
    ),
    Magic.SEVEN_ZIP: (".7z",),
    Magic.RAR: (".rar",),
    Magic.TAR: (".tar",),
    Magic.JSON: (".json", ".geojson", ".topojson", ".ipynb", ".jsonld"),
    Magic.NDJSON: (".ndjson", ".jsonl"),
    Magic.CSV: (".csv", ".tsv"),
    Magic.XML: (".xml", ".xsd", ".xsl", ".svg", ".rss", ".atom", ".gml", ".kml", ".gpx", ".osm"),
    Magic.HTML: (".html", ".htm", ".xhtml"),
    Magic.PDF: (".pdf",),
    Magic.PNG: (".png",),
    Magic.JPEG: (".jpg", ".jpeg"),
    Magic.GIF: (".gif",),
    Magic.WEBP: (".webp",),
    Magic.TIFF: (".tif", ".tiff"),
    Magic.PARQUET: (".parquet",),
    Magic.ARROW: (".arrow", ".feather"),
    Magic.AVRO: (".avro",),
    Magic.HDF5: (".h5", ".hdf5"),
    Magic.NUMPY: (".npy",),
    Magic.SQLITE: (".sqlite", ".sqlite3", ".gpkg", ".mbtiles"),
    Magic.ELF: (".so",),
    Magic.WASM: (".wasm",),
    Magic.TEXT: (
        *(".txt", ".text", ".log", ".md", ".rst", ".yaml", ".yml", ".toml", ".ini"),
        *(".css", ".js", ".mjs", ".py", ".sql", ".sha256"),
    ),
}

_BY_MEDIA_TYPE: Final = {name: magic for magic, names in _MEDIA_TYPES.items() for name in names}
_BY_SUFFIX: Final = {suffix: magic for magic, all_ in _SUFFIXES.items() for suffix in all_}


def magic_of_name(path: str) -> Magic | None:
    """Return what the last suffix of a path promises; `None` where it says nothing.

    >>> magic_of_name("/data/table.csv.gz"), magic_of_name("/data/"), magic_of_name("/.gz")
    (<Magic.GZIP: 'gzip'>, None, None)
    """
    stem, _, suffix = path.rpartition("/")[2].rpartition(".")
    return _BY_SUFFIX.get(f".{suffix.lower()}") if stem else None


def magic_of_media_type(field: str | None) -> Magic | None:
    """Return what a Content-Type promises; `None` where it says nothing.

    >>> magic_of_media_type("application/geo+json; charset=utf-8")
    <Magic.JSON: 'json'>
    >>> magic_of_media_type("application/octet-stream")
    """
    essence = media_type(field)
    if essence is None:
        return None
    if essence in _BY_MEDIA_TYPE:
        return _BY_MEDIA_TYPE[essence]
    if essence.startswith("text/"):
        return Magic.TEXT
    subtype, plus, syntax = essence.rpartition("+")
    return _STRUCTURED.get(plus + syntax) if subtype else None


@attrs.frozen
class _Signature:
    """Octets that must stand at an offset, all of them; `source` says who demands it."""

    magic: Magic
    source: str
    parts: tuple[tuple[int, bytes], ...]

    def fits(self, sample: bytes) -> bool:
        return all(sample.startswith(octets, offset) for offset, octets in self.parts)


def _signature(magic: Magic, source: str, octets: bytes, *more: tuple[int, bytes]) -> _Signature:
    return _Signature(magic, source, ((0, octets), *more))


_RIFF_TYPE: Final = 8  # offset of the form type (RIFF: FourCC, length, form type)
_BZIP2_BLOCK: Final = 4  # offset of the first block, behind "BZh" and the block size

_SIGNATURES: Final = (
    _signature(Magic.GZIP, "RFC 1952, 2.3.1: ID1, ID2, CM 8 (deflate)", b"\x1f\x8b\x08"),
    _signature(Magic.ZSTD, "RFC 8878, 3.1.1: Magic_Number", b"\x28\xb5\x2f\xfd"),
    _signature(Magic.BZIP2, "bzip2: a block", b"BZh", (_BZIP2_BLOCK, b"1AY&SY")),
    _signature(Magic.BZIP2, "bzip2: no block", b"BZh", (_BZIP2_BLOCK, b"\x17rE8P\x90")),
    _signature(Magic.XZ, "The .xz File Format, 2.1.1.1", b"\xfd7zXZ\x00"),
    _signature(Magic.LZ4, "LZ4 Frame Format: Magic Number", b"\x04\x22\x4d\x18"),
    _signature(Magic.ZIP, "PKWARE APPNOTE 4.3.7: local file header", b"PK\x03\x04"),
    _signature(Magic.ZIP, "PKWARE APPNOTE 4.3.16: an empty archive", b"PK\x05\x06"),
    _signature(Magic.ZIP, "PKWARE APPNOTE 8.5.3: split archive", b"PK\x07\x08"),
    _signature(Magic.SEVEN_ZIP, "7z format: SignatureHeader", b"7z\xbc\xaf\x27\x1c"),
    _signature(Magic.RAR, "RAR 5.0 and 4: signature", b"Rar!\x1a\x07"),
    _signature(Magic.PDF, "ISO 32000-1, 7.5.2: file header", b"%PDF-"),
    _signature(Magic.PNG, "PNG (Third Edition), 5.2", b"\x89PNG\r\n\x1a\n"),
    _signature(Magic.JPEG, "ITU-T T.81, B.1.1.3: SOI and a marker", b"\xff\xd8\xff"),
    _signature(Magic.GIF, "GIF87a: header", b"GIF87a"),
    _signature(Magic.GIF, "GIF89a, 17: header", b"GIF89a"),
    _signature(Magic.WEBP, "RFC 9649, 2.4", b"RIFF", (_RIFF_TYPE, b"WEBP")),
    _signature(Magic.TIFF, "TIFF 6.0, section 2: little-endian", b"II\x2a\x00"),
    _signature(Magic.TIFF, "TIFF 6.0, section 2: big-endian", b"MM\x00\x2a"),
    _signature(Magic.PARQUET, "Apache Parquet: File Format", b"PAR1"),
    _signature(Magic.PARQUET, "Apache Parquet: Encryption, encrypted footer", b"PARE"),
    _signature(Magic.ARROW, "Apache Arrow: IPC File Format", b"ARROW1\x00\x00"),
    _signature(Magic.AVRO, "Apache Avro: Object Container Files", b"Obj\x01"),
    _signature(Magic.HDF5, "HDF5 File Format, II.A: superblock", b"\x89HDF\r\n\x1a\n"),
    _signature(Magic.NETCDF, "NetCDF classic format", b"CDF\x01"),
    _signature(Magic.NETCDF, "NetCDF 64-bit offset format", b"CDF\x02"),
    _signature(Magic.NETCDF, "NetCDF 64-bit data format", b"CDF\x05"),
    _signature(Magic.NUMPY, "NumPy NEP 1", b"\x93NUMPY"),
    _signature(Magic.SQLITE, "SQLite Database File Format, 1.3", b"SQLite format 3\x00"),
    _signature(Magic.ELF, "System V ABI, ELF identification", b"\x7fELF"),
    _signature(Magic.WASM, "WebAssembly Core, 5.5.16", b"\x00asm"),
    _Signature(Magic.TAR, "POSIX.1-2017 pax, ustar; GNU tar alike", ((257, b"ustar"),)),
)

#: Octets that no text holds (WHATWG MIME Sniffing, 3: binary data byte).
_BINARY_OCTET = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")

_WIDE_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_BLANKS: Final = b" \t\n\f\r"

#: Blanks and byte order marks that stand before what there is to see. A program that includes
#: others may send a mark for each. UTF-16 and UTF-32 fill up blanks with zeros.
_LEAD = re.compile(
    rb"(?:\xff\xfe|\xfe\xff|\x00\x00\xfe\xff)[\x00 \t\n\f\r]*+"
    rb"|[ \t\n\f\r]*+(?:\xef\xbb\xbf[ \t\n\f\r]*+|){0,8}+"
)

#: What only a page begins with.
_PAGE_START = re.compile(rb"(?i)<(?:!doctype\s+html|html)[\s/>]")

#: Elements of HTML, obsolete ones included, that a page or a piece of one may begin with. Names
#: that roots of XML files have as well, such as `data`, `map`, `menu`, `object` and `svg`, are left
#: out: nobody writes pages that begin with them.
_ELEMENTS: Final = (
    *("a", "abbr", "acronym", "article", "aside", "b", "base", "basefont", "bdo", "big"),
    *("blockquote", "body", "br", "button", "canvas", "center", "code", "dd", "details", "dialog"),
    *("div", "dl", "dt", "em", "embed", "fieldset", "figure", "font", "footer", "form", "frame"),
    *("frameset", "h[1-6]", "head", "header", "hgroup", "hr", "i", "iframe", "img", "input"),
    *("ins", "label", "legend", "li", "link", "main", "marquee", "meta", "nav", "nobr"),
    *("noframes", "noscript", "ol", "p", "picture", "pre", "s", "script", "section", "select"),
    *("small", "span", "strike", "strong", "style", "sub", "sup", "table", "tbody", "td"),
    *("textarea", "th", "thead", "title", "tr", "tt", "u", "ul", "video"),
)
#: Such a start tag without a namespace: XML formats use some of these names too, and say whose.
_ELEMENT_START = re.compile(
    rb"(?i)<(?:" + "|".join(_ELEMENTS).encode() + rb")(?=[\s/>])(?![^<>]*\sxmlns[:=])"
)
_XML_START = re.compile(rb"<(?:!DOCTYPE\s|[A-Za-z_\x80-\xff][-.:\w\x80-\xff]*(?:[\s/>]|\Z))")
_COMMENT: Final = b"<!--"
_DECLARATION: Final = b"<?"

_NUMBER: Final = rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_LITERAL: Final = rb"true|false|null"
_STRING: Final = rb'"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*+'
_JSON_START = re.compile(
    rb'\{\s*(?:["}]|\Z)'
    rb'|\[\s*(?:[\[{"\]]|\Z|(?:' + _NUMBER + rb"|" + _LITERAL + rb")\s*(?:[,\]]|\Z))"
    rb"|(?:" + _STRING + rb'"?|' + _NUMBER + rb"|" + _LITERAL + rb")\s*\Z"
)
_JSON_VALUE_START = re.compile(rb'[\[{"0-9-]|true|false|null')


def sniff(sample: bytes) -> Magic:
    r"""Return what `sample`, the start of a file, shows it to be.

    Looks at the first 1 KiB, and for text at as much behind leading blanks, of which it skips up to
    16 KiB (`sample_size` tells how much of a file that makes).

    Text is UTF-8 without controls, cut anywhere, or begins with a byte order mark. HTML is
    recognised in any encoding that extends ASCII, and by any element that a page may begin with;
    behind `<?xml ?>` or with a namespace such an element is XML. JSON is what begins like it; a
    first line that is a whole object or array with another JSON value below it is NDJSON.

    >>> sniff(b"PK\x03\x04..."), sniff(b'{"a": 1}\n{"a": 2}\n'), sniff(b"true story")
    (<Magic.ZIP: 'zip'>, <Magic.NDJSON: 'ndjson'>, <Magic.TEXT: 'text'>)
    """
    sample = bytes(sample[: sample_size(sample)])
    if not sample:
        return Magic.EMPTY
    for signature in _SIGNATURES:
        if signature.fits(sample):
            return signature.magic
    return _kind_of_text(_narrow(sample))


def sample_size(start: bytes) -> int:
    """Return how many octets of a file that begins with `start` are looked at.

    Where `start` is nothing but blanks the answer counts those to come as well: it grows with
    `start` until something else comes, to at most 17 KiB.

    >>> sample_size(b"id,name"), sample_size(b"  id,name")
    (1024, 1026)
    """
    return SAMPLE_LIMIT + blanks_before(start)


def blanks_before(start: bytes | bytearray) -> int:
    """Return how many octets of blanks and byte order marks `start` begins with, up to 16 KiB."""
    lead = _LEAD.match(start, 0, BLANKS_LIMIT)
    return 0 if lead is None else lead.end()


def _narrow(sample: bytes) -> bytes:
    """Return UTF-16 and UTF-32 text that says so by its mark as UTF-8."""
    for mark, encoding in _WIDE_MARKS:
        if sample.startswith(mark):
            return sample.decode(encoding, "ignore").encode()
    return sample


def _kind_of_text(text: bytes) -> Magic:
    if _BINARY_OCTET.search(text):
        return Magic.BINARY
    markup = _kind_of_markup(text[blanks_before(text) :])
    if markup is not None:
        return markup
    try:
        codecs.utf_8_decode(text, "strict", False)  # noqa: FBT003 -- positional only
    except UnicodeDecodeError:
        return Magic.BINARY
    return _kind_of_json(text.removeprefix(codecs.BOM_UTF8).lstrip(_BLANKS)) or Magic.TEXT


def _kind_of_markup(text: bytes) -> Magic | None:
    """Tell HTML from XML, behind comments and declarations such as `<?xml ?>`."""
    declared = text.startswith(b"<?xml")
    while text.startswith((_COMMENT, _DECLARATION)):
        end = b"-->" if text.startswith(_COMMENT) else b"?>"
        _, closed, text = text.partition(end)
        text = text.lstrip(_BLANKS)
        if not closed:
            return Magic.HTML if end == b"-->" and not declared else Magic.XML
    if _PAGE_START.match(text) or (not declared and _ELEMENT_START.match(text)):
        return Magic.HTML
    return Magic.XML if declared or _XML_START.match(text) else None


def _kind_of_json(text: bytes) -> Magic | None:
    if not _JSON_START.match(text):
        return None
    line, _, rest = text.partition(b"\n")
    if _JSON_VALUE_START.match(rest.lstrip(_BLANKS)) and _is_container(line):
        return Magic.NDJSON
    return Magic.JSON


def _is_container(line: bytes) -> bool:
    """Tell whether a line is a whole JSON object or array."""
    if not line.startswith((b"{", b"[")):
        return False
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
