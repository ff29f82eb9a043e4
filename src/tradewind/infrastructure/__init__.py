"""Runs Terraform for the stacks in ``terraform/``: renders their variables, plans, and applies exactly the plan.

HCL is never generated: the files in ``terraform/`` run as they are, here and for people who use Terraform by hand.
"""
