"""The platform on one machine: real services as processes, under one supervisor."""
