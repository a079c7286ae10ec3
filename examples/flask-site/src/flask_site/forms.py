"""The forms of the pages: their fields and labels. The rules are those of fields.py."""

from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from pydantic import ValidationError
from wtforms import HiddenField, StringField, URLField

from flask_site.fields import LARGEST, PackageFields, faults


# --8<-- [start:form]
class PackageForm(FlaskForm):
    """Add or edit a package."""

    name = StringField("Name", description="as pip installs it, such as flask")
    summary = StringField("Summary", description="what it is good for, in one line")
    url = URLField("Address", description="of its home page, with https://")
    version = HiddenField(default="0")

    visible = tuple(PackageFields.model_fields)  # the fields that people fill in, in this order
    fields: PackageFields  # what they have filled in, once it is valid

    def validate(self, extra_validators: object = None) -> bool:
        """Tell whether the rules hold; where they do, `fields` has the values."""
        try:
            self.fields = PackageFields(**{name: self[name].data or "" for name in self.visible})
        except ValidationError as error:
            for name, fault in faults(error).items():
                self[name].errors = [fault]
            return False
        return super().validate(extra_validators)


# --8<-- [end:form]


class DeleteForm(FlaskForm):
    """Delete a package."""

    version = HiddenField()


class ImportForm(FlaskForm):
    """Import a CSV file."""

    file = FileField("CSV file", description="in UTF-8, with the columns above", validators=[FileRequired()])


def seen_version(field: HiddenField) -> int:
    """Return the version that a form was made from; 0, which none has, where it was left out or tampered with."""
    text = next(iter(field.raw_data or ()), "")  # `data` is the version of now where the form has none
    return int(text) if text.isascii() and text.isdigit() and len(text) < len(str(LARGEST)) else 0
