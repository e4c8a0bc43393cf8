"""How nginx, Apache and Caddy are configured to serve one folder over HTTP/1.1 and HTTP/2.

Each configuration is complete and minimal: nothing of the machine's own configuration is read, and
nothing outside the site's folder is written. All of them run in the foreground, as root or not.
"""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from tests.servers._server import AccessEntry, Site

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The media types that the tests rely on; everything else is application/octet-stream.
_TYPES = {
    "application/gzip": "gz",
    "application/json": "json",
    "application/zip": "whl zip",
    "text/html": "html",
    "text/plain": "txt",
}

#: Users whom distributions give to Apache, which refuses to serve as root.
_APACHE_USERS = ("www-data", "apache", "http", "daemon", "nobody")

#: Where distributions keep Apache's modules.
_APACHE_MODULES = (
    "/usr/lib/apache2/modules",
    "/usr/lib64/httpd/modules",
    "/usr/lib/httpd/modules",
    "/usr/libexec/apache2",
)

#: Apache's modules in the order of loading; a module that is compiled in is left alone.
_APACHE_NEEDS = {
    "mpm_event_module": "mod_mpm_event.so",
    "unixd_module": "mod_unixd.so",
    "log_config_module": "mod_log_config.so",
    "authz_core_module": "mod_authz_core.so",
    "mime_module": "mod_mime.so",
    "ssl_module": "mod_ssl.so",
    "http2_module": "mod_http2.so",
}


def _is_root() -> bool:
    return os.geteuid() == 0


def _tabbed(line: str) -> AccessEntry:
    """Return the entry of a line that nginx and Apache write alike; both escape tabs in values."""
    method, path, status, size, protocol = line.split("\t")
    return AccessEntry(
        method=method,
        path=path,
        status=int(status),
        # Over HTTP/2, Apache counts the body that a HEAD does not get.
        body_bytes=0 if method == "HEAD" else int(size),
        protocol=protocol,
    )


class Nginx:
    """nginx with sendfile, without a cache of open files; as root it serves as root."""

    name = "nginx"

    def command(self, program: Path, site: Site) -> list[str]:
        """Write nginx.conf and return the command."""
        config = site.folder / "nginx.conf"
        types = "\n".join(f"    {kind} {suffixes};" for kind, suffixes in _TYPES.items())
        temporary = "\n".join(
            f'  {kind}_temp_path "{site.folder}/{kind}";'
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        config.write_text(f"""\
daemon off;
{"user root;" if _is_root() else ""}
worker_processes 1;
pid "{site.folder}/nginx.pid";
error_log "{site.folder}/error.log" warn;
events {{ worker_connections 512; }}
http {{
  types {{
{types}
  }}
  default_type application/octet-stream;
  log_format entry "$request_method\\t$uri\\t$status\\t$body_bytes_sent\\t$server_protocol";
  access_log "{site.access_log}" entry;
{temporary}
  sendfile on;
  tcp_nopush on;
  open_file_cache off;
  etag on;
  keepalive_timeout 60s;
  keepalive_requests 100000;
  root "{site.root}";
  server {{ listen 127.0.0.1:{site.http_port}; }}
  server {{
    # Newer versions prefer `http2 on;` and still take this, older ones know nothing else.
    listen 127.0.0.1:{site.tls_port} ssl http2;
    ssl_certificate "{site.certificate}";
    ssl_certificate_key "{site.certificate}";
  }}
}}
""")
        errors = str(site.folder / "error.log")
        return [str(program), "-p", str(site.folder), "-c", str(config), "-e", errors]

    def environment(self, site: Site) -> Mapping[str, str]:
        """Return nothing: nginx needs no environment."""
        return {}

    def parse(self, line: str) -> AccessEntry:
        """Return the entry of a line in the format above."""
        return _tabbed(line)


class Apache:
    """Apache with the event MPM, mod_mime, and mod_http2 on TLS; as root it drops root's rights."""

    name = "apache"

    def command(self, program: Path, site: Site) -> list[str]:
        """Write apache.conf and return the command."""
        config = site.folder / "apache.conf"
        types = site.folder / "mime.types"
        types.write_text("".join(f"{kind} {suffixes}\n" for kind, suffixes in _TYPES.items()))
        config.write_text(f"""\
{self._modules()}
{self._user()}
ServerRoot "{site.folder}"
DefaultRuntimeDir "{site.folder}"
PidFile "{site.folder}/apache.pid"
ServerName 127.0.0.1
Listen 127.0.0.1:{site.http_port}
Listen 127.0.0.1:{site.tls_port}
StartServers 1
ServerLimit 2
ThreadsPerChild 64
MaxRequestWorkers 128
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
EnableSendfile On
EnableMMAP Off
ErrorLog "{site.folder}/error.log"
LogLevel warn
LogFormat "%m\\t%U\\t%>s\\t%B\\t%H" entry
CustomLog "{site.access_log}" entry
TypesConfig "{types}"
DocumentRoot "{site.root}"
<Directory />
  AllowOverride None
  Require all denied
</Directory>
<Directory "{site.root}">
  Require all granted
</Directory>
SSLSessionCache none
<VirtualHost 127.0.0.1:{site.tls_port}>
  Protocols h2 http/1.1
  SSLEngine on
  SSLCertificateFile "{site.certificate}"
  SSLCertificateKeyFile "{site.certificate}"
</VirtualHost>
""")
        return [str(program), "-D", "FOREGROUND", "-d", str(site.folder), "-f", str(config)]

    def _modules(self) -> str:
        folder = next((path for path in _APACHE_MODULES if Path(path).is_dir()), None)
        if folder is None:
            message = f"no folder of Apache modules among {', '.join(_APACHE_MODULES)}"
            raise RuntimeError(message)
        return "\n".join(
            f"<IfModule !{module}>\n  LoadModule {module} {folder}/{file}\n</IfModule>"
            for module, file in _APACHE_NEEDS.items()
        )

    def _user(self) -> str:
        if not _is_root():
            return ""
        known = {entry.pw_name: entry.pw_gid for entry in pwd.getpwall()}
        user = next(name for name in _APACHE_USERS if name in known)
        return f"User {user}\nGroup #{known[user]}"

    def environment(self, site: Site) -> Mapping[str, str]:
        """Return nothing: only Debian's own configuration asks for APACHE_* variables."""
        return {}

    def parse(self, line: str) -> AccessEntry:
        """Return the entry of a line in the format above."""
        return _tabbed(line)


class Caddy:
    """Caddy without its admin port and without certificates of its own making."""

    name = "caddy"

    def command(self, program: Path, site: Site) -> list[str]:
        """Write caddy.json and return the command."""
        config = site.folder / "caddy.json"
        config.write_text(json.dumps(self._config(site), indent=1))
        return [str(program), "run", "--config", str(config)]

    def _config(self, site: Site) -> dict[str, object]:
        pair = {"certificate": str(site.certificate), "key": str(site.certificate)}
        return {
            "admin": {"disabled": True, "config": {"persist": False}},
            "logging": {
                "logs": {
                    "default": {
                        "writer": _file(site.folder / "error.log"),
                        "level": "WARN",
                        "exclude": ["http.log.access"],
                    },
                    "entries": {
                        "writer": _file(site.access_log),
                        "encoder": {"format": "json"},
                        "include": ["http.log.access"],
                    },
                }
            },
            "apps": {
                "http": {
                    "grace_period": "100ms",
                    "servers": {
                        "plain": self._server(site, site.http_port, ["h1"]),
                        "tls": {
                            **self._server(site, site.tls_port, ["h1", "h2"]),
                            "tls_connection_policies": [{}],
                        },
                    },
                },
                "tls": {"certificates": {"load_files": [pair]}},
            },
        }

    def _server(self, site: Site, port: int, protocols: list[str]) -> dict[str, object]:
        return {
            "listen": [f"127.0.0.1:{port}"],
            "protocols": protocols,
            "automatic_https": {"disable": True},
            "logs": {},
            "routes": [{"handle": [{"handler": "file_server", "root": str(site.root)}]}],
        }

    def environment(self, site: Site) -> Mapping[str, str]:
        """Return a home in the site's folder, where Caddy keeps what it cannot be kept from."""
        home = str(site.folder / "home")
        return {"HOME": home, "XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home}

    def parse(self, line: str) -> AccessEntry:
        """Return the entry of a line of JSON."""
        entry = json.loads(line)
        request = entry["request"]
        return AccessEntry(
            method=request["method"],
            path=unquote(urlsplit(request["uri"]).path),
            status=entry["status"],
            body_bytes=entry["size"],
            protocol=request["proto"],
        )


def _file(path: Path) -> dict[str, object]:
    return {"output": "file", "filename": str(path), "roll": False}
