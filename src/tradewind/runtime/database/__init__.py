"""The one-off tasks that make a database ready: ``prepare`` (users) and ``migrate`` (schema, roles, first login)."""
