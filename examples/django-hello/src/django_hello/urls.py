"""Which path calls which view."""

# --8<-- [start:urls]
from django.urls import path, re_path

from django_hello import views

urlpatterns = [
    path("", views.home),
    path("hello", views.greet_by_form),
    re_path(r"(?s)^hello/(?P<name>.+)\Z", views.greet),  # `<str:name>` takes no slash, `<path:name>` no line end
    path("api/hello", views.greet_as_json),
]
# --8<-- [end:urls]
