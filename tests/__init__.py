"""Tests of etagkit.

A package, so that `from tests._support import ...` never finds the `tests` of another distribution.
"""
