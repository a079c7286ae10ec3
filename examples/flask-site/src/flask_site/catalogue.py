"""The pages: list, search, add, edit, delete, import."""

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from flask_site import store
from flask_site.database import get_session, writing
from flask_site.fields import PackageFields, Search, faults
from flask_site.forms import DeleteForm, ImportForm, PackageForm, seen_version
from flask_site.importing import BadFile, import_rows

blueprint = Blueprint("catalogue", __name__)
Answer = str | Response | tuple[str, int]


@blueprint.before_request
def refuse_changes() -> None:
    """Refuse what would change the catalogue where the pages are read-only."""
    reading = ("catalogue.packages", "catalogue.package")
    if current_app.config["SETTINGS"].read_only and request.endpoint not in reading:
        abort(403, "These pages are read-only here.")


def read_search() -> Search:
    """Return what the query of the request asks for.

    Raises:
        BadRequest: it is not understood.
    """
    try:
        return Search.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise BadRequest("; ".join(f"{name}: {fault}" for name, fault in faults(error).items())) from None


# --8<-- [start:list]
@blueprint.get("/")
def packages() -> Answer:
    """List the packages, or those that match a search."""
    wanted = read_search()
    return render_template("packages.html", found=store.search(get_session(), wanted), q=wanted.q)


# --8<-- [end:list]


@blueprint.get("/packages/<id:number>")
def package(number: int) -> Answer:
    """Show a package."""
    return render_template("package.html", package=store.get(get_session(), number))


# --8<-- [start:add]
@blueprint.route("/packages/add", methods=["GET", "POST"])
def add() -> Answer:
    """Add a package."""
    form = PackageForm()
    if request.method != "POST":
        return render_template("form.html", form=form, title="Add a package")
    if not form.validate():
        return render_template("form.html", form=form, title="Add a package"), 422
    try:
        with writing() as session:
            added = store.add(session, form.fields)
    except store.Duplicate:
        form.name.errors = ["There is a package of this name; edit that one"]
        return render_template("form.html", form=form, title="Add a package"), 409
    flash(f"{added.name} is added.")
    return redirect(url_for(".package", number=added.id), 303)


# --8<-- [end:add]


# --8<-- [start:edit]
@blueprint.route("/packages/<id:number>/edit", methods=["GET", "POST"])
def edit(number: int) -> Answer:
    """Edit a package."""
    try:
        return _edit(number)
    except store.Missing:
        if request.method != "POST":
            raise
        # What was typed is kept: the form leads on to add it anew.
        return render_template("form.html", form=PackageForm(), title="Add the package anew", deleted=True), 404


def _edit(number: int) -> Answer:
    current = store.get(get_session(), number)
    form = PackageForm(obj=current)
    title = f"Edit {current.name}"
    if request.method != "POST":
        return render_template("form.html", form=form, title=title)
    if not form.validate():
        return render_template("form.html", form=form, title=title), 422
    try:
        with writing() as session:
            edited = store.edit(session, number, seen_version(form.version), form.fields)
    except store.Duplicate:
        form.name.errors = ["There is a package of this name; choose another"]
        return render_template("form.html", form=form, title=title), 409
    except store.Stale:
        return _changed_meanwhile(number, form)
    flash(f"{edited.name} is changed.")
    return redirect(url_for(".package", number=number), 303)


def _changed_meanwhile(number: int, form: PackageForm) -> Answer:
    """Show both: what somebody else has written, and what this one wanted to write over it."""
    current = store.get(get_session(), number)
    form.version.data = str(current.version)
    return render_template("form.html", form=form, title=f"Edit {current.name}", current=current), 409


# --8<-- [end:edit]


@blueprint.route("/packages/<id:number>/delete", methods=["GET", "POST"])
def delete(number: int) -> Answer:
    """Delete a package, after a page that asks."""
    current = store.get(get_session(), number)
    form = DeleteForm(obj=current)
    if request.method != "POST":
        return render_template("delete.html", form=form, package=current)
    try:
        with writing() as session:
            store.delete(session, number, seen_version(form.version))
    except store.Stale:
        current = store.get(get_session(), number)
        form.version.data = str(current.version)
        return render_template("delete.html", form=form, package=current, changed=True), 409
    flash(f"{current.name} is deleted.")
    return redirect(url_for(".packages"), 303)


@blueprint.route("/import", methods=["GET", "POST"])
def import_file() -> Answer:
    """Import a CSV file: all of its rows, or none."""
    form = ImportForm()
    if request.method != "POST":
        return _import_page(form)
    if not form.validate():
        form.file.errors = ["Choose a file"]
        return _import_page(form), 422
    try:
        with writing() as session:
            count = import_rows(session, form.file.data.stream)
    except BadFile as bad:
        return _import_page(form, bad), 422
    flash(f"{count} packages are imported.")
    return redirect(url_for(".packages"), 303)


def _import_page(form: ImportForm, bad: BadFile | None = None) -> str:
    return render_template("import.html", form=form, bad=bad, columns=PackageFields.model_fields)
