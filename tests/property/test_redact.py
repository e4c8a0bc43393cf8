"""No secret survives redaction, and one resource has one identity."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from etagkit._redact import MASK, redact_url
from etagkit.errors import ConnectionFailed, InvalidURL
from etagkit.http import identity_url

pytestmark = pytest.mark.property

#: Stands for every secret; no part of a URL that is drawn here contains it by accident.
SECRET = "Zq7Zq7"

plain = st.text("abcxyz0189-._~", min_size=1, max_size=6)
secret_names = st.sampled_from(
    [
        *("token", "access_token", "X-Amz-Signature", "X-Goog-Credential", "sig", "Signature"),
        *("key", "api_key", "password", "user[password]", "tok%65n", "client_secret", "auth"),
    ]
).flatmap(lambda name: st.sampled_from([name, name.lower(), name.upper(), f"a.{name}"]))
plain_names = st.sampled_from(["page", "part", "versionId", "id", "q", "author", "response-type"])
#: What may surround a secret inside a value; all of it belongs to the value.
around = st.text("ab01=%20+/:.~!*(),?@", max_size=4)
values = st.builds(lambda before, after: f"{before}{SECRET}{after}", around, around)
pairs = st.builds("{}={}".format, plain_names, plain)
secret_pairs = st.builds("{}={}".format, secret_names, values)
hosts = st.sampled_from(["example.org", "example.org:8443", "EXAMPLE.org", "[::1]:80", "h"])
paths = st.lists(plain | st.just("@scope"), max_size=3).map(
    lambda parts: "".join(f"/{p}" for p in parts)
)
users = st.sampled_from(
    ["", f"{SECRET}@", f"me:{SECRET}@", f"me:a@{SECRET}@", f"me:%40{SECRET}@", f":{SECRET}@"]
)


authorities = st.builds("{}{}".format, users, hosts)
matrices = st.just("") | secret_pairs.map(lambda pair: f";{pair}".replace("?", ""))


@given(
    scheme=st.sampled_from(["http://", "https://", "HTTPS://", "s3://", "//"]),
    authority=authorities,
    path=st.builds("{}/a{}".format, paths, matrices),
    query=st.lists(pairs | secret_pairs, max_size=5),
    glue=st.sampled_from("&;"),
    fragment=st.sampled_from(["", f"#{SECRET}", f"#access_token={SECRET}&a=?"]),
)
def test_no_secret_survives(
    scheme: str, authority: str, path: str, query: list[str], glue: str, fragment: str
) -> None:
    """Wherever a secret may stand by its name or place, it is hidden; the rest stays readable."""
    url = f"{scheme}{authority}{path}?{glue.join(query)}{fragment}"
    shown = redact_url(url)
    assert SECRET not in shown
    assert authority.rpartition("@")[2] in shown
    assert not [pair for pair in query if SECRET not in pair and pair not in shown]
    assert SECRET not in str(ConnectionFailed("no route", url=url))


def _nested(name: str, shape: str, depth: int) -> str:
    """Return a value that holds a secret under `name`, percent-encoded `depth` times."""
    value = shape.format(name=name, secret=SECRET)
    for _ in range(depth):
        value = quote(value, safe="")
    return value


_SHAPES = [
    *("/f?{name}={secret}", "https://h/f?a=1&{name}={secret}&b=2", "//g/f?{name}={secret}"),
    *("a,{name}={secret}", "a=1|{name}={secret}", "a=1&{name} = {secret}", "({name}={secret})"),
    *('{{"{name}":"{secret}"}}', '{{"a":1, "{name}" : ["{secret}"]}}', "{{'{name}': {secret}}}"),
    *('"{{\\"{name}\\":\\"{secret}\\"}}"', "//me:{secret}@h/", "https://{secret}@h"),
]
nested = st.builds(
    _nested,
    st.sampled_from(["token", "sig", "X-Amz-Signature", "user[password]", "api_key", "md5", "TOK"]),
    st.sampled_from(_SHAPES),
    st.integers(min_value=1, max_value=9),
)


@given(value=nested, name=plain_names, pair=pairs)
def test_no_nested_secret_survives(value: str, name: str, pair: str) -> None:
    """A secret within a value, a name or a path, however often it is coded, is hidden."""
    assert SECRET not in redact_url(f"https://h/a?{pair}&{name}={value}")
    assert SECRET not in redact_url(f"https://h/a?{pair};{value}")
    assert SECRET not in redact_url(f"https://h/a/x{value}/b?{pair}")
    assert pair in redact_url(f"https://h/a?{name}={value}&{pair}")


@given(
    value=st.builds(
        _nested,
        st.sampled_from(["page", "author", "pattern", "access_level", "st"]),
        st.sampled_from(["/f?{name}=1", "a,{name}=1", '{{"{name}":"1"}}', "the {name} = 1"]),
        st.integers(min_value=1, max_value=4),
    ),
    name=plain_names,
)
def test_nested_ordinary_parameters_stay_readable(value: str, name: str) -> None:
    """What holds no secret is shown as it is, in a value and in a path."""
    for url in (f"https://h/a?{name}={value}", f"https://h/a/{value}/b"):
        assert redact_url(url) == url


@given(
    before=st.text("htps:/\\ ?#@abc0189.", max_size=12),
    after=st.text("htps:/\\ ?#abc0189.", max_size=12),
)
def test_password_never_shows_in_a_broken_url(before: str, after: str) -> None:
    """However the text before and after a password is broken: shown is nothing of it."""
    shown = redact_url(f"{before}me:{SECRET}@{after}")
    if "://" in before or "?" in before or "#" in before:
        return  # then the password may really be part of a path or a value
    assert SECRET not in shown


#: What a taken-apart URL may be put together from in another way, with a letter that is several.
pieces = st.sampled_from(
    ["https:", "h", ":", "/", "//", "?", "#", "@", "&", ";", "=", "%", "[", "]", "\n", "℀", "token"]
)


@example(url="https:////℀tok?")
@example(url="//\n//h?a")
@given(
    url=st.text()
    | st.text("htps:/?#@&;=%[]abkey0189.", max_size=30)
    | st.lists(pieces, max_size=9).map("".join)
)
def test_redaction_takes_any_text(url: str) -> None:
    """No text raises, and what was redacted stays as it is."""
    once = redact_url(url)
    assert redact_url(once) == once


@given(url=st.text() | st.text("htps:/?#@&;=%[]abkey0189.", max_size=30))
def test_identity_takes_any_text_and_is_idempotent(url: str) -> None:
    """Any text has an identity, which is its own identity, or gets the library's error."""
    try:
        once = identity_url(url)
    except InvalidURL:
        assert redact_url(url) == MASK
    else:
        assert identity_url(once) == once


signatures = st.sampled_from(
    [
        [f"X-Amz-Signature={SECRET}", "X-Amz-Date={}", "X-Amz-Expires=9"],
        [f"x-goog-signature={SECRET}", "x-goog-date={}"],
        [f"AWSAccessKeyId={SECRET}", "Signature={}", "Expires={}"],
        [f"GoogleAccessId={SECRET}", "Signature={}", "Expires={}"],
        [f"Key-Pair-Id={SECRET}", "Signature={}", "Policy={}"],
        [f"sig={SECRET}", "sv=2022-11-02", "se={}", "sp=r", "sr=b"],
    ]
)


@given(
    path=paths,
    query=st.lists(pairs, max_size=3),
    signature=signatures,
    times=st.tuples(plain, plain),
)
def test_identity_is_that_of_the_unsigned_link(
    path: str, query: list[str], signature: list[str], times: tuple[str, str]
) -> None:
    """Signing, in front or behind, and signing again change nothing; no secret is left."""
    base = f"https://example.org{path}"
    plain_link = identity_url(f"{base}?{'&'.join(query)}" if query else base)
    first = "&".join([*query, *(part.format(times[0]) for part in signature)])
    second = "&".join([*(part.format(times[1]) for part in signature), *query])
    assert identity_url(f"{base}?{first}") == identity_url(f"{base}?{second}") == plain_link


@given(one=st.lists(pairs, max_size=3), other=st.lists(pairs, max_size=3), signature=signatures)
def test_different_resources_have_different_identities(
    one: list[str], other: list[str], signature: list[str]
) -> None:
    """Two queries that differ in more than a signature never share an identity."""

    def link(query: list[str]) -> str:
        return identity_url("https://example.org/a?" + "&".join([*query, *signature]))

    assert (link(one) == link(other)) is (one == other)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit",
    [
        *("&", ";", "=", "a-", "-key", "key-", "_token", "%", "@", ":", "/", "://", "?a=://"),
        *("%25", "25", ",", "|", '"', '" ', '":', " =", "+", "a=", "%2F%3D"),
    ],
)
def test_hostile_urls_take_no_time(unit: str) -> None:
    """64 KiB of any separator are handled in one pass or few."""
    many = unit * (65_536 // len(unit))
    for url in (f"https://h/?{many}\n=x", f"https://h/{many}", f"https://h/?a=%{many}%0A=x"):
        redact_url(url)
        identity_url(url)
