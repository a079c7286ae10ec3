"""A dependency confusion attack on this computer, and a check of where packages come from."""
