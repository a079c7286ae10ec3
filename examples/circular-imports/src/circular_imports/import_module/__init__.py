"""Each imports the other module, and looks the name up when a function runs."""
