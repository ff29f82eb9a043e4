"""### Which clocks run ahead of the sun?

Extract → transform → load → chart, over the zone table of the IANA time-zone database (`data/README.md`).

* **extract** parses 418 rows, rejects invalid rows and prints the reason
* **transform** takes each zone's legal offset in the year of the run and compares it with the sun, then aggregates by
  country
* **load** writes both tables into `sun_time.sqlite`
* **chart** draws `sun_time.png`
* **report** prints the table to its log

The result depends on the year of the run, because laws change clocks: compare 1993, when Portugal had Central European
Time, with any year after 1996. `airflow backfill create --dag-id etl_sun_time --from-date 1990-01-01
--to-date 2000-01-01` draws one chart a year.

The tasks write to `$TRADEWIND_OUTPUT/etl_sun_time/<run>/`. Every write is atomic and every task overwrites only its own
file, so any task can be retried or cleared, on any worker.
"""

import json
from datetime import datetime, timedelta
from pathlib import Path

from airflow.sdk import dag, get_current_context, task
from sun_time import clocks, store, zones

REJECTED_SHARE = 0.05
DATABASE_TABLE = "SELECT * FROM country ORDER BY ahead_mean DESC, country"


def this_run() -> Path:
    context = get_current_context()
    return store.run_folder(context["dag_run"].dag_id, context["dag_run"].run_id)


def this_year() -> int:
    # A run may have no logical date; every run has run_after, and a retry does not change it.
    dag_run = get_current_context()["dag_run"]
    return (dag_run.logical_date or dag_run.run_after).year


@dag(
    dag_id="etl_sun_time",
    schedule="@yearly",
    start_date=datetime(1970, 1, 1),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=4,
    default_args={"owner": "tradewind", "retries": 2, "retry_delay": timedelta(seconds=10)},
    doc_md=__doc__,
    tags=["example", "etl"],
)
def etl_sun_time():
    @task
    def extract() -> str:
        countries = zones.parse_countries((zones.DATA / "iso3166.tab").read_text("utf-8"))
        accepted, rejected = zones.parse_zones((zones.DATA / "zone.tab").read_text("utf-8"), countries)
        print(f"accepted {len(accepted)} rows, rejected {len(rejected)}")
        for row in rejected:
            print(f"  line {row.line}: {row.reason}")
        if len(rejected) > REJECTED_SHARE * (len(accepted) + len(rejected)):
            raise ValueError(f"zone.tab: {len(rejected)} rows rejected, more than {REJECTED_SHARE:.0%}")
        content = store.to_json(zones=accepted, rejected=rejected)
        return str(store.write_atomically(this_run() / "zones.json", content))

    @task
    def transform(zones_file: str) -> str:
        rows = [zones.Zone(**row) for row in json.loads(Path(zones_file).read_bytes())["zones"]]
        names = zones.parse_countries((zones.DATA / "iso3166.tab").read_text("utf-8"))
        by_zone = clocks.zone_clocks(rows, this_year())
        by_country = clocks.country_clocks(by_zone, names)
        print(f"{len(by_zone)} zones in {len(by_country)} countries and territories, year {this_year()}")
        content = store.to_json(zone=by_zone, country=by_country)
        return str(store.write_atomically(this_run() / "clocks.json", content))

    @task
    def load(clocks_file: str) -> str:
        tables = json.loads(Path(clocks_file).read_bytes())
        return str(store.write_atomically(this_run() / "sun_time.sqlite", store.to_sqlite(**tables)))

    @task
    def chart(database: str) -> str:
        from sun_time.chart import draw

        by_zone = store.from_sqlite(Path(database), "SELECT * FROM zone")
        by_country = store.from_sqlite(Path(database), DATABASE_TABLE)
        png = draw(by_zone, by_country, this_year())
        return str(store.write_atomically(this_run() / "sun_time.png", png))

    @task
    def report(database: str, picture: str) -> None:
        rows = store.from_sqlite(Path(database), DATABASE_TABLE)
        print(clocks.as_table(rows))
        print(f"\ntable  {database}\nchart  {picture}")

    database = load(transform(extract()))
    report(database, chart(database))


etl_sun_time()
