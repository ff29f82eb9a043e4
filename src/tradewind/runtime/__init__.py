"""The code inside containers, and in the same processes on one machine: programs beside Airflow, and parts of it."""
