"""Tests of the documentation: the notebook, the commands and the links."""
