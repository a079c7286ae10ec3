"""What happens to every answer."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


# --8<-- [start:head]
def head_without_body(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Take the body of an answer to HEAD away, since Django leaves that to servers, and waitress sends what it gets."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.method == "HEAD":
            response.content = b""
        return response

    return answer


# --8<-- [end:head]
