"""Two ways to open the table that fail elsewhere than on the author's machine."""

from pathlib import Path


# --8<-- [start:current_folder]
def from_the_current_folder() -> str:
    """Read the table, if the program is started in the folder that holds it."""
    with open("stations.csv", encoding="utf-8") as table:
        return table.read()


# --8<-- [end:current_folder]
# --8<-- [start:file]
def from_beside_this_module() -> str:
    """Read the table, if the package is unpacked into a folder."""
    return (Path(__file__).parent / "stations.csv").read_text(encoding="utf-8")


# --8<-- [end:file]
