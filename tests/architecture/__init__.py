"""Tests of the house itself: layers, imports, exports and the project's files."""
