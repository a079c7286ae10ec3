"""Build one project with six build backends, and compare what comes out."""

from six_backends.built import BuildFailed, Built, build
from six_backends.copies import GENERATED, NOTES, Refused, backends, copy

__all__ = ["GENERATED", "NOTES", "BuildFailed", "Built", "Refused", "backends", "build", "copy"]
