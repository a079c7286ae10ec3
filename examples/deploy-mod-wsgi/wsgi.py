"""The application as Apache runs it. mod_wsgi passes on no variables, so that the settings are read here."""

from dotenv import load_dotenv
from flask_site import create_app

load_dotenv("/etc/flask-site/env", interpolate=False)
application = create_app()
