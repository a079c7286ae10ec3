"""The import of CSV files: all rows or none, and each bad row named."""

import io
from collections.abc import Callable

import pytest
from conftest import PACKAGE, add, submit
from flask import Flask
from flask.testing import FlaskClient
from flask_site import importing
from flask_site.database import writing
from flask_site.importing import BadFile, import_rows

COLUMNS = list(PACKAGE)


def csv(*changes: dict[str, str], columns: list[str] = COLUMNS) -> bytes:
    """Return a file with one row for each package, which is as the sample but for its changes."""
    rows = [",".join(str((PACKAGE | change)[name]) for name in columns) for change in changes]
    return "\n".join([",".join(columns), *rows, ""]).encode()


def run(app: Flask, content: bytes, progress: Callable[[int], object] = lambda count: None) -> int:
    """Import a file as the command does."""
    with app.app_context(), writing() as session:
        return import_rows(session, io.BytesIO(content), progress)


def refusal(app: Flask, content: bytes) -> list[str]:
    """Return what is said of a file of which nothing is imported."""
    with pytest.raises(BadFile) as caught:
        run(app, content)
    return [str(caught.value), *map(str, caught.value.rows)]


def total(client: FlaskClient) -> int:
    """Count the packages."""
    return client.get("/api/packages").json["total"]


# --8<-- [start:rows]
def test_each_row_becomes_a_package(client: FlaskClient) -> None:
    assert run(client.application, csv({"name": "a"}, {"name": "b", "summary": "Other."})) == 2
    [a, b] = client.get("/api/packages").json["packages"]
    assert a.items() >= (PACKAGE | {"name": "a", "version": 1}).items()
    assert b.items() >= (PACKAGE | {"name": "b", "summary": "Other.", "version": 1}).items()


def test_one_bad_row_keeps_all_out(client: FlaskClient) -> None:
    add(client)
    rows = [{"name": "a"}, {"name": "<b>", "url": "x"}, {"name": "FLASK"}, {"name": "A"}]
    said = refusal(client.application, csv(*rows))
    assert [line.split(":")[0] for line in said] == [
        "nothing is imported, faults found",
        "line 3, name",
        "line 3, url",
        "line 4, name",
        "line 5, name",
    ]
    assert said[3:] == ["line 4, name: there is a package of this name", "line 5, name: the same as in line 2"]
    assert total(client) == 1


# --8<-- [end:rows]


@pytest.mark.parametrize(
    "content",
    [
        csv({}, columns=COLUMNS[::-1]),
        csv({}).replace(b"name", b" NAME ", 1),
        b"\xef\xbb\xbf" + csv({}),
        csv({}).replace(b"\n", b"\r\n"),
        csv({}).replace(b"\n", b"\n\n"),
        csv({}).rstrip(),
        csv({"summary": '"A small framework."'}),
    ],
)
def test_files_are_written_in_many_ways(client: FlaskClient, content: bytes) -> None:
    assert run(client.application, content) == 1
    [package] = client.get("/api/packages").json["packages"]
    assert package.items() >= PACKAGE.items()


@pytest.mark.parametrize("content", [csv(), csv().rstrip()])
def test_a_file_without_rows_imports_nothing(client: FlaskClient, content: bytes) -> None:
    assert run(client.application, content) == 0


HEADER = f"line 1: expected the columns {', '.join(COLUMNS)}, separated by commas; found "


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", HEADER + "''"),
        (b"name;summary;url\n", HEADER + "'name;summary;url'"),
        (b"name,summary\n", HEADER + "'name, summary'"),
        (csv(columns=[*COLUMNS, "url"]), HEADER + f"'{', '.join(COLUMNS)}, url'"),
        (csv(columns=[*COLUMNS, "unknown"]), HEADER + f"'{', '.join(COLUMNS)}, unknown'"),
        (b"\x00\n", HEADER + r"'\x00'"),
        (csv({}).decode().encode("utf-16"), "line 1: not UTF-8; save the file as CSV in UTF-8"),
        (csv({}) + b"\xff", "line 3: not UTF-8; save the file as CSV in UTF-8"),
        (csv({"summary": '"a" b'}), "line 2: not a row of a CSV file: ',' expected after '\"'"),
        (csv({"summary": '"a'}), "line 2: not a row of a CSV file: unexpected end of data"),
        (csv({"summary": "a" * 140_000}), "line 2: not a row of a CSV file: field larger than field limit (131072)"),
        (csv({}).replace(b"\n", b"\r"), "line 1: not a row of a CSV file: new-line character seen in unquoted field"),
    ],
)
def test_a_file_that_is_none_is_refused_in_a_line(client: FlaskClient, content: bytes, said: str) -> None:
    [line] = refusal(client.application, content)
    assert line.startswith(said)
    assert total(client) == 0


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (b"a,b\n", f"line 2, row: expected {len(COLUMNS)} cells, found 2"),
        (b"," * len(COLUMNS) + b"\n", f"line 2, row: expected {len(COLUMNS)} cells, found {len(COLUMNS) + 1}"),
        (csv({"summary": '"a\nb"'}).partition(b"\n")[2], "line 2, summary: Input should be one line of text"),
        (csv({"summary": "a\x00b"}).partition(b"\n")[2], "line 2, summary: Input should be one line of text"),
    ],
)
def test_a_bad_row_is_named_by_the_line_that_it_begins_in(client: FlaskClient, row: bytes, said: str) -> None:
    count, first, *_ = refusal(client.application, csv() + row)
    assert count.startswith("nothing is imported, faults found: 1")
    assert first.startswith(said)


def test_after_many_faults_the_rest_is_not_looked_at(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    monkeypatch.setattr(importing, "REPORTED", 3)
    said = refusal(client.application, csv(*({"name": "-"} for _ in range(9))))
    assert said[0] == "nothing is imported, faults found: 4; the rest was not looked at"
    assert len(said) == 5


def test_progress_is_told_and_names_are_compared_across_batches(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "BATCH", 2)
    told: list[int] = []
    with pytest.raises(BadFile) as caught:
        run(client.application, csv(*({"name": name} for name in "abcdA")), told.append)
    assert told == [2, 4, 5]
    assert list(map(str, caught.value.rows)) == ["line 6, name: there is a package of this name"]
    assert total(client) == 0


def test_a_name_that_is_added_meanwhile_is_refused(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    add(client)
    monkeypatch.setattr(importing, "_known", lambda session, names: set())  # as it was a moment ago
    said = refusal(client.application, csv({"name": "a"}, {}))
    assert said == ["a package of one of these names was added meanwhile; import the file again"]
    assert total(client) == 1


# --8<-- [start:upload]
def upload(client: FlaskClient, content: bytes, name: str = "packages.csv") -> tuple[int, str]:
    """Send a file by the form."""
    answer = submit(client, "/import", {"file": (io.BytesIO(content), name)})
    return answer.status_code, answer.text


def test_a_file_is_imported_by_the_form(client: FlaskClient) -> None:
    assert upload(client, csv({"name": "a"}, {"name": "b"}))[0] == 303
    assert "2 packages are imported." in client.get("/").text


def test_the_form_shows_what_is_wrong_with_a_file(client: FlaskClient) -> None:
    status, page = upload(client, csv({"name": "<b>"}))
    assert status == 422
    assert "<li>line 2, name: Input should be ASCII letters" in page
    assert total(client) == 0


# --8<-- [end:upload]


def test_the_form_asks_for_a_file(client: FlaskClient) -> None:
    assert upload(client, b"", "")[0] == 422
    assert 'href="#file">CSV file: Choose a file<' in submit(client, "/import").text
