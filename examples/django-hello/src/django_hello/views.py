"""What the site answers."""

from urllib.parse import quote

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

LONGEST = 80  # characters of a name


# --8<-- [start:views]
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the form."""
    return render(request, "django_hello/home.html")


@require_safe
def greet(request: HttpRequest, name: str) -> HttpResponse:
    """Greet the guest that the path names; the template escapes the name."""
    return render(request, "django_hello/hello.html", {"name": name})


@require_POST
def greet_by_form(request: HttpRequest) -> HttpResponse:
    """Send the browser on to the greeting of the name in the form."""
    try:
        name = request.POST.get("name", "")
    except RequestDataTooBig:
        return render(request, "django_hello/problem.html", {"problem": "the form is too large"}, status=413)
    if problem := problem_with(name):
        return render(request, "django_hello/problem.html", {"problem": problem}, status=400)
    return HttpResponseRedirect(f"/hello/{quote(name, safe='')}", status=303)


@require_safe
def greet_as_json(request: HttpRequest) -> HttpResponse:
    """Greet a program."""
    name = request.GET.get("name", "")
    if problem := problem_with(name):
        return JsonResponse({"error": problem}, status=400)
    return JsonResponse({"greeting": f"Hello, {name}"})


def problem_with(name: str) -> str | None:
    """Say what is wrong with a name, if anything is."""
    return None if 0 < len(name) <= LONGEST else f"name: expected 1 to {LONGEST} characters, got {len(name)}"


# --8<-- [end:views]
