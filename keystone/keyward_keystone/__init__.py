"""Keystone drivers for a region whose database is a read-only replica: see the README."""
