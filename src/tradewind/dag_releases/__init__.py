"""DAG releases: their manifests, their folder on the shared file system, and the pointer to the active one."""
