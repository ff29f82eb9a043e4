"""The composition root: opens an environment of a configuration by its name, with all operations of the commands.

``project.Project`` is a loaded configuration, and opens environments. All environments implement the protocol
``interface.Environment``.
"""

LOCAL = "local"
"""The name of the environment on this machine. A configuration may not use this name (``config.fields``)."""
