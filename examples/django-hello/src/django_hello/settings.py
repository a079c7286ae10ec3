"""The settings: Django imports this module and takes every name in capitals."""

# --8<-- [start:settings]
import os

from django_hello.environment import read

_environment = read(os.environ)
SECRET_KEY = _environment.secret_key
DEBUG = _environment.debug
ALLOWED_HOSTS = _environment.allowed_hosts

INSTALLED_APPS = ["django_hello"]  # whose templates are found
ROOT_URLCONF = "django_hello.urls"
WSGI_APPLICATION = "django_hello.wsgi.application"
MIDDLEWARE = [
    "django_hello.middleware.head_without_body",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",  # asks for the host, which is when it is checked
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
TIME_ZONE = "UTC"  # that of the process and its logs, where Django on its own takes Chicago's
DATA_UPLOAD_MAX_MEMORY_SIZE = 10_000  # bytes of a request's body
# What speaks TLS is in front of this site: it redirects to https (W008), and tells browsers to stay there (W004).
# No form of this site changes anything, so none needs protection against forged requests (W003). The first that
# does needs "django.middleware.csrf.CsrfViewMiddleware" in MIDDLEWARE, and CSRF_COOKIE_SECURE = True.
SILENCED_SYSTEM_CHECKS = ["security.W003", "security.W004", "security.W008"]
# With DEBUG off, Django logs nothing to stderr by itself.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"django": {"level": "WARNING"}},  # in place of Django's, which would log twice with DEBUG on
}
# --8<-- [end:settings]
