"""Runs Terraform for the stacks in ``terraform/``: renders their variables, plans, applies exactly what was planned.

HCL is never generated: what stands in ``terraform/`` is what runs, here and for people who use Terraform by hand.
"""
