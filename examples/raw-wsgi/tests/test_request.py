"""What is read of a request, and with what it is refused."""

import io
from typing import Any

import pytest
from conftest import call, make_environ
from raw_wsgi import application

GREETED = (303, "/hello/Ada")
NO_NAME = (400, "name: expected 1 to 80 characters, got 0")
NO_NUMBER = (400, "Content-Length: expected a number of bytes")
FIELDS = "expected at most 20 fields, percent-encoded UTF-8"
TOO_LARGE = (413, "the body is larger than 10000 bytes")


def send(body: bytes, **environ: Any) -> tuple[int, str]:
    """Give the status, and where it leads or what it says."""
    made = make_environ("POST", "/hello", body) | environ
    given = {name: value for name, value in made.items() if value is not None}
    status, headers, sent = call(application, given)
    return status, headers.get("location") or sent.decode().split("<p>")[1].split("</p>")[0]


class Trickle(io.BytesIO):
    """Gives one byte at a time, as a socket may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size, 1))


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (None, NO_NAME),
        ("", NO_NAME),
        ("0", NO_NAME),
        ("8", GREETED),
        ("08", GREETED),
        ("7", (303, "/hello/Ad")),
        ("9", (400, "the body ended after 8 of 9 bytes")),
        ("-1", NO_NUMBER),
        ("+8", NO_NUMBER),
        ("8, 8", NO_NUMBER),
        ("0x8", NO_NUMBER),
        ("eight", NO_NUMBER),
        ("1_0", NO_NUMBER),
        ("٨", NO_NUMBER),
        ("²", NO_NUMBER),
        ("10000", (400, "the body ended after 8 of 10000 bytes")),
        ("10001", TOO_LARGE),
        ("9" * 5000, TOO_LARGE),
    ],
)
def test_the_length_of_the_body_is_respected(length: str | None, expected: tuple[int, str]) -> None:
    assert send(b"name=Ada", CONTENT_LENGTH=length) == expected


def test_no_byte_is_read_after_the_body() -> None:
    following = io.BytesIO(b"name=AdaGET / HTTP/1.1\r\n")
    assert send(b"", CONTENT_LENGTH="8", **{"wsgi.input": following}) == GREETED
    assert following.read() == b"GET / HTTP/1.1\r\n"


def test_nothing_of_a_body_that_is_too_large_is_read() -> None:
    body = io.BytesIO(b"x" * 20_000)
    assert send(b"", CONTENT_LENGTH="20000", **{"wsgi.input": body}) == TOO_LARGE
    assert body.tell() == 0


def test_a_body_that_comes_byte_by_byte_is_read_whole() -> None:
    assert send(b"", CONTENT_LENGTH="8", **{"wsgi.input": Trickle(b"name=Ada")}) == GREETED


class Broken(io.BytesIO):
    """Fails after some bytes, as the input of gunicorn does where chunks are no chunks."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() == 4:
            raise ValueError("not a chunk")
        return super().read(4)


@pytest.mark.parametrize("sent", [{"CONTENT_LENGTH": "8"}, {"CONTENT_LENGTH": None, "wsgi.input_terminated": True}])
def test_a_body_that_cannot_be_read_is_refused(sent: dict[str, Any]) -> None:
    assert send(b"", **sent, **{"wsgi.input": Broken(b"name=Ada")}) == (400, "the body is broken")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"name=Ada", GREETED),
        (b"", NO_NAME),
        (b"name=Ada&x=" + b"x" * 9989, GREETED),
        (b"name=Ada&x=" + b"x" * 9990, TOO_LARGE),
        (b"name=Ada&x=" + b"x" * 99990, TOO_LARGE),
    ],
)
def test_chunks_are_read_to_their_end_where_the_server_decodes_them(body: bytes, expected: tuple[int, str]) -> None:
    chunked = {"CONTENT_LENGTH": None, "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    assert send(body, **chunked) == expected


def test_chunks_that_the_server_does_not_decode_are_refused() -> None:
    body = io.BytesIO(b"8\r\nname=Ada\r\n0\r\n\r\n")
    environ = {"CONTENT_LENGTH": None, "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": body}
    assert send(b"", **environ) == (411, "Content-Length: missing; this server takes no chunks")
    assert body.tell() == 0


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/x-www-form-urlencoded", GREETED),
        ("application/x-www-form-urlencoded; charset=UTF-8", GREETED),
        ("APPLICATION/X-WWW-FORM-URLENCODED", GREETED),
        ("multipart/form-data; boundary=x", NO_NAME),
        ("text/plain", NO_NAME),
        ("", NO_NAME),
        (None, NO_NAME),
    ],
)
def test_only_a_form_is_read_as_a_form(content_type: str | None, expected: tuple[int, str]) -> None:
    assert send(b"name=Ada", CONTENT_TYPE=content_type) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"name=Ada&name=Bo", GREETED),
        (b"name=Zo%C3%AB", (303, "/hello/Zo%C3%AB")),
        ("name=Zoë".encode(), (303, "/hello/Zo%C3%AB")),
        (b"name=a%00b", (303, "/hello/a%00b")),
        (b"&".join([b"name=Ada"] * 20), GREETED),
        (b"&".join([b"name=Ada"] * 21), (400, FIELDS)),
        (b"name=Zo%EB", (400, FIELDS)),
        (b"name=Zo\xeb", (400, FIELDS)),
    ],
)
def test_a_form_is_utf8(body: bytes, expected: tuple[int, str]) -> None:
    assert send(body) == expected


@pytest.mark.parametrize(
    ("target", "status", "expected"),
    [
        ("/hello/Zo%C3%AB", 200, "<p>Hello, Zoë</p>"),
        ("/hello/%F0%9F%91%8B", 200, "<p>Hello, 👋</p>"),
        ("/hello/Zo%EB", 400, "<p>the address is not UTF-8</p>"),
        ("/hello/%C3", 400, "<p>the address is not UTF-8</p>"),
        ("/hello/%ED%A0%80", 400, "<p>the address is not UTF-8</p>"),
        ("/api/hello?name=Zo%C3%AB", 200, '{"greeting": "Hello, Zo\\u00eb"}\n'),
        ("/api/hello?name=Zo\xc3\xab", 200, '{"greeting": "Hello, Zo\\u00eb"}\n'),
        ("/api/hello?name=Zo\xeb", 400, FIELDS),
        ("/api/%FF", 400, '{"error": "the address is not UTF-8"}\n'),
        ("/api/hello?name=Zo%EB", 400, FIELDS),
    ],
)
def test_an_address_is_utf8(target: str, status: int, expected: str) -> None:
    answered, _, body = call(application, make_environ("GET", target))
    assert answered == status
    assert expected in body.decode()


def test_an_application_mounted_below_a_path_has_its_first_page_there() -> None:
    environ = make_environ("GET", "") | {"SCRIPT_NAME": "/site", "PATH_INFO": ""}
    assert call(application, environ)[0] == 200
    del environ["PATH_INFO"]
    assert call(application, environ)[0] == 200


def test_a_method_that_nobody_knows_is_refused() -> None:
    status, headers, _ = call(application, make_environ("BREW", "/"))
    assert (status, headers["allow"]) == (405, "GET, HEAD")
