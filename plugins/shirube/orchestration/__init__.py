"""Airflow's side of Shirube: the inbox trigger, the assets, the steps of the Dags and the embedded Airflow.

The only subpackage that may import `airflow`; everything it starts can also be run without it.
"""
