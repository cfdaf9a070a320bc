"""What ``limber`` does, one module for each command: ``add`` describes its arguments, ``run`` does it.

Modules import what is heavy only when they run, so that ``limber --help`` answers at once.
"""
