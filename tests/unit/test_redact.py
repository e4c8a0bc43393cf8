"""URLs that may be shown, and URLs that name a resource."""

from __future__ import annotations

from typing import Any

import pytest

from etagkit._redact import MASK, redact_url
from etagkit.errors import InvalidURL
from etagkit.http import identity_url

# Links as the providers sign them; values are made up. `SECRET` marks what must not be shown.
S3 = (
    "https://bucket.s3.eu-west-1.amazonaws.com/data/a.csv?versionId=7&X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=SECRET%2F20240229%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date={when}"
    "&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Security-Token=SECRET"
    "&X-Amz-Signature=SECRET{n}"
)
S3_V2 = (
    "https://bucket.s3.amazonaws.com/a?versionId=7&AWSAccessKeyId=SECRET&Expires={when}"
    "&Signature=SECRET%2B{n}%3D"
)
GCS = (
    "https://storage.googleapis.com/bucket/a?generation=7&X-Goog-Algorithm=GOOG4-RSA-SHA256"
    "&X-Goog-Credential=SECRET%40x.iam&X-Goog-Date={when}&X-Goog-Expires=60"
    "&X-Goog-SignedHeaders=host&X-Goog-Signature=SECRET{n}"
)
GCS_V2 = (
    "https://storage.googleapis.com/bucket/a?generation=7&GoogleAccessId=svc&Expires={when}"
    "&Signature=SECRET{n}"
)
AZURE = (
    "https://account.blob.core.windows.net/box/a?snapshot=7&sv=2022-11-02&ss=b&srt=o&sp=r"
    "&se={when}&st=2024-02-29T00%3A00Z&spr=https&sr=b&sip=1.2.3.4&skoid=o&sktid=t&skt=1&ske=2"
    "&sks=b&skv=2022-11-02&sig=SECRET{n}%3D"
)
CLOUDFRONT = (
    "https://d111.cloudfront.net/a?page=7&Expires={when}&Signature=SECRET{n}&Key-Pair-Id=SECRETKEY"
)
CLOUDFRONT_POLICY = (
    "https://d111.cloudfront.net/a?page=7&Policy=SECRET{when}&Signature=SECRET{n}"
    "&Key-Pair-Id=SECRETKEY"
)
OSS = (
    "https://bucket.oss.aliyuncs.com/a?x-oss-process=resize7&OSSAccessKeyId=SECRET"
    "&Expires={when}&Signature=SECRET{n}&security-token=SECRET"
)
SIGNED = {
    "s3": S3,
    "s3-v2": S3_V2,
    "gcs": GCS,
    "gcs-v2": GCS_V2,
    "azure": AZURE,
    "cloudfront": CLOUDFRONT,
    "cloudfront-policy": CLOUDFRONT_POLICY,
    "oss": OSS,
}
signed = pytest.mark.parametrize("template", SIGNED.values(), ids=SIGNED.keys())


@signed
def test_signed_links_are_shown_without_their_secrets(template: str) -> None:
    """No credential, token or signature of a provider's signed link is shown."""
    shown = redact_url(template.format(when="20240229T120000Z", n=1))
    assert "SECRET" not in shown
    assert MASK in shown


@signed
def test_identity_is_stable_across_signing(template: str) -> None:
    """Two signed links to one object, and the unsigned one, have one identity without secrets."""
    first = identity_url(template.format(when="20240229T120000Z", n=1))
    second = identity_url(template.format(when="20250301T080000Z", n=2))
    assert first == second
    assert "SECRET" not in first
    assert first.endswith("7")
    assert first.count("=") == 1


@signed
def test_identity_keeps_what_chooses_the_resource(template: str) -> None:
    """A version, page or snapshot beside a signature, and the path, make another resource."""
    link = template.format(when="20240229T120000Z", n=1)
    assert identity_url(link) != identity_url(link.replace("=7", "=8", 1).replace("resize7", "r8"))
    assert identity_url(link) != identity_url(link.replace("/a", "/b"))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.org/a.zip", "https://example.org/a.zip"),
        ("https://example.org", "https://example.org"),
        ("https://example.org/a?", "https://example.org/a"),
        ("https://example.org/a?part=2&v=1&id=x&page=3", None),
        ("https://example.org/a?author=x&sort=name&design=1&assigned=2&compass=n", None),
        ("https://example.org/@scope/package?x=1", None),
        ("http://localhost:8080/@scope/package", None),
        ("https://[::1]:8443/a", None),
        ("https://me@example.org/a", "https://***@example.org/a"),
        ("https://me:pw@example.org:8443/a", "https://***@example.org:8443/a"),
        ("https://me:p@w@example.org/a", "https://***@example.org/a"),
        ("https://me:p%40w@example.org/a", "https://***@example.org/a"),
        ("//me:pw@example.org/a", "//***@example.org/a"),
        ("https://example.org/a#access_token=abc", "https://example.org/a"),
        ("https://example.org/a?token", "https://example.org/a?token=***"),
        ("https://example.org/a?b=1&token=a=b", "https://example.org/a?b=1&token=***"),
        ("https://example.org/a?token=1;token=2", "https://example.org/a?token=***;token=***"),
        ("https://example.org/a;jsessionid=1?b=2", "https://example.org/a;jsessionid=***?b=2"),
        ("https://example.org/p/https://me:pw@h/a", "https://example.org/p/https://***@h/a"),
        (
            "https://example.org/?next=https%3A%2F%2Fme%3Apw%40h%2F",
            "https://example.org/?next=***",
        ),
        (
            "https://example.org/?next=https%3A%2F%2Fh%2F%3Ftoken%253Dabc",
            "https://example.org/?next=***",
        ),
        ("https://example.org/?next=https%3A%2F%2Fh%2Fa", None),
        ("https://example.org/?next=%2Fdl%3Ftoken%3Dabc", "https://example.org/?next=***"),
        ("https://example.org/?next=%2Fdl%3Fpage%3D2", None),
        ("https://example.org/?u=//me:pw@h/x", "https://example.org/?u=***"),
        ("https://example.org/?u=%2F%2Fg%2Fx%253Fsig%253Dabc", "https://example.org/?u=***"),
        ("https://example.org/?a=1%26token=abc", "https://example.org/?a=***"),
        ("https://example.org/?a=1,token=abc&b=2", "https://example.org/?a=***&b=2"),
        ("https://example.org/?a=1|sig=abc", "https://example.org/?a=***"),
        ("https://example.org/?a=1,md5=abc", "https://example.org/?a=***"),
        ("https://example.org/?a=1|hash=abc", "https://example.org/?a=***"),
        ('https://example.org/?q={"x-ms-a":"abc"}', "https://example.org/?q=***"),
        ("https://example.org/?token=abc,def|ghi&b=2", "https://example.org/?token=***&b=2"),
        ("https://example.org/?a=1,2|3,b=4", None),
        ("https://example.org/?q=set+pin+%3D+1", "https://example.org/?q=***"),
        ("https://example.org/?q={%22token%22:%22abc%22}", "https://example.org/?q=***"),
        ('https://example.org/?q={"a":{"pin" : 1}}', "https://example.org/?q=***"),
        ("https://example.org/?q=[%22%7B%5C%22sid%5C%22%3A1%7D%22]", "https://example.org/?q=***"),
        ("https://example.org/?q=%7B%22page%22%3A%222%22%7D", None),
        ("https://example.org/?q=the+token:+a+story", None),
        ("https://example.org/?{%22token%22:%22abc%22}", "https://example.org/?***"),
        ("https://example.org/?token%3Dabc", "https://example.org/?***"),
        ("https://example.org/?https://me:pw@h/", "https://example.org/?***"),
        ("https://example.org/?a=" + "%25" * 3 + "3D1", None),
        ("https://example.org/?a=%" + "25" * 9 + "3D1", "https://example.org/?a=***"),
        ("https://example.org/?tok%2565n=abc", "https://example.org/?tok%2565n=***"),
        # nginx: the hash is `st` beside `e`
        ("https://example.org/a?st=abc&e=1700000000", "https://example.org/a?st=***&e=1700000000"),
        ("https://example.org/a?e=17&st=abc;p=1", "https://example.org/a?e=17&st=***;p=1"),
        ("https://example.org/a?st=2024-02-29&se=2024-03-01", None),
        ("https://example.org/a?e=3&state=open", None),
        # within a path
        ("https://example.org/f%3Ftoken=abc", "https://example.org/f%3Ftoken=***"),
        ("https://example.org/f%3Fsig=abc/b", "https://example.org/f%3Fsig=***/b"),
        ("https://example.org/f%3Fa=1%26sig=abc", "https://example.org/f%3Fa=***"),
        ("https://example.org/f%253Ftoken%253Dabc/b", "https://example.org/***/b"),
        ("https://example.org/hdnts=exp=1~hmac=abc/b.ts", "https://example.org/hdnts=***/b.ts"),
        ("https://example.org/p/https%3A%2F%2Fme%3Apw%40h/a", "https://example.org/p/***/a"),
        ("https://example.org/token/key/auth/md5", None),
        ("https://example.org/year=2024/part=1/a%3Db%26c", None),
        ("https://example.org/a%20b%3Fpage=2", None),
        ("", ""),
        ("a/relative?sig=1", "a/relative?sig=***"),
    ],
)
def test_redaction(url: str, shown: str | None) -> None:
    """Secrets are hidden, everything else is shown as it is (`None`: unchanged)."""
    assert redact_url(url) == (url if shown is None else shown)


@pytest.mark.parametrize(
    "name",
    [
        *("token", "access_token", "id_token", "refreshToken", "X-Auth-Token", "csrf-token"),
        *(
            "token%5B%5D",
            "user[password]",
            "tok%65n",
            "TOKEN",
            "+token",
            "token%0A",
            "%0Asig",
            "token%0Ax",
            "x%0Asig",
        ),
        *("password", "passwd", "pwd", "pass", "passphrase", "userPassword", "db.password"),
        *("secret", "client_secret", "clientsecret", "sig", "sign", "signature", "X-Signature"),
        *("key", "api_key", "apikey", "api-key", "x-api-key", "accessKeyId", "subscription-key"),
        *("consumerkey", "auth", "authorization", "x.auth", "code", "jwt", "otp", "bearer"),
        *("session", "sessionid", "session_id", "PHPSESSID", "jsessionid", "sid", "ticket"),
        *("credential", "credentials", "creds", "hmac", "cookie", "policy", "sas"),
        *("md5", "MD5", "hash", "verify", "assertion", "client_assertion", "tok", "__cld_tok__"),
        *("pin", "user-pin", "pat", "github_pat", "secure", "access", "access%5B%5D", "_hash_"),
        *("X-Amz-Anything", "x-goog-anything", "x-oss-signature", "hdnea", "hdnts"),
    ],
)
def test_secret_names_are_known(name: str) -> None:
    """A parameter with a name that applications give to secrets is hidden."""
    assert redact_url(f"https://example.org/a?{name}=hunter2&b=1") == (
        f"https://example.org/a?{name}=***&b=1"
    )


@pytest.mark.parametrize(
    "name",
    [
        *(
            "access_level",
            "accessibility",
            "hashtag",
            "hash_type",
            "md5sum",
            "verify_ssl",
            "verified",
        ),
        *("secured", "insecure", "path", "pattern", "patch", "spin", "pinned", "pins", "stock"),
        *("st", "e", "s", "t", "to", "ok", "state", "store", "assert", "page", "q", "v", "expires"),
    ],
)
def test_ordinary_names_stay_readable(name: str) -> None:
    """A parameter whose name only resembles a secret's is shown."""
    url = f"https://example.org/a?{name}=1&b=2&next=/c%3F{name}%3D1"
    assert redact_url(url) == url


@pytest.mark.parametrize("value", [None, 1, b"https://h/?token=1", ["https://h/"], object()])
def test_what_is_no_text_is_hidden_whole(value: Any) -> None:
    """Redaction is called where an error is made: it never raises one itself."""
    assert redact_url(value) == MASK


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/\udce9?token=hunter2\udcff&a=%ff\ud800",
        "https://me:hunter2\udce9@example.org/%\udce9",
        "https://\udce9.example.org/?q=hunter2\udce9%26sig=1",
        "\ud800",
    ],
)
def test_surrogates_are_taken(url: str) -> None:
    """Text that cannot be encoded is redacted like any other."""
    assert "hunter2" not in redact_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://[::1/a?x=1",
        "https://me:p/w@example.org/",
        "https://me:p?w@example.org/",
        "https://me:p#w@example.org/",
        "me:pw@example.org/a",
        "https:/me:pw@example.org/a",
        "https:\\\\me:pw@example.org/a",
        "mailto:me@example.org",
        "https://example.org:port/a",
        "https://example.org;token=hunter2",
        "https://example.org:99999/a",
    ],
)
def test_what_cannot_be_taken_apart_is_hidden_whole(url: str) -> None:
    """Where a password might stand in the wrong part, nothing is shown."""
    assert redact_url(url) == MASK


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        ("https://example.org", "https://example.org/"),
        ("HTTPS://EXAMPLE.org/A", "https://example.org/A"),
        ("http://example.org:80/a", "http://example.org/a"),
        ("http://example.org:/a", "http://example.org/a"),
        ("https://example.org:443/a", "https://example.org/a"),
        ("https://example.org:80/a", "https://example.org:80/a"),
        ("http://[::1]:80/a", "http://[::1]/a"),
        ("http://[::80]/a", "http://[::80]/a"),
        ("https://me:pw@example.org/a#part", "https://example.org/a"),
        ("https://example.org/a?b=1&a=2", "https://example.org/a?b=1&a=2"),
        # Everyday names are no signature by themselves.
        ("https://example.org/a?expires=1&policy=2", "https://example.org/a?expires=1&policy=2"),
        ("https://example.org/a?sig=1&sp=2&sr=3", "https://example.org/a?sig=1&sp=2&sr=3"),
        ("https://example.org/a?signature=1", "https://example.org/a?signature=1"),
        ("https://example.org/a?key-pair-id=1&expires=2", None),
        # Known prefixes with other meanings: they choose another representation.
        ("https://example.org/a?x-oss-process=image/resize,w_9", None),
        ("https://example.org/a?x-amz-meta-page=9", None),
    ],
)
def test_identity(url: str, identity: str | None) -> None:
    """Spelling, credentials and fragment do not matter; path and query do."""
    assert identity_url(url) == (url if identity is None else identity)


def test_identity_of_what_is_no_url_is_refused() -> None:
    """Text that cannot be taken apart gets the library's own error, and is not repeated there."""
    with pytest.raises(InvalidURL, match="not a URL") as caught:
        identity_url("https://me:hunter2@[::1/a")
    assert "hunter2" not in str(caught.value)
