"""Alerts of a database that is judged, without a collector around it."""

from tests.compliance.conftest import NewTrial, Trial, new_trial

__all__ = ["NewTrial", "Trial", "new_trial"]
