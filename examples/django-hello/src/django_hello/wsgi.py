"""The door for servers: `waitress-serve django_hello.wsgi:application`."""

# --8<-- [start:application]
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_hello.settings")
application = get_wsgi_application()
# --8<-- [end:application]
