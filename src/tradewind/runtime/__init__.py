"""What runs inside containers, and on one machine in the same processes: programs beside Airflow, and parts of it."""
