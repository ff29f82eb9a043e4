"""The one-shot tasks of a database: ``init-db-users`` (users) and ``migrate-db`` (schema, roles, first login).

The other modules run inside Airflow: database drivers, time limits, outages, and the health check (``confirm``).
"""
