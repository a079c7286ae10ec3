"""What the servers serve: the lab copies one of these modules into an empty folder, where it may be broken."""
