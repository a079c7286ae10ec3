"""The file of keys: what is read, what is refused and in which words, and what is written."""

import hashlib
import json
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import Place
from secret_rotation import Key, Refused, find, keys, read_keys, retire_key

A, B = "a" * 64, "b" * 64
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SHAPE = '{"name": "...", "sha256": "..."}'
NO_NAME = "name: expected 1 to 32 letters, digits, '.', '-' and '_'"
NO_HASH = "sha256: expected 64 hexadecimal digits in lower case"


def line(**fields: object) -> str:
    return json.dumps({"name": "a", "sha256": A} | fields) + "\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (line(), Key("a", A)),
        (line(expires=None), Key("a", A)),
        (line(expires="2027-01-31T12:00:00Z"), Key("a", A, datetime(2027, 1, 31, 12, tzinfo=UTC))),
        (line(expires="2027-01-31T12:00:00+02:00"), Key("a", A, datetime(2027, 1, 31, 10, tzinfo=UTC))),
        (line(expires="2027-01-31"), Key("a", A, datetime(2027, 1, 31, tzinfo=UTC))),
        ("\ufeff\r\n" + line().replace("\n", "\r\n"), Key("a", A)),
    ],
)
def test_a_line_is_a_key(content: str, expected: Key) -> None:
    assert keys.parse(content.encode(), "file") == (expected,)


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        (b"", ["file: no key in it; expected one line per key, made by: secret-rotation add NAME KEYFILE"]),
        (b" \n\n", ["file: no key in it; expected one line per key, made by: secret-rotation add NAME KEYFILE"]),
        (line().encode() + b"sk-plain\n", [f"file:2: not JSON; expected {SHAPE}"]),
        (b"[" * 100_000, [f"file:1: not JSON; expected {SHAPE}"]),
        (b"9" * 5000, [f"file:1: not JSON; expected {SHAPE}"]),
        (b'["a"]', [f"file:1: expected an object: {SHAPE}"]),
        (b'{"name": "a", "name": "b"}', ["file:1: a field stands twice; expected each once"]),
        (b"{}", [f"file:1: {NO_NAME}", f"file:1: {NO_HASH}"]),
        (line(name=7, sha256=A.upper()).encode(), [f"file:1: {NO_NAME}", f"file:1: {NO_HASH}"]),
        (line(name="x" * 33).encode(), [f"file:1: {NO_NAME}"]),
        (line(sha256="sk-plain").encode(), [f"file:1: {NO_HASH}"]),
        (line(expire="x").encode(), ["file:1: unknown field 'expire'; expected name, sha256, expires"]),
        (line(**{"sk-" + "x" * 43: "x"}).encode(), ["file:1: unknown field; expected name, sha256, expires"]),
        (line(expires="soon").encode(), ["file:1: expires: expected a time such as 2027-01-31T12:00:00Z"]),
        (line(expires=7).encode(), ["file:1: expires: expected a time such as 2027-01-31T12:00:00Z"]),
        (
            line(expires="2027-01-31T12:00:00").encode(),
            ["file:1: expires: expected a time with its zone, such as 2027-01-31T12:00:00Z"],
        ),
        (
            line(expires="0001-01-01T00:00:00+23:00").encode(),
            ["file:1: expires: expected a time between the years 2 and 9998"],
        ),
        (
            (line() + line()).encode(),
            ["file:2: name: the same as in line 1", "file:2: sha256: the same as in line 1"],
        ),
        (line().encode() + b"\xff\xfe", ["file:2: expected UTF-8, found other bytes"]),
        (line().encode("utf-16"), ["file:1: expected UTF-8, found other bytes"]),
        (b"x\n" + line(name="").encode(), [f"file:1: not JSON; expected {SHAPE}", f"file:2: {NO_NAME}"]),
    ],
)
def test_each_fault_of_a_file_is_named_with_its_line(content: bytes, faults: list[str]) -> None:
    with pytest.raises(Refused) as refused:
        keys.parse(content, "file")
    assert str(refused.value).splitlines() == faults


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda file: None, "the file: no such file; make it with: secret-rotation add NAME KEYFILE"),
        (Path.mkdir, "the file: not a file; expected the path of a file of keys"),
        (lambda file: os.mkfifo(file), "the file: not a file; expected the path of a file of keys"),
        (
            lambda file: file.write_bytes(b" " * (keys.LARGEST + 1)),
            "{file}: more than 1,000,000 bytes; expected one line per key",
        ),
    ],
)
def test_what_is_no_file_of_keys_is_refused(place: Place, make: object, fault: str) -> None:
    if os.name == "nt" and "mkfifo" in make.__code__.co_names:
        pytest.skip("Windows has no such files")
    make(place.file)
    with pytest.raises(Refused) as refused:
        read_keys(place.file, "the file")
    assert str(refused.value) == fault.format(file=place.file)


def test_a_file_that_may_not_be_read_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.add("a")
    if os.name == "nt" or os.geteuid() == 0:

        def deny(self: Path, *arguments: object) -> None:
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "open", deny)
    else:
        place.file.chmod(0)
    with pytest.raises(Refused) as refused:
        read_keys(place.file, "the file")
    assert str(refused.value) == "the file: Permission denied; expected a file that this user may read"


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(Refused) as refused:
        read_keys(Path(path), "the file")
    assert str(refused.value).startswith("the file: ")
    assert path not in str(refused.value)


def test_a_key_is_kept_as_its_hash_only(place: Place) -> None:
    key = place.add("a", expires=NOW + timedelta(seconds=0.5))
    assert (key.startswith("sk-"), len(key)) == (True, 46)
    expected = {"name": "a", "sha256": hashlib.sha256(key.encode()).hexdigest(), "expires": "2026-11-21T12:00:00Z"}
    assert json.loads(place.file.read_text("utf-8")) == expected
    assert [path.name for path in sorted(place.folder.iterdir())] == ["a.key", "api-keys"]


def test_no_two_keys_are_the_same(place: Place) -> None:
    assert place.add("a") != place.add("b")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_both_files_are_for_their_owner_and_given_rights_stay(place: Place) -> None:
    place.add("a")
    assert [stat.S_IMODE(path.stat().st_mode) for path in sorted(place.folder.iterdir())] == [0o600, 0o600]
    place.file.chmod(0o640)
    place.add("b")
    assert stat.S_IMODE(place.file.stat().st_mode) == 0o640


def test_a_key_is_found_valid_or_not(place: Place) -> None:
    old, new = place.add("old", expires=NOW), place.add("new")
    known = read_keys(place.file)
    assert [find(known, text) for text in (old, new, "", old + "x", "é")] == [known[0], known[1], None, None, None]
    valid = [[key.is_valid(NOW + timedelta(seconds=late)) for key in known] for late in (-1, 0)]
    assert valid == [[True, True], [False, True]]


def test_keys_are_compared_in_constant_time(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    real = keys.hmac.compare_digest
    monkeypatch.setattr(keys.hmac, "compare_digest", lambda *both: compared.append(both) or real(*both))
    old = place.add("old")
    place.add("new")
    known = read_keys(place.file)
    assert find(known, old) == known[0]
    assert compared == [(key.sha256, keys.hashed(old)) for key in known]  # the others, too, after it is found


def test_a_retired_key_stays_in_its_place(place: Place) -> None:
    place.add("old")
    place.add("new")
    before = read_keys(place.file)
    retire_key(place.file, "old", NOW)
    assert read_keys(place.file) == (Key("old", before[0].sha256, NOW), before[1])


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "x" * 33, "sk-" + "x" * 43])
def test_a_name_that_is_none_is_refused(place: Place, name: str) -> None:
    with pytest.raises(Refused) as refused:
        place.add(name)
    assert str(refused.value) == "NAME: expected 1 to 32 letters, digits, '.', '-' and '_'"
    assert list(place.folder.iterdir()) == []


def test_a_name_is_taken_once(place: Place) -> None:
    place.add("a")
    before = place.file.read_bytes()
    (place.folder / "a.key").unlink()
    with pytest.raises(Refused, match="NAME: there is a key of that name; expected another"):
        place.add("a")
    assert (place.file.read_bytes(), list(place.folder.iterdir())) == (before, [place.file])


def test_no_file_is_overwritten(place: Place) -> None:
    (place.folder / "a.key").write_text("precious", "utf-8")
    with pytest.raises(Refused, match="KEYFILE: is there already; expected the name of a new file"):
        place.add("a")
    assert [path.read_text("utf-8") for path in place.folder.iterdir()] == ["precious"]


def test_nothing_is_half_done_where_the_disk_fails(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.add("a")
    before = {path: path.read_bytes() for path in place.folder.iterdir()}

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keys.os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        place.add("b")
    assert {path: path.read_bytes() for path in place.folder.iterdir()} == before


def test_no_half_key_is_left_where_the_disk_is_full(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.add("a")
    before = {path: path.read_bytes() for path in place.folder.iterdir()}
    real = open

    def full(handle: int, *options: object, **more: object) -> object:
        stream = real(handle, *options, **more)
        if options[0] == "w":
            stream.write = lambda text: (_ for _ in ()).throw(OSError(28, "No space left on device"))
        return stream

    monkeypatch.setattr(keys, "open", full, raising=False)
    with pytest.raises(Refused, match="KEYFILE: No space left on device; expected the name of a new file"):
        place.add("b")
    assert {path: path.read_bytes() for path in place.folder.iterdir()} == before


def test_two_that_change_the_file_do_not_undo_each_other(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.add("leaked")
    real = keys.secrets.token_urlsafe
    refused = []

    def meanwhile(size: int) -> str:
        with pytest.raises(Refused) as caught:
            retire_key(place.file, "leaked", NOW, "the file")
        refused.append(str(caught.value))
        return real(size)

    monkeypatch.setattr(keys.secrets, "token_urlsafe", meanwhile)
    place.add("new")
    retire_key(place.file, "leaked", NOW)
    fault = "another change is under way; try again, or remove the file .*.lock beside it if none is"
    assert refused == [f"the file: {fault}"]
    assert [(key.name, key.expires) for key in read_keys(place.file)] == [("leaked", NOW), ("new", None)]
    assert not list(place.folder.glob(".*"))


@pytest.mark.skipif(os.name == "nt", reason="links need a permission")
def test_a_link_to_the_file_stays_one(place: Place) -> None:
    place.add("a")
    link = place.folder / "elsewhere/keys"
    link.parent.mkdir()
    link.symlink_to(place.file)
    retire_key(link, "a", NOW)
    assert link.is_symlink()
    assert [key.expires for key in read_keys(place.file)] == [NOW]


def test_a_folder_that_is_not_there_is_refused(place: Place) -> None:
    with pytest.raises(Refused) as refused:
        keys.add_key(place.folder / "none/api-keys", "a", place.folder / "a.key", called="the file")
    fault = "the file: No such file or directory; expected a folder that this user may write to"
    assert (str(refused.value), list(place.folder.iterdir())) == (fault, [])


def test_an_unknown_key_is_not_retired(place: Place) -> None:
    place.add("a")
    before = place.file.read_bytes()
    with pytest.raises(Refused, match="NAME: there is no such key; expected one of: a"):
        retire_key(place.file, "b", NOW)
    assert place.file.read_bytes() == before
