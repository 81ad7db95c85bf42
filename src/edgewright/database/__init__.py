"""The database: connections, migrations, prepared statements, the clock."""
