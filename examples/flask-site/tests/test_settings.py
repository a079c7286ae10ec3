"""The settings: what is wrong is said at once, by the name of its variable, and never with its value."""

import pytest
from flask import session
from flask.cli import ScriptInfo
from flask.sessions import SecureCookieSessionInterface
from flask_site import create_app, database
from flask_site.cli import main
from flask_site.settings import Settings, SettingsError, load

SECRET = "a-secret-in-a-wrong-place-of-more-than-32-characters"
DIGEST = "0123456789abcdef" * 4


def refusal(monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[str]:
    """Return what is said of the variables, beside a good secret key."""
    for name, value in {"FLASK_SITE_SECRET_KEY": SECRET, **variables}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load()
    return str(caught.value).splitlines()


# --8<-- [start:defaults]
def test_only_the_secret_key_must_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_SITE_SECRET_KEY", SECRET)
    settings = load()
    assert settings.secret_key.get_secret_value() == SECRET
    assert settings.model_dump(exclude={"secret_key"}) == {
        "secret_key_fallbacks": (),
        "database_url": None,
        "api_keys": (),
        "trusted_hosts": ("localhost", "127.0.0.1"),
        "max_body": 1024 * 1024,
        "secure_cookies": True,
        "read_only": False,
        "log_level": "INFO",
    }
    assert SECRET not in repr(settings)


# --8<-- [end:defaults]


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_SITE_SECRET_KEY", SECRET)
    monkeypatch.setenv("FLASK_SITE_TRUSTED_HOSTS", "Packages.example.org, localhost,")
    monkeypatch.setenv("FLASK_SITE_API_KEYS", f"{DIGEST},{DIGEST[::-1]}")
    settings = load()
    assert settings.trusted_hosts == ("packages.example.org", "localhost")
    assert settings.api_keys == (DIGEST, DIGEST[::-1])


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgres://me:p%40ss@server/db", "postgresql+psycopg://me:p%40ss@server/db"),
        ("postgresql://server/db", "postgresql+psycopg://server/db"),
        ("postgresql+psycopg://server/db", "postgresql+psycopg://server/db"),
        ("sqlite:///folder/site.db", "sqlite:///folder/site.db"),
    ],
)
@pytest.mark.parametrize("variable", ["FLASK_SITE_DATABASE_URL", "DATABASE_URL"])
def test_the_database_is_named_as_platforms_do(
    monkeypatch: pytest.MonkeyPatch, variable: str, given: str, used: str
) -> None:
    monkeypatch.setenv("FLASK_SITE_SECRET_KEY", SECRET)
    monkeypatch.setenv(variable, given)
    url = load().database_url
    assert url
    assert url.get_secret_value() == used


def test_the_database_is_in_the_instance_folder_where_none_is_named() -> None:
    app = create_app(Settings(secret_key=SECRET))
    url = app.extensions["engine"].url
    assert (url.drivername, url.database) == ("sqlite", str(database.Path(app.instance_path, "flask-site.db")))


def test_a_session_outlives_a_new_secret_key_where_the_old_one_is_a_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_SITE_SECRET_KEY", SECRET)
    signed = SecureCookieSessionInterface().get_signing_serializer(create_app()).dumps({"csrf_token": "a"})
    monkeypatch.setenv("FLASK_SITE_SECRET_KEY", SECRET[::-1])
    for fallbacks, found in (("", {}), (SECRET, {"csrf_token": "a"})):
        monkeypatch.setenv("FLASK_SITE_SECRET_KEY_FALLBACKS", fallbacks)
        app = create_app()
        with app.test_request_context(base_url="http://localhost", headers={"Cookie": f"session={signed}"}):
            assert dict(session) == found


# --8<-- [start:debug]
@pytest.mark.parametrize("debug", ["1", "0"])
def test_debug_mode_is_for_the_command_flask_alone(monkeypatch: pytest.MonkeyPatch, debug: str) -> None:
    monkeypatch.setenv("FLASK_DEBUG", debug)
    monkeypatch.setenv("FLASK_SITE_SECRET_KEY", SECRET)
    assert create_app().debug is False
    assert ScriptInfo(app_import_path="flask_site").load_app().debug is (debug == "1")


# --8<-- [end:debug]


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("FLASK_SITE_SECRET_KEY", "short", "Value should have at least 32 items"),
        ("FLASK_SITE_SECRET_KEY", "", "Value should have at least 32 items"),
        ("FLASK_SITE_SECRET_KEY_FALLBACKS", f"{SECRET},short", "Value should have at least 32 items"),
        ("FLASK_SITE_DATABASE_URL", "", "Input should be sqlite:/// and a path"),
        ("DATABASE_URL", f"mysql://{SECRET}@server/db", "Input should be sqlite:/// and a path"),
        ("DATABASE_URL", f"postgresql://me:{SECRET}@server:port/db", "Input should be sqlite:/// and a path"),
        ("DATABASE_URL", "sqlite://", "Input should be sqlite:/// and a path"),
        ("DATABASE_URL", "sqlite:///:memory:", "Input should be sqlite:/// and a path"),
        ("DATABASE_URL", "sqlite://site.db", "Input should be sqlite:/// and a path"),
        ("DATABASE_URL", SECRET, "Input should be sqlite:/// and a path"),
        ("FLASK_SITE_API_KEYS", SECRET, "String should match pattern '^[0-9a-f]{64}$'; each is the digest of a key"),
        ("FLASK_SITE_API_KEYS", ",".join([DIGEST] * 3), "Value should have at most 2 items after validation, not 3"),
        ("FLASK_SITE_TRUSTED_HOSTS", "", "Value should have at least 1 item after validation"),
        ("FLASK_SITE_TRUSTED_HOSTS", "https://example.org", "Input should be host names"),
        ("FLASK_SITE_TRUSTED_HOSTS", "[::1]", "Input should be host names"),
        ("FLASK_SITE_MAX_BODY", "1 MB", "Input should be a valid integer"),
        ("FLASK_SITE_MAX_BODY", "0", "Input should be greater than or equal to 1024"),
        ("FLASK_SITE_SECURE_COOKIES", "", "Input should be a valid boolean"),
        ("FLASK_SITE_READ_ONLY", "maybe", "Input should be a valid boolean"),
        ("FLASK_SITE_LOG_LEVEL", "LOUD", "Input should be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("FLASK_SITE_SECRET_KEYS", SECRET, "no such setting; did you mean FLASK_SITE_SECRET_KEY?"),
        ("FLASK_SITE_X", SECRET, "no such setting; unset it"),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    [line] = refusal(monkeypatch, **{variable: value})
    assert line.startswith(f"{variable} (environment): {said}")
    assert SECRET not in line


def test_all_faults_are_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = refusal(monkeypatch, FLASK_SITE_MAX_BODY="x", FLASK_SITE_READ_ONLY="x", FLASK_SITE_PORT="8000")
    assert [line.split()[0] for line in lines] == ["FLASK_SITE_MAX_BODY", "FLASK_SITE_PORT", "FLASK_SITE_READ_ONLY"]


# --8<-- [start:command]
def test_the_command_says_it_and_ends(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["serve"], ["init-db"], ["import", __file__], ["check"]):
        with pytest.raises(SystemExit) as caught:
            main(command)
        assert caught.value.code == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err == (
            "flask-site: these settings are wrong\n"
            "FLASK_SITE_SECRET_KEY: Field required; "
            'make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"\n'
        )


# --8<-- [end:command]


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(SettingsError, match="no driver for PostgreSQL; pip install"):
        create_app(Settings(secret_key=SECRET, database_url="postgresql://server/db"))
