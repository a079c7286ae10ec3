"""The application factory: it puts the parts together."""

from flask import Flask
from flask_wtf.csrf import CSRFProtect

from flask_site import api, assets, catalogue, database, errors, headers, health, limits, logs
from flask_site.settings import Settings, load

csrf = CSRFProtect()
csrf.exempt(api.blueprint)  # its writes need a key, which no other site can make a browser send


# --8<-- [start:create-app]
def create_app(settings: Settings | None = None) -> Flask:
    """Make the application. It opens no connection and writes no file.

    Args:
        settings: what differs between deployments; read from the environment if None.

    Returns:
        The application, to be given to a WSGI server.

    Raises:
        SettingsError: the environment lacks a setting, or has a wrong one.
    """
    settings = settings or load()
    app = Flask("flask_site", static_folder=None)  # assets.py serves the static files
    app.config.update(
        DEBUG=False,  # whatever FLASK_DEBUG says; the command `flask` sets it afterwards
        SECRET_KEY=settings.secret_key.get_secret_value(),
        SECRET_KEY_FALLBACKS=[key.get_secret_value() for key in settings.secret_key_fallbacks],
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SETTINGS=settings,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True  # a line with a tag alone leaves none behind
    for part in (logs, limits, headers, errors, database, assets):
        part.init_app(app, settings)
    csrf.init_app(app)
    for blueprint in (catalogue.blueprint, api.blueprint, health.blueprint):
        app.register_blueprint(blueprint)
    return app


# --8<-- [end:create-app]
