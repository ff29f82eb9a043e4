"""Let Airflow use PyMySQL. Every Airflow process loads this module as a plugin of the kind ``airflow.policy``.

For a MySQL URL, Airflow 3.3 refuses to start without mysqlclient (``settings.configure_adapters``), even if the URL
names another driver. mysqlclient is built from source and needs headers and a compiler. Neither a fresh machine nor a
small image has these. Its releases from 2.3 on also bind str-Enums by their repr, which stops the scheduler.

Airflow loads policy plugins immediately before that check. The check reads one table of one module. This module
provides that table and nothing more, so that code that needs mysqlclient's functions still gets an error.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from types import ModuleType


def satisfy_airflow() -> None:
    """Provide the parts of ``MySQLdb.converters`` that Airflow reads, unless mysqlclient is installed."""
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
