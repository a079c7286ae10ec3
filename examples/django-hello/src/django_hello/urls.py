"""Which path calls which view."""

# --8<-- [start:urls]
from django.urls import path

from django_hello import views

urlpatterns = [
    path("", views.home),
    path("hello", views.greet_by_form),
    path("hello/<path:name>", views.greet),  # `path` takes a name with a slash, which `str` does not
    path("api/hello", views.greet_as_json),
]
# --8<-- [end:urls]
