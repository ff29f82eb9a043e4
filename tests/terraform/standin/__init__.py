"""A stand-in for the Terraform provider hashicorp/aws: its schema, applies in memory, what AWS refuses."""
