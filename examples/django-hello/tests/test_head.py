"""An answer to HEAD has no body, also where Django would send it in pieces."""

from django.http import StreamingHttpResponse
from django.test import RequestFactory
from django_hello.middleware import head_without_body


def test_a_stream_is_sent_for_get_and_not_for_head() -> None:
    answer = head_without_body(lambda request: StreamingHttpResponse(["Hello, ", "Ada"]))
    assert b"".join(answer(RequestFactory().get("/"))) == b"Hello, Ada"
    assert b"".join(answer(RequestFactory().head("/"))) == b""
