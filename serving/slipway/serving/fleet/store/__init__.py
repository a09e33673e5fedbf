"""The fleet store: tables, migrations, what devices told and what was made of it; SQLite or PostgreSQL."""
