"""Behaviours that answer with another kind of thing, or with more than the right fields."""

from __future__ import annotations

import attrs
from typing_extensions import override

from etagkit.testing._origin_behaviour import Behaviour, method_names
from etagkit.testing._origin_model import (
    Fields,
    Reply,
    Visit,
    header_lines,
    http_date,
    show_bytes,
)


@attrs.frozen
class Status(Behaviour):
    """Answer with this status, whatever was asked.

    >>> refusing = Status(403, methods=("HEAD",))
    >>> busy = Status(503, headers={"Retry-After": "1"})
    """

    code: int
    body: bytes = attrs.field(default=b"", repr=show_bytes, kw_only=True)
    headers: tuple[tuple[str, str], ...] = attrs.field(
        default=(), converter=header_lines, kw_only=True
    )

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the status with its body and its fields."""
        fields = Fields((("Date", http_date(visit.now)), ("Content-Type", "text/plain")))
        return Reply(status=self.code, headers=fields.replacing(self.headers), body=self.body)


@attrs.frozen
class NoHead405(Behaviour):
    """Refuse HEAD with 405, as many applications do."""

    methods: tuple[str, ...] | None = attrs.field(
        default=("HEAD",), converter=method_names, kw_only=True
    )

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the refusal."""
        return Status(405, headers={"Allow": "GET"}).reply(visit)


@attrs.frozen
class LoginPage(Behaviour):
    """Answer 200 with a page that asks for a password, in perfect framing."""

    body: bytes = attrs.field(
        default=b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form "
        b'method="post"><input name="password" type="password"></form></body></html>\n',
        repr=show_bytes,
    )

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the page."""
        page = Status(200, body=self.body, headers={"Content-Type": "text/html; charset=utf-8"})
        return page.reply(visit)


@attrs.frozen
class Garbage(Behaviour):
    """Send bytes that are no HTTP and close; they may also hold a whole spoilt answer."""

    data: bytes = attrs.field(
        default=b"\x16\x03\x01\x00\x05garbage\r\n\r\n\x00\xff", repr=show_bytes
    )

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the bytes in the place of an answer."""
        return attrs.evolve(visit.well(), head=self.data, body=b"")


@attrs.frozen
class ExtraHeaders(Behaviour):
    """Add fields to the right answer, in the place of their namesakes.

    >>> odd = ExtraHeaders({"ETag": "unquoted"})
    """

    headers: tuple[tuple[str, str], ...] = attrs.field(converter=header_lines)

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the right answer with these fields."""
        return visit.well().replacing(self.headers)
