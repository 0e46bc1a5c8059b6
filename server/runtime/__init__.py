"""Roles: each module builds the parts of one, wires them together, starts them, and stops them in order.

A role imports only what it runs, which keeps its memory small.
"""
