"""The composition root: a configuration and a name become an environment, with all that commands do to it.

``project.Project`` is a configuration that was read, and opens environments. ``protocol.Environment`` is what they all
have.
"""

LOCAL = "local"
"""The environment that is this machine. No environment of a configuration may be called so (``config.fields``)."""
