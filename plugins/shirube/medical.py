"""Channels of Medical: what is asked and said there stays out of every table for others (X03)."""

from __future__ import annotations

MEDICAL_CHANNELS = ("medical_inquiry", "msl_visit")
"""The same as dbt's macro kpi_medical_channels; written into SQL, a tuple of Python is a list of texts."""
