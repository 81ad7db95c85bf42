"""One strict reader of tar.gz archives: what a package may not hold, no archive of a model may hold either."""
