"""Test DAG files, build DAG releases from them, and serve a folder of this machine while it is edited."""
