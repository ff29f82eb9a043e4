"""Lets Airflow use PyMySQL. Loaded in every Airflow process, as a plugin of the kind ``airflow.policy``.

For a MySQL URL, Airflow 3.3 refuses to start without mysqlclient (``settings.configure_adapters``), even where the URL
names another driver. mysqlclient is built from source and needs headers and a compiler, which neither a fresh machine
nor a small image has; releases from 2.3 on also bind str-Enums by their repr, which stops the scheduler. Policy
plugins are loaded just before that check, which looks for one table of one module: here it is, and nothing more, so
that whoever really wants mysqlclient's functions still gets an error.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from types import ModuleType


def satisfy_airflow() -> None:
    """Provide ``MySQLdb.converters`` as far as Airflow looks at it, unless the real one is installed."""
    if "MySQLdb" in sys.modules or importlib.util.find_spec("MySQLdb"):
        return
    from pymysql.converters import escape_datetime

    converters = ModuleType("MySQLdb.converters", "Tradewind's stand-in; the driver in use is PyMySQL.")
    vars(converters).update(conversions={}, DateTime2literal=escape_datetime)
    package = ModuleType("MySQLdb", "Tradewind's stand-in; the driver in use is PyMySQL.")
    vars(package).update(converters=converters)
    sys.modules.update({"MySQLdb": package, "MySQLdb.converters": converters})


if os.environ.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "").startswith("mysql+pymysql:"):
    satisfy_airflow()
