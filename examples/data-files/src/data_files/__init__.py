"""Tide gauges, from a table that lies in the package."""

from data_files.stations import mean_range, table_path

__all__ = ["mean_range", "table_path"]
