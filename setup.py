"""All metadata lives in setup.cfg; this file lets old and editable installs work."""

from setuptools import setup

setup()
