"""Releases: the images and DAG files of an environment as one object, their rollout and their rollback."""
