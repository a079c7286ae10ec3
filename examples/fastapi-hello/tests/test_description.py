"""What /openapi.json says of the site."""

import json
from collections.abc import Callable


def test_the_description_has_the_api_once(client: Callable) -> None:
    status, _, body = client("GET", "/openapi.json")
    paths = json.loads(body)["paths"]
    assert (status, {path: list(methods) for path, methods in paths.items()}) == (200, {"/api/hello": ["get"]})
    assert paths["/api/hello"]["get"]["operationId"] == "greet_as_json_api_hello_get"
