"""Serves releases of DAG files to Airflow, which imports this in every container."""
