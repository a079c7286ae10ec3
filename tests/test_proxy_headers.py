"""Whose proxy headers mod_wsgi believes, as docs/deployment/proxy-headers.md says; the other rows run on that page."""

import pytest
from support import debian, system

TOLD = """\
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['REMOTE_ADDR']} {environ['wsgi.url_scheme']}".encode()]
"""
SITE = """\
WSGIScriptAlias / /srv/told.py
<Directory /srv>
    Require all granted
</Directory>
"""
HEADERS = "WSGITrustedProxyHeaders X-Forwarded-For X-Forwarded-Proto\n"
PROXY = "127.0.0.1"
CLIENT = "127.0.0.9"
LIE = "203.0.113.66 https"


@pytest.mark.parametrize(
    ("directives", "to_the_client", "to_the_proxy"),
    [
        ("", f"{CLIENT} http", f"{PROXY} http"),
        (HEADERS, LIE, LIE),
        (f"{HEADERS}WSGITrustedProxies {PROXY}\n", f"{CLIENT} http", LIE),
    ],
)
def test_mod_wsgi_believes_everybody_until_the_proxy_is_named(
    directives: str, to_the_client: str, to_the_proxy: str
) -> None:
    needs = ["debian-server", "apache"]
    for reason in system.lacking(needs):
        system.missing(reason, needs)
    with debian.server() as server:
        server.write("/srv/told.py", TOLD)
        server.write("/etc/apache2/sites-available/told.conf", SITE + directives)
        for command in ("a2enmod --quiet wsgi", "a2dissite --quiet 000-default", "a2ensite --quiet told"):
            server.run(*command.split())
        server.run("systemctl", "start", "apache2")
        lie = ["--header", "X-Forwarded-For: 203.0.113.66", "--header", "X-Forwarded-Proto: https"]
        for address, expected in ((CLIENT, to_the_client), (PROXY, to_the_proxy)):
            assert server.run("curl", "--silent", "--interface", address, *lie, "http://127.0.0.1/").stdout == expected
