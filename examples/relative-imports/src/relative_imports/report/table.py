"""The table."""

from ..shapes import Circle, Rectangle
from .row import row


def table(parts: dict[str, Circle | Rectangle]) -> str:
    """Write a line for each part of the garden."""
    return "\n".join(row(name, shape.area) for name, shape in parts.items())


if __name__ == "__main__":
    print(table({"pond": Circle(1), "terrace": Rectangle(4, 3)}))
