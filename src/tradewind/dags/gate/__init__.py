"""Tests DAG files before they become a release."""
