"""The cart and the discount import a name from each other, which fails."""
