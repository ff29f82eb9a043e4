"""DAG files on their way to Airflow: tested, and brought onto the file system that all components share."""
