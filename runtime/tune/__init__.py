"""Schedules of kernels found by trying: search, measurement, what is kept of it, and who uses it."""
