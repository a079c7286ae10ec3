from relative_imports.report.table import table
from relative_imports.shapes import Circle, Rectangle

GARDEN = "pond       3.14 sq m    33.8 sq ft\nterrace   12.00 sq m   129.2 sq ft"


def test_the_table_has_a_line_for_each_part() -> None:
    assert table({"pond": Circle(1), "terrace": Rectangle(4, 3)}) == GARDEN
