"""The one-shot tasks that make a database ready: ``prepare`` (users) and ``migrate`` (schema, roles, first login).

The other modules run inside Airflow: database drivers, time limits, outages, and the health check (``confirm``).
"""
