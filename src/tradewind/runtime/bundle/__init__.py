"""Serve DAG releases to Airflow, which imports this package in every container."""
