"""Volumes to files."""
