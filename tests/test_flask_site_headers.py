"""What flask-site tells browsers with each kind of answer, row by row of what the OWASP Secure Headers Project lists.

The lists: https://owasp.org/www-project-secure-headers/ (headers to add, headers to remove). Each row of the table is
checked over every kind of answer of a running server, and refuses what is wrong on purpose.
"""

import http.client
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.cookies import SimpleCookie
from pathlib import Path

import pytest
from support.flask_site import KEY, Answer, Deployment, package

FOR_EVER = "public, max-age=31536000, immutable"
YEAR = 31536000  # seconds
# What the project would have sent as well, and why it is not.
NOT_SENT = {
    "Clear-Site-Data": "for the end of a session of somebody who signed in: nobody does",
    "Cross-Origin-Embedder-Policy": "the policy lets a page load nothing of another origin already",
    "X-Permitted-Cross-Domain-Policies": "for plug-ins that no browser runs",
}
# What tells with what a site was made; of the project's list, those that a program in Python could send.
TELLING = (
    "Server X-Powered-By Powered-By X-Generator X-Generated-By X-Framework X-CMS Via SourceMap X-SourceMap X-Runtime"
    " X-Version Host-Header X-Content-Encoded-By X-Server-Powered-By Product"
).split()


def policy(headers: Message) -> dict[str, list[str]]:
    """Read the Content-Security-Policy: the sources by directive; of two, the first counts."""
    parts = [part.split() for part in headers.get("Content-Security-Policy", "").split(";") if part.strip()]
    return {name.lower(): sources for name, *sources in reversed(parts)}


def strict(headers: Message) -> bool:
    """Nothing runs, nothing comes from elsewhere, nobody frames it, and forms go home only."""
    given = policy(headers)
    known = {source for sources in given.values() for source in sources} <= {"'none'", "'self'"}
    shut = all(given.get(name) == ["'none'"] for name in ("default-src", "base-uri", "frame-ancestors"))
    return known and shut and given.get("form-action") == ["'self'"] and "script-src" not in given


def forbids_features(headers: Message) -> bool:
    given = headers.get("Permissions-Policy", "").replace(" ", "").split(",")
    return {"camera=()", "geolocation=()", "microphone=()"} <= set(given) and all(one.endswith("=()") for one in given)


def guarded_cookies(headers: Message) -> bool:
    morsels = [morsel for cookie in headers.get_all("Set-Cookie", []) for morsel in SimpleCookie(cookie).values()]
    asked = len(headers.get_all("Set-Cookie", []))
    kept = [m for m in morsels if m["secure"] and m["httponly"] and m["samesite"] in ("Lax", "Strict")]
    return len(kept) == len(morsels) == asked and all(m["path"] == "/" and not m["domain"] for m in morsels)


def of_its_kind(headers: Message) -> bool:
    """Text says in which encoding it is, and nothing is without a kind."""
    kind = headers.get("Content-Type", "")
    return bool(kind) and (not kind.startswith("text/") or kind.endswith("; charset=utf-8"))


def only(name: str, *values: str) -> Callable[[Message], bool]:
    """Tell whether a header is there once, with one of these values."""
    return lambda headers: headers.get_all(name, []) in [[value] for value in values]


def without(*names: str) -> Callable[[Message], bool]:
    return lambda headers: not any(name in headers for name in names)


def lasting(headers: Message) -> bool:
    found = re.fullmatch(
        r"max-age=(\d+)(; includeSubDomains)?(; preload)?", headers.get("Strict-Transport-Security", "")
    )
    return found is not None and int(found[1]) >= YEAR


Wanted = Callable[[str], bool]


def every(kind: str) -> bool:
    return True


def of(*kinds: str) -> Wanted:
    return lambda kind: kind in kinds


def but(*kinds: str) -> Wanted:
    return lambda kind: kind not in kinds


@dataclass(frozen=True)
class Rule:
    """A row: of which answers it is asked, what is to hold, and headers with which it does not."""

    name: str
    holds: Callable[[Message], bool]
    wrong: list[dict[str, str]]
    asked: Wanted = field(default=every)


STATIC = ("static file", "static file, conditional")
PLAIN = ("static file by its plain name",)
SECURE = ("page over HTTPS", "API over HTTPS", "added by the form", "form with errors", "form, duplicate")
NO_BODY = ("deleted by the API", "static file, conditional")
CSP = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
RULES = [
    Rule(
        "Content-Security-Policy",
        strict,
        [
            {"Content-Security-Policy": given}
            for given in (
                "",
                "default-src *; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
                CSP.replace("; frame-ancestors 'none'", ""),
                CSP.replace("; base-uri 'none'", ""),
                CSP.replace("; form-action 'self'", ""),
                f"{CSP}; style-src 'self' 'unsafe-inline'",
                f"{CSP}; img-src https:",
                f"{CSP}; script-src 'self'",
                f"default-src 'self'; {CSP}",
            )
        ],
    ),
    Rule(
        "X-Content-Type-Options", only("X-Content-Type-Options", "nosniff"), [{}, {"X-Content-Type-Options": "sniff"}]
    ),
    Rule("X-Frame-Options", only("X-Frame-Options", "DENY"), [{}, {"X-Frame-Options": "ALLOWALL"}]),
    Rule(
        "Referrer-Policy",
        only("Referrer-Policy", "no-referrer", "same-origin"),
        [{}, {"Referrer-Policy": "unsafe-url"}, {"Referrer-Policy": "origin"}],
    ),
    Rule(
        "Permissions-Policy",
        forbids_features,
        [{}, {"Permissions-Policy": "camera=(), geolocation=*, microphone=()"}, {"Permissions-Policy": "camera=()"}],
    ),
    Rule(
        "Cross-Origin-Opener-Policy",
        only("Cross-Origin-Opener-Policy", "same-origin"),
        [{}, {"Cross-Origin-Opener-Policy": "unsafe-none"}],
    ),
    Rule(
        "Cross-Origin-Resource-Policy",
        only("Cross-Origin-Resource-Policy", "same-origin"),
        [{}, {"Cross-Origin-Resource-Policy": "cross-origin"}],
    ),
    Rule(
        "Strict-Transport-Security over HTTP",
        without("Strict-Transport-Security"),
        [{"Strict-Transport-Security": "max-age=31536000"}],
        but(*SECURE),
    ),
    Rule(
        "Strict-Transport-Security over HTTPS",
        lasting,
        [{}, {"Strict-Transport-Security": "max-age=300"}, {"Strict-Transport-Security": "max-age"}],
        of(*SECURE),
    ),
    Rule(
        "Cache-Control of what may change",
        only("Cache-Control", "no-store"),
        [{}, {"Cache-Control": "public"}, {"Cache-Control": FOR_EVER}],
        but(*STATIC, *PLAIN),
    ),
    Rule(
        "Cache-Control of what never changes",
        only("Cache-Control", FOR_EVER),
        [{}, {"Cache-Control": "no-store"}, {"Cache-Control": "public, max-age=60"}],
        of(*STATIC),
    ),
    Rule(
        "Cache-Control of a plain name",
        only("Cache-Control", "no-cache"),
        [{}, {"Cache-Control": FOR_EVER}],
        of(*PLAIN),
    ),
    Rule(
        "cookies",
        guarded_cookies,
        [
            {"Set-Cookie": given}
            for given in (
                "session=x; HttpOnly; Path=/; SameSite=Lax",
                "session=x; Secure; Path=/; SameSite=Lax",
                "session=x; Secure; HttpOnly; Path=/",
                "session=x; Secure; HttpOnly; Path=/; SameSite=None",
                "session=x; Secure; HttpOnly; Path=/; SameSite=Lax; Domain=example.org",
                "=; broken cookie",
            )
        ],
    ),
    Rule("no word of what made it", without(*TELLING), [{name: "x"} for name in TELLING]),
    Rule(
        "no word of the past",
        without("X-XSS-Protection", "Public-Key-Pins", "Expect-CT", "Feature-Policy", "Pragma"),
        [{"X-XSS-Protection": "1; mode=block"}, {"Feature-Policy": "camera 'none'"}],
    ),
    Rule(
        "no other origin",
        without("Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"),
        [{"Access-Control-Allow-Origin": "*"}],
    ),
    Rule("Content-Type", of_its_kind, [{}, {"Content-Type": "text/html"}], but(*NO_BODY)),
]


@pytest.fixture(scope="module")
def site(flask_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A server behind a proxy on this machine, as its users have it: cookies are for HTTPS."""
    site = Deployment(flask_site, tmp_path_factory.mktemp("headers"), MAX_BODY="5000")
    with site.serving("--trusted-proxy", "127.0.0.1"):
        yield site


@pytest.fixture(scope="module")
def answers(site: Deployment) -> dict[str, Answer]:
    """Every kind of answer, by what it is."""
    ask = site.ask
    paths = {"page": "/", "API": "/api/packages", "ready": "/readyz"}
    found = {f"{kind}, no database": ask("GET", path) for kind, path in paths.items()}
    site.run("init-db")
    key = {"Authorization": f"Bearer {KEY}"}
    secure = {"X_Forwarded_Proto": "https", "Referer": f"https://127.0.0.1:{site.port}/packages/add"}
    form = ask("GET", "/packages/add", **secure)
    token = re.search('name="csrf_token"[^>]* value="([^"]+)"', form.text)[1]
    cookie = {"Cookie": form.headers["Set-Cookie"].split(";")[0], **secure}
    [style] = re.findall(r'"(/static/style\.[^"]+)"', form.text)
    first = ask("GET", style)
    wide = {"csrf_token": token, "summary": "A package", "url": "https://example.org/"}
    added = site.add("one")
    found |= {
        "form": ask("GET", "/packages/add"),
        "added by the form": ask("POST", "/packages/add", form=wide | {"name": "two"}, **cookie),
        "form with errors": ask("POST", "/packages/add", form=wide | {"name": "?"}, **cookie),
        "form, duplicate": ask("POST", "/packages/add", form=wide | {"name": "two"}, **cookie),
        "form without its token": ask("POST", "/packages/add", form={"name": "x"}),
        "page": ask("GET", "/"),
        "page, head alone": ask("HEAD", "/"),
        "page over HTTPS": ask("GET", "/", **secure),
        "search": ask("GET", "/?q=one"),
        "package": ask("GET", added.headers["Location"].removeprefix("/api")),
        "confirmation": ask("GET", "/packages/1/delete"),
        "static file": first,
        "static file, conditional": ask("GET", style, If_None_Match=first.headers["ETag"]),
        "static file by its plain name": ask("GET", "/static/style.css"),
        "static file that is missing": ask("GET", "/static/style.000000000000.css"),
        "missing page": ask("GET", "/nothing"),
        "wrong method": ask("PATCH", "/"),
        "options": ask("OPTIONS", "/"),
        "wrong search": ask("GET", "/?page=x"),
        "too large": ask("POST", "/import", b"x" * 6000, Content_Type="text/csv"),
        "another host": ask("GET", "/", Host="elsewhere.example"),
        "alive": ask("GET", "/healthz"),
        "ready": ask("GET", "/readyz"),
        "API": ask("GET", "/api/packages"),
        "API over HTTPS": ask("GET", "/api/packages", **secure),
        "API document": ask("GET", "/api/openapi.json"),
        "added by the API": added,
        "API without a key": ask("POST", "/api/packages", json=package("x"), Authorization=""),
        "API, missing": ask("GET", "/api/packages/999"),
        "API, missing path": ask("GET", "/api/nothing"),
        "API, wrong method": ask("PATCH", "/api/packages"),
        "API, duplicate": site.add("one"),
        "API, no JSON": ask(
            "POST", "/api/packages", b"{", Authorization=f"Bearer {KEY}", Content_Type="application/json"
        ),
        "API, another kind": ask("POST", "/api/packages", b"x", Content_Type="text/xml", **key),
        "API, wrong field": ask("POST", "/api/packages", json=package("?")),
        "deleted by the API": ask("DELETE", "/api/packages/1", **key),
    }
    return found


STATUSES = {
    "added by the form": 303,
    "form with errors": 422,
    "form, duplicate": 409,
    "form without its token": 400,
    "static file, conditional": 304,
    "static file that is missing": 404,
    "missing page": 404,
    "wrong method": 405,
    "wrong search": 400,
    "too large": 413,
    "another host": 400,
    "added by the API": 201,
    "API without a key": 401,
    "API, missing": 404,
    "API, missing path": 404,
    "API, wrong method": 405,
    "API, duplicate": 409,
    "API, no JSON": 400,
    "API, another kind": 415,
    "API, wrong field": 422,
    "page, no database": 503,
    "API, no database": 503,
    "ready, no database": 503,
    "deleted by the API": 204,
}


def test_every_kind_of_answer_is_there(answers: dict[str, Answer]) -> None:
    assert {kind: answer.status for kind, answer in answers.items()} == dict.fromkeys(answers, 200) | STATUSES
    assert [kind for kind, answer in answers.items() if answer.headers["Set-Cookie"]] != []
    assert answers["added by the form"].headers["Set-Cookie"] is not None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_answer_has_the_header(rule: Rule, answers: dict[str, Answer]) -> None:
    asked = {kind: answer.headers for kind, answer in answers.items() if rule.asked(kind)}
    assert asked != {}
    assert [f"{kind}:\n{headers}" for kind, headers in asked.items() if not rule.holds(headers)] == []


@pytest.mark.parametrize(("rule", "wrong"), [(rule, wrong) for rule in RULES for wrong in rule.wrong])
def test_a_wrong_header_is_found(rule: Rule, wrong: dict[str, str]) -> None:
    headers = Message()
    for name, value in wrong.items():
        headers[name] = value
    assert not rule.holds(headers)


LISTED = (
    "Cache-Control Clear-Site-Data Content-Security-Policy Cross-Origin-Embedder-Policy Cross-Origin-Opener-Policy"
    " Cross-Origin-Resource-Policy Permissions-Policy Referrer-Policy Strict-Transport-Security X-Content-Type-Options"
    " X-Frame-Options X-Permitted-Cross-Domain-Policies"
).split()


def test_every_header_that_the_project_lists_is_checked_or_left_out_for_a_reason(answers: dict[str, Answer]) -> None:
    checked = {rule.name.split()[0] for rule in RULES}
    assert sorted(LISTED) == sorted({*NOT_SENT, *(name for name in LISTED if name in checked)})
    assert [kind for kind, answer in answers.items() for name in NOT_SENT if name in answer.headers] == []


def test_a_client_does_not_decide_about_its_scheme(flask_site: Path, tmp_path: Path) -> None:
    """Without a proxy that is trusted, what a request says of itself changes nothing."""
    with Deployment(flask_site, tmp_path).serving() as site:
        answer = site.ask("GET", "/healthz", X_Forwarded_Proto="https", Forwarded="proto=https")
        assert "Strict-Transport-Security" not in answer.headers


BROKEN = {
    "no request": b"nonsense\r\n\r\n",
    "a head without end": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    "another coding": b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: none\r\n\r\nx",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN)
def test_a_request_that_the_server_refuses_tells_nothing(sent: bytes, site: Deployment) -> None:
    """These never reach the application: the server answers by itself, in plain text and without its version."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection:
        connection.sendall(sent)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        text = answer.read().decode("utf-8")
    assert 400 <= answer.status < 600
    assert re.search(r"Traceback|File \"|waitress/|\d+\.\d+\.\d+", f"{answer.headers}{text}") is None
    assert "<" not in text
