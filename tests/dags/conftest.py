"""A throw-away Airflow home for every test here, chosen before anything imports Airflow."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

_throw_away = tempfile.mkdtemp(prefix="shirube-airflow-")
atexit.register(shutil.rmtree, _throw_away, ignore_errors=True)
os.environ["AIRFLOW_HOME"] = _throw_away
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"
os.environ["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] = "False"
