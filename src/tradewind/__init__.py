"""Tradewind deploys and operates Apache Airflow at large scale on AWS, and runs the same platform on one machine."""

__version__ = "0.1.0"
