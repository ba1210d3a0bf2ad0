"""Shirube: physician touchpoints, journey phases and honest KPIs from channel and CRM logs."""

__version__ = "0.1.0"
