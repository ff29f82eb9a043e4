"""Celery for Airflow: the worker, commands to workers, and the executor in the scheduler."""
