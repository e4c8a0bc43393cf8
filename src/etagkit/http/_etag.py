r"""Entity tags (RFC 9110 8.8.3).

    entity-tag = [ weak ] opaque-tag
    weak       = %s"W/"                          ; case-sensitive
    opaque-tag = DQUOTE *etagc DQUOTE
    etagc      = %x21 / %x23-7E / obs-text       ; no double quote, no space, no backslash escape

An `ETag` **is** its field value: a `str` that has been checked. It goes into a header of any
framework as it is, compares equal to the text that a client sends back, and still knows its
parts. Octets above 0x7E (obs-text) are held as the Latin-1 characters of their value.

Two tags are compared by `strong_match` or `weak_match`, never by stripping characters: equal strong
tags promise equal bytes, equal weak ones only equal meaning (8.8.3.2).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Self

from typing_extensions import override

from etagkit.errors import InvalidETag

if TYPE_CHECKING:
    from collections.abc import Callable

_ENTITY_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
_OPAQUE = re.compile(r"[\x21\x23-\x7e\x80-\xff]*")

#: What was probably meant as a tag: quotes missing, or the mark in the wrong case. Short enough to
#: be repeated in a message.
_ALMOST = re.compile(r'([Ww]/)?"?([\x21\x23-\x7e]{1,100})"?')


class ETag(str):
    """One entity tag, strong or weak; its text is the field value.

    >>> ETag('W/"v1"').opaque, ETag('W/"v1"').weak
    ('v1', True)
    >>> ETag.strong("v1") == '"v1"'
    True
    >>> ETag("v1")
    Traceback (most recent call last):
    ...
    etagkit.errors.InvalidETag: not an entity tag (found v1); put it in double quotes: "v1"

    Raises:
        InvalidETag: the text is not an entity tag.
    """

    __slots__ = ()

    def __new__(cls, value: str) -> Self:
        """Check `value` against the grammar and take it as it is."""
        if type(value) is cls:
            return value
        if _ENTITY_TAG.fullmatch(_text(value)) is None:
            raise _refusal(value)
        return super().__new__(cls, value)

    @classmethod
    def strong(cls, opaque: str) -> Self:
        """Return the strong tag around `opaque`, which may hold no space, quote or control."""
        return cls._around("", opaque)

    @classmethod
    def weakly(cls, opaque: str) -> Self:
        """Return the weak tag around `opaque`.

        >>> ETag.weakly("v1")
        ETag('W/"v1"')
        """
        return cls._around("W/", opaque)

    @classmethod
    def _around(cls, prefix: str, opaque: str) -> Self:
        if _OPAQUE.fullmatch(_text(opaque)) is None:
            reason = (
                "an opaque tag may hold no space, double quote, control or character above U+00FF"
            )
            advice = "encode it first, as hex or percent-encoding for example"
            raise InvalidETag(reason, found=opaque, advice=advice)
        return str.__new__(cls, f'{prefix}"{opaque}"')

    @classmethod
    def parse(cls, field: str | None) -> Self | None:
        """Return the tag in a received field value; `None` if it is absent or not a tag.

        A tag that cannot be read is no tag: nothing may be decided on it.

        Raises:
            InvalidETag: `field` is neither text nor `None`.
        """
        if field is None or _ENTITY_TAG.fullmatch(_text(field)) is None:
            return None
        return cls(field)

    @property
    def weak(self) -> bool:
        """Whether the tag is marked as weak."""
        return self.startswith("W/")

    @property
    def opaque(self) -> str:
        """The text between the quotes."""
        return self[3:-1] if self.weak else self[1:-1]

    def weakened(self) -> Self:
        """Return the weak form of this tag; itself if it is weak already."""
        return self if self.weak else str.__new__(type(self), "W/" + self)

    @override
    def __repr__(self) -> str:
        """Return `ETag('"v1"')`."""
        return f"ETag({str(self)!r})"

    @override
    def __str__(self) -> str:
        """Return the field value as a plain `str`."""
        return str.__str__(self)

    @override
    def __reduce__(self) -> tuple[Callable[[str], ETag], tuple[str]]:
        """Pickle as the field value."""
        return type(self), (str(self),)


def _text(value: str) -> str:
    """Return `value`, which untyped callers may have passed as bytes or `None`, if it is text."""
    if not isinstance(value, str):
        raise InvalidETag(
            "an entity tag is text",
            found=type(value).__name__,
            expected="str",
            advice="ETag.parse takes a field that may be absent; decode bytes as Latin-1",
        )
    return value


def _refusal(value: str) -> InvalidETag:
    meant = _ALMOST.fullmatch(value.strip(" \t"))
    if meant is None:
        cure = 'an entity tag is a quoted string without spaces, such as "v1" or W/"v1"'
    else:
        verb = "write it as" if '"' in value else "put it in double quotes:"
        cure = f'{verb} {"W/" if meant[1] else ""}"{meant[2]}"'
    return InvalidETag("not an entity tag", found=value, advice=cure)


def strong_match(one: ETag | None, other: ETag | None) -> bool:
    """Whether both are strong and equal (RFC 9110 8.8.3.2): the same bytes, usable to stitch.

    >>> strong_match(ETag('"1"'), ETag('"1"')), strong_match(ETag('W/"1"'), ETag('W/"1"'))
    (True, False)
    """
    return one is not None and other is not None and not one.weak and one == other


def weak_match(one: ETag | None, other: ETag | None) -> bool:
    """Whether the opaque tags are equal (RFC 9110 8.8.3.2): the same version, enough to skip.

    >>> weak_match(ETag('W/"1"'), ETag('"1"')), weak_match(None, None)
    (True, False)
    """
    return one is not None and other is not None and one.opaque == other.opaque
