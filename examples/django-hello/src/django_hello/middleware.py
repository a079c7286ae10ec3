"""What happens to every answer."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

Answer = Callable[[HttpRequest], HttpResponseBase]


# --8<-- [start:head]
def head_without_body(get_response: Answer) -> Answer:
    """Take the body of an answer to HEAD away, since Django leaves that to servers, and waitress sends what it gets."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.method == "HEAD":
            if response.streaming:  # as a FileResponse is
                response.streaming_content = []
            else:
                response.content = b""
        return response

    return answer


# --8<-- [end:head]
