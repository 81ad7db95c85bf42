"""Which signing keys the service knows, and which one signs: kept in the database, so that all hosts agree."""
