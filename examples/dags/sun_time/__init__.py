"""The plain functions behind the example DAGs; nothing here imports Airflow."""
