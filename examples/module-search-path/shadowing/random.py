"""My first experiments with chance. The name of this file is the mistake."""

SIDES = 6
