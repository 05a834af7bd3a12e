# SPDX-License-Identifier: MIT
"""Runs the real binaries and watches what they do. Tests wait for events with a bound, never for time to pass."""
