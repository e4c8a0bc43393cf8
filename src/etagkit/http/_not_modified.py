"""Which fields a 304 carries (RFC 9110 15.4.5).

It must have those that a 200 would have had and that a cache needs to keep what it stored in use:
Cache-Control, Content-Location, Date, ETag, Expires and Vary. It should have no other metadata of
the representation. Last-Modified stays only where there is no tag to choose the stored answer by.

Fields that do not describe the representation are left alone: the answer to a browser's
cross-origin request is useless without its Access-Control fields, and a Set-Cookie that the
application decided on is a change of state, which must not get lost because nothing else changed.
Content-Length goes, although 8.6 allows it: framing a 304 is a matter of the server.
"""

from __future__ import annotations

from etagkit.http._headers import Headers

#: Metadata of the representation, of its transfer and of its content, in lower case.
_DROPPED = frozenset(
    {
        "accept-ranges",
        "content-digest",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-length",
        "content-md5",
        "content-range",
        "content-type",
        "digest",
        "repr-digest",
        "trailer",
        "transfer-encoding",
    }
)


def headers_for_304(headers: Headers) -> Headers:
    """Return what of the fields of a 200 belongs on the 304.

    >>> headers_for_304(Headers.of({"ETag": '"1"', "Content-Type": "text/html", "Vary": "Accept"}))
    Headers([('ETag', '"1"'), ('Vary', 'Accept')])
    """
    dropped = _DROPPED | {"last-modified"} if "etag" in headers else _DROPPED
    return Headers(tuple(line for line in headers if line[0].lower() not in dropped))
