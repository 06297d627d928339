"""PostgreSQL: the only room that knows SQLAlchemy, psycopg and Alembic. Every table has one owning module here."""
