"""One module a migration, named for its number."""
