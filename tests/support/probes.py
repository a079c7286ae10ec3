"""What the front door of each deployment must refuse: the attacks, and how to see that one got through.

A front door that is not careful takes one request for two (smuggling), a client's word for a proxy's (spoofing), or a
name of a file for one of its own (traversal). Each attack is complete however it is read, so that no door waits for the
rest of it; RFC 9110 and RFC 9112 say which answers are right.
"""

import contextlib
import http.client
import re
import socket
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

LIMIT = 10.0  # seconds for one attack; an answer takes milliseconds
AT_ONCE = 8  # connections
HOST = "flask-site.example"
CLOSED = 0  # in the place of a status: the connection was closed without an answer
REFUSED = frozenset({400, 403, 404, 405, 411, 413, 414, 417, 421, 426, 431, 501, 505, CLOSED})
TOO_LARGE = frozenset({400, 413, 414, 431, CLOSED})
BAD = frozenset({400, CLOSED})  # nothing else is right, or closes the way
NOTHING: frozenset[int] = frozenset()
NOT_HERE = frozenset({301, 302, 307, 308, 400, 403, 404, 421, CLOSED})  # for another site, or for none
NO_FILE = REFUSED | {301, 308}  # to the same address without its dots or slashes

# What a client makes up, and nobody may believe: they are in no answer, and not in what the application logs.
ADDRESS = "203.0.113.66"  # of RFC 5737: nobody has it
EVIL = "evil.example"
PREFIX = "/evil-prefix"
SMUGGLED = "/smuggled-request"
FORGED = tuple(map(str.encode, (ADDRESS, EVIL, PREFIX, SMUGGLED)))
# What files say that are none of the site's: users, the environment's settings, the service's, keys, a database.
PRIVATE = (
    b"root:x:0:",
    b"include-system-site-packages",
    b"FLASK_SITE_SECRET_KEY",
    b"PRIVATE KEY--",
    b"SQLite format 3",
)

SEEN = "/the-application-logs-this"
LAST = "/and-this-after-the-attacks"


class Attack(NamedTuple):
    """A request that does harm where it is believed.

    Attributes:
        family: traversal, spoofing, smuggling, oversized or malformed.
        request: its bytes, with `{host}` and `{post}` where the site's name and a path that takes forms go.
        statuses: of the first answer, if it is refused.
        like_plain: it may be answered as if the wrong part were not there.
    """

    family: str
    request: bytes
    statuses: frozenset[int] = REFUSED
    like_plain: bool = False


class Finding(NamedTuple):
    """An attack that was not refused, and how that shows."""

    family: str
    attack: str
    why: str


class Answer(NamedTuple):
    """An answer: its status, its headers, and all of it."""

    status: int
    headers: dict[str, str]
    whole: bytes


def _ask(line: str, *headers: str, body: bytes = b"", host: str | None = "Host: {host}") -> bytes:
    lines = (line, *([host] if host is not None else []), *headers, "")
    return "".join(f"{part}\r\n" for part in lines).encode("latin-1") + body


def _get(target: str, *headers: str, host: str | None = "Host: {host}") -> bytes:
    return _ask(f"GET {target} HTTP/1.1", *headers, host=host)


def _post(*headers: str, body: bytes) -> bytes:
    return _ask("POST {post} HTTP/1.1", "Content-Type: application/x-www-form-urlencoded", *headers, body=body)


SECOND = _get(SMUGGLED)
CHUNKED = "Transfer-Encoding: chunked"
ENDED = b"0\r\n\r\n" + SECOND  # two requests where chunks count, one where the length does


def _both(*coding: str) -> bytes:
    """Give a body with a length and chunks: whoever believes the chunks finds a second request behind them."""
    return _post("Content-Length: {ended}", *coding, body=ENDED)


def _within(*coding: str) -> bytes:
    """Give the reverse: whoever believes the length finds the second request in what is a chunk."""
    return _post("Content-Length: 4", *coding, body=b"{size}\r\n" + SECOND + b"\r\n0\r\n\r\n")


def _chunks(before: bytes) -> bytes:
    """Give chunks that are broken, and a request behind them."""
    return _post(CHUNKED, body=before + b"\r\n0\r\n\r\n" + SECOND)


def _filled(request: bytes, host: str = HOST, post: str = "/packages/add") -> bytes:
    """Put the names of the site in, and the lengths that follow from them."""
    second = len(SECOND.replace(b"{host}", host.encode()))
    lengths = {b"{ended}": len(ENDED) - len(SECOND) + second, b"{longer}": len(b"name=Ada") + second}
    for place, length in lengths.items():
        request = request.replace(place, b"%d" % length)
    return (
        request.replace(b"{size}", b"%02x" % second).replace(b"{host}", host.encode()).replace(b"{post}", post.encode())
    )


UP = {
    "dots": "..",
    "encoded dots": "%2e%2e",
    "dots encoded twice": "%252e%252e",
    "encoded half": ".%2e",
    "overlong UTF-8": "%c0%ae%c0%ae",
}
SLASH = {"slash": "/", "encoded slash": "%2f", "slash encoded twice": "%252f", "backslash": "\\", "%5c": "%5c"}
DEEP = 8  # folders up, at least to the root
# Below the folder of an environment next to the static files, as in each deployment of this guide.
NEAR, FAR = "venv/pyvenv.cfg", "etc/passwd"


def _traversals() -> Iterable[tuple[str, Attack]]:
    for up_name, up in UP.items():
        for slash_name, slash in SLASH.items():
            near = f"/static/{up}{slash}{NEAR.replace('/', slash)}"
            far = f"/static/{(up + slash) * DEEP}{FAR.replace('/', slash)}"
            yield f"{up_name}, {slash_name}: beside static", Attack("traversal", _get(near), NO_FILE)
            yield f"{up_name}, {slash_name}: /etc/passwd", Attack("traversal", _get(far), NO_FILE)
    for title, target in {
        "alias without a slash": f"/static../{NEAR}",
        "alias without a slash, encoded": f"/static%2e%2e/{NEAR}",
        "alias without a slash, far": f"/static../../../../{FAR}",
        "two slashes": f"//{FAR}",
        "static, two slashes": f"/static//{FAR}",
        "static, slash encoded": f"/static/%2f{FAR}",
        "from the root": f"/{'../' * DEEP}{FAR}",
        "a NUL at the end": f"/static/../{NEAR}%00.css",
        "a NUL in the middle": f"/static/%00/../../{FAR}",
        "dots with a parameter": f"/static/..;/{NEAR}",
        "dots behind a file": f"/static/style.css/../../{NEAR}",
        "a CR LF and dots": f"/static/%0d%0a../../{FAR}",
        "an absolute address with dots": f"http://{{host}}/static/../{NEAR}",
    }.items():
        yield title, Attack("traversal", _get(target), NO_FILE)


def _spoofs() -> Iterable[tuple[str, Attack]]:
    for header in (
        f"X-Forwarded-For: {ADDRESS}",
        f"X-Forwarded-For: {ADDRESS}, 127.0.0.1",
        f"X-Real-IP: {ADDRESS}",
        f"Forwarded: for={ADDRESS};proto=https;host={EVIL}",
        f"X-Forwarded-Host: {EVIL}",
        f"X-Forwarded-Server: {EVIL}",
        f"X-Host: {EVIL}",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Proto: http",
        "X-Forwarded-Port: 6666",
        f"X-Forwarded-Prefix: {PREFIX}",
        f"X-Script-Name: {PREFIX}",
        f"Script-Name: {PREFIX}",
        f"X-Original-URL: {SMUGGLED}",
        f"X-Rewrite-URL: {SMUGGLED}",
        f"Proxy: http://{EVIL}",
    ):
        yield header, Attack("spoofing", _get("/", header), NOTHING, like_plain=True)
    # Of two headers that contradict each other about the scheme, gunicorn believes none.
    for header in ("X-Forwarded-Ssl: on", "X-Forwarded-Protocol: ssl"):
        yield header, Attack("spoofing", _get("/", header), BAD, like_plain=True)
    twice = (f"X-Forwarded-For: {ADDRESS}", f"X-Forwarded-For: {ADDRESS}")
    yield "X-Forwarded-For twice", Attack("spoofing", _get("/", *twice), NOTHING, like_plain=True)
    # A name with underscores becomes the same variable of WSGI as the one with hyphens; it is dropped or refused.
    for header in (
        f"X_Forwarded_For: {ADDRESS}",
        f"X_Forwarded_Host: {EVIL}",
        "X_Forwarded_Proto: https",
        f"Script_Name: {PREFIX}",
        f"SCRIPT_NAME: {PREFIX}",
    ):
        yield header, Attack("spoofing", _get("/", header), BAD, like_plain=True)
    hops = "Connection: close, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host"
    yield "proxy headers named as hop by hop", Attack("spoofing", _get("/", hops), NOTHING, like_plain=True)
    yield "another Host", Attack("spoofing", _get("/", host=f"Host: {EVIL}"), NOT_HERE)
    yield (
        "another host in the request line",
        Attack("spoofing", _get(f"http://{EVIL}/"), NOT_HERE | {200}),  # 200: for the Host header, which is ours
    )
    yield "two slashes and a host", Attack("spoofing", _get(f"//{EVIL}/%2e%2e"), NOT_HERE)
    yield "two Hosts", Attack("spoofing", _get("/", f"Host: {EVIL}"), BAD)
    yield "two Hosts, ours last", Attack("spoofing", _get("/", "Host: {host}", host=f"Host: {EVIL}"), BAD)
    yield "no Host", Attack("spoofing", _get("/", host=None), BAD)
    for host in (
        "",
        f"{{host}}@{EVIL}",
        f"{{host}}:80@{EVIL}",
        f"{EVIL}/{{host}}",
        f"{{host}}.{EVIL}",
        f"{{host}}, {EVIL}",
        f"{{host}} {EVIL}",
        f"{{host}}\t{EVIL}",
        "{host}:80:80",
        "{host}:8a",
        "[{host}]",
        "{host}/../",
        "{host}\\",
        '"{host}"',
        "<script>",
    ):
        # A wrong port may be cut off: what counts is that nobody sees it.
        port = ":8" in host
        yield f"Host: {host!r}", Attack("spoofing", _get("/", host=f"Host: {host}"), NOT_HERE, like_plain=port)


def _smuggling() -> Iterable[tuple[str, Attack]]:
    # A length and chunks: whoever takes it believes the chunks alone, and closes (RFC 9112, section 6.1).
    yield "a length, chunks behind it", Attack("smuggling", _both(CHUNKED))
    yield "a length, chunks within it", Attack("smuggling", _within(CHUNKED))
    for title, coding in {
        "xchunked": ("Transfer-Encoding: xchunked",),
        "chunked, then identity": (CHUNKED, "Transfer-Encoding: identity"),
        "identity, then chunked": ("Transfer-Encoding: identity", CHUNKED),
        "chunked, twice": (CHUNKED, CHUNKED),
        "chunked, cow": ("Transfer-Encoding: chunked, cow",),
        "a space before the colon": ("Transfer-Encoding : chunked",),
        "a tab before the value": ("Transfer-Encoding:\tchunked",),
        "a vertical tab before the value": ("Transfer-Encoding:\x0bchunked",),
        "quoted": ('Transfer-Encoding: "chunked"',),
        "behind a folded line": ("X-Fold: a", " Transfer-Encoding: chunked"),
        "on a folded line": ("Transfer-Encoding:", " chunked"),
        "behind a bare LF": ("X-Line: a\nTransfer-Encoding: chunked",),
        "behind a bare CR": ("X-Line: a\rTransfer-Encoding: chunked",),
        "behind a NUL": ("Transfer-Encoding: \0chunked",),
        "with an underscore": ("Transfer_Encoding: chunked",),
        "in upper case": ("TRANSFER-ENCODING: CHUNKED",),
    }.items():
        # Where the coding is no such header, the length counts, and there is one request: the answer is that of a form.
        yield f"a length, {title} behind it", Attack("smuggling", _both(*coding), REFUSED | {200, 303, 422})
        if "underscore" not in title:  # no such header at all: then the second request is one
            yield f"a length, {title} within it", Attack("smuggling", _within(*coding))
    short, longer = "Content-Length: 8", "Content-Length: {longer}"
    form = b"name=Ada" + SECOND
    yield "two lengths, the short one first", Attack("smuggling", _post(short, longer, body=form), BAD)
    yield "two lengths, the long one first", Attack("smuggling", _post(longer, short, body=form), BAD)
    for value in ("8, 8", "8,9", "+8", "-8", "0x8", "8 8", "8.0", "", "eight", "08_", "\u00b2", "8;"):
        yield f"Content-Length: {value!r}", Attack("smuggling", _post(f"Content-Length: {value}", body=form), BAD)
    yield "a space before the colon of the length", Attack("smuggling", _post("Content-Length : 8", body=form))
    for title, chunks in {
        "no number": b"x\r\nabc",
        "a sign": b"+3\r\nabc",
        "0x3": b"0x3\r\nabc",
        "an underscore": b"0_3\r\nabc",
        "a size of 20 digits": b"1" + b"0" * 16 + b"003\r\nabc",
        "data longer than its size": b"3\r\nabcd",
        "no line after the data": b"3\r\nabc0\r\n\r\n",
        "a negative size": b"-1\r\nabc",
    }.items():
        yield f"chunks: {title}", Attack("smuggling", _chunks(chunks))
    # Which line ends where: a door may refuse it, or read it in one way and pass it on in that way.
    for title, chunks in {
        "a line that ends with LF": b"3\nabc",
        "a line that ends with CR": b"3\rabc",
        "an extension with LF": b"3;a\nb\r\nabc",
    }.items():
        yield f"chunks: {title}", Attack("smuggling", _post(CHUNKED, body=chunks + b"\r\n0\r\n\r\n"), REFUSED | {422})
    old = _post(CHUNKED, body=ENDED).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    yield "chunks in HTTP/1.0", Attack("smuggling", old)
    yield "a request in the path", Attack("smuggling", _get(f"/%20HTTP/1.1%0d%0aHost:%20{EVIL}%0d%0a%0d%0aGET%20/"))
    split = "/\r\nX-Split: a"
    yield "a line end in the path", Attack("smuggling", _get(split), BAD | {200, 404})


def _oversized() -> Iterable[tuple[str, Attack]]:
    yield "a header of 300 kB", Attack("oversized", _get("/", "X-Name: " + "x" * 300_000), TOO_LARGE)
    yield (
        "300 headers of 1 kB",
        Attack("oversized", _get("/", *(f"X-{n}: " + "x" * 1000 for n in range(300))), TOO_LARGE),
    )
    yield "a target of 300 kB", Attack("oversized", _get("/" + "x" * 300_000), TOO_LARGE)
    yield "a query of 300 kB", Attack("oversized", _get("/?q=" + "x" * 300_000), TOO_LARGE)
    yield "a cookie of 300 kB", Attack("oversized", _get("/", "Cookie: session=" + "x" * 300_000), TOO_LARGE)
    huge = "Expect: 100-continue"  # a client that waits until it may
    for title, length in {"100 GB": "100000000000", "2**63": str(2**63), "30 digits": "9" * 30}.items():
        yield (
            f"a body of {title}, announced",
            Attack("oversized", _post(f"Content-Length: {length}", huge, body=b""), TOO_LARGE),
        )
    chunk = b"fffffffff\r\n" + b"x" * 100
    yield "a chunk of 64 GB, announced", Attack("oversized", _post(CHUNKED, body=chunk), TOO_LARGE)


def _malformed() -> Iterable[tuple[str, Attack]]:
    plain = "Host: {host}\r\n\r\n"
    for title, text in {
        "HTTP/0.9": "GET /\r\n\r\n",
        "HTTP/9.9": f"GET / HTTP/9.9\r\n{plain}",
        "HTTP/2.0": f"GET / HTTP/2.0\r\n{plain}",
        "the preface of HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "HTTP/1.": f"GET / HTTP/1.\r\n{plain}",
        "HTTP/01.1": f"GET / HTTP/01.1\r\n{plain}",
        "http/1.1": f"GET / http/1.1\r\n{plain}",
        "another protocol": f"GET / RTSP/1.0\r\n{plain}",
        "garbage": "\xff\xfe\x00\x01\r\n\r\n",
        "the start of TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        "lines that end with CR": "GET / HTTP/1.1\rHost: {host}\r\r\r\n\r\n",
        "no target": f"GET HTTP/1.1\r\n{plain}",
        "a target with a space": f"GET /a b HTTP/1.1\r\n{plain}",
        "a target without a slash": f"GET hello HTTP/1.1\r\n{plain}",
        "a tab in the request line": f"GET\t/\tHTTP/1.1\r\n{plain}",
        "a method with a slash": f"G/T / HTTP/1.1\r\n{plain}",
        "a method in lower case": f"get / HTTP/1.1\r\n{plain}",
        "TRACE": f"TRACE / HTTP/1.1\r\nX-Secret: abc\r\n{plain}",
        "CONNECT": f"CONNECT {EVIL}:443 HTTP/1.1\r\n{plain}",
        "NUL in a header": f"GET / HTTP/1.1\r\nX-Name: a\0b\r\n{plain}",
        "CR in a header": f"GET / HTTP/1.1\r\nX-Name: a\rb\r\n{plain}",
        "a header without a name": f"GET / HTTP/1.1\r\n: a\r\n{plain}",
        "a space in the name of a header": f"GET / HTTP/1.1\r\nX Name: a\r\n{plain}",
        "a folded line first": f"GET / HTTP/1.1\r\n X-Name: a\r\n{plain}",
        "a NUL in the path": f"GET /a%00b HTTP/1.1\r\n{plain}",
        "half an escape": f"GET /a%zz HTTP/1.1\r\n{plain}",
    }.items():
        yield title, Attack("malformed", text.encode("latin-1"))
    colon = _get("/", "X-Name")  # nginx drops it
    yield "a header without a colon", Attack("malformed", colon, like_plain=True)
    yield "bytes that are not UTF-8", Attack("malformed", _get("/?q=%ff%fe"), like_plain=True)  # HTTP, but no text


ATTACKS: dict[str, Attack] = {
    f"{attack.family}: {title}": attack
    for group in (_traversals, _spoofs, _smuggling, _oversized, _malformed)
    for title, attack in group()
}


class _Stream:
    """What a connection says, for one answer after the other: each closes it, and means its own part."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def makefile(self, _mode: str) -> "_Stream":
        return self

    def close(self) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def _answer(stream: _Stream, method: str) -> Answer | None:
    """Read an answer, or nothing where there is none; what has no status line is a page of HTTP/0.9."""
    if not (first := stream.peek(1)[:5]):
        return None
    if first != b"HTTP/":
        page = stream.read()
        found = re.search(rb"<title>(\d{3})", page)
        return Answer(int(found[1]) if found else 200, {"connection": "close"}, page)
    reading = http.client.HTTPResponse(stream, method=method)
    reading.begin()
    headers = {name.lower(): value for name, value in reading.getheaders()}
    head = "".join(f"{name}: {value}\r\n" for name, value in reading.getheaders()).encode("latin-1")
    return Answer(reading.status, headers, head + reading.read())


def _exchange(connection: socket.socket, request: bytes, then: bytes | None = None) -> list[Answer]:
    """Send a request, and the next once it is answered; give all answers until the end of the connection.

    Without a next one give the first answer: the rest of the request, which is not sent, might be waited for.
    """
    connection.settimeout(LIMIT)
    answers = []
    with connection, connection.makefile("rb") as file:
        stream = _Stream(file)
        with contextlib.suppress(ConnectionError, http.client.RemoteDisconnected):
            # A door may say no and close, before it has read everything: that is no reason not to hear it.
            with contextlib.suppress(ConnectionError):
                connection.sendall(request)
            while found := _answer(stream, request.split(b" ", 1)[0].decode("latin-1")):
                answers.append(found)
                if then is None:
                    break
                if len(answers) == 1 and found.headers.get("connection", "").lower() != "close":
                    connection.sendall(then)
    return answers


def _like(answer: Answer) -> tuple[int, str | None, str | None]:
    """Give what an answer shows of the scheme, the host and the prefix that the application believes."""
    return answer.status, answer.headers.get("location"), answer.headers.get("strict-transport-security")


def _faults(attack: Attack, answers: list[Answer], plain: Answer) -> Iterable[str]:
    """Say what is wrong with the answers to an attack."""
    first = answers[0] if answers else Answer(CLOSED, {}, b"")
    if first.status not in attack.statuses and not (attack.like_plain and _like(first) == _like(plain)):
        yield (
            f"it is answered by {_like(first)}, a plain request by {_like(plain)}" if answers else "it is not answered"
        )
    if len(answers) > 2 or (len(answers) == 2 and answers[1].status != plain.status):
        yield f"it is answered more than once: {', '.join(str(answer.status) for answer in answers)}"
    for answer in answers:
        for marker in (*FORGED, *PRIVATE):
            if marker in answer.whole:
                yield f"the answer has {marker.decode()!r}"


def probe(
    connect: Callable[[], socket.socket],
    *,
    host: str = HOST,
    post: str = "/packages/add",
    log: Callable[[], str] | None = None,
) -> list[Finding]:
    """Try all attacks on a front door.

    Args:
        connect: opens a connection to it. On a server: `lambda: server.in_network(lambda: socket.create_connection(
            ("127.0.0.1", 80)))`; for HTTPS it gives the socket of an `ssl.SSLContext`.
        host: the name that the site answers for.
        post: a path that takes forms.
        log: gives what the application has logged until now, with the path and the client of each request. Without it,
            nobody notices a forged address, nor a smuggled request whose answer goes to another client.

    Returns:
        What was not refused; nothing, if all is well.

    Raises:
        AssertionError: the door does not answer a plain request, or the log does not show it.
    """
    plain = _filled(_get("/", "Connection: close"), host, post)
    answers = _exchange(connect(), plain)
    assert [answer.status for answer in answers] == [200], f"the front door answers {answers} to a plain request"
    if log:
        _logs(connect, host, log, SEEN)

    def attempt(item: tuple[str, Attack]) -> list[Finding]:
        name, attack = item
        try:
            found = _exchange(
                connect(), _filled(attack.request, host, post), None if attack.family == "oversized" else plain
            )
        except TimeoutError:
            return [Finding(attack.family, name, f"it hangs: no answer within {LIMIT:.0f} s")]
        except (http.client.HTTPException, ValueError) as error:
            return [Finding(attack.family, name, f"the answer is no HTTP: {error!r}")]
        return [Finding(attack.family, name, why) for why in _faults(attack, found, answers[0])]

    with ThreadPoolExecutor(AT_ONCE) as threads:
        findings = [finding for found in threads.map(attempt, ATTACKS.items()) for finding in found]
    if log:
        said = _logs(connect, host, log, LAST)
        findings += [
            Finding("smuggling" if marker == SMUGGLED else "spoofing", "any", f"the application logs {marker!r}")
            for marker in (ADDRESS, SMUGGLED)
            if marker in said
        ]
    return findings


def _logs(connect: Callable[[], socket.socket], host: str, log: Callable[[], str], path: str) -> str:
    """Ask for a path, wait until the application has logged it, and give the log."""
    request = _filled(_get(path, "Connection: close"), host)
    end = time.monotonic() + LIMIT
    _exchange(connect(), request)
    while path not in (said := log()):
        assert time.monotonic() < end, f"the log of the application does not show {path}:\n{said[-2000:]}"
        time.sleep(0.05)
        _exchange(connect(), request)  # again: a server that has been reloaded may not serve yet
    return said
