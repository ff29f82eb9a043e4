"""### A task for every region, found at run time; one of them fails on its first try

* **find_regions** reads the zone table and returns its regions (Africa, America, …): the DAG file does not list them
* **survey** is mapped over them. *Atlantic* fails on its first try by design and succeeds on the retry, three seconds
  later; the other regions do not wait for it
* **summarise** reduces the results to one table in its log

Look at the `survey` task in the grid: one square per region, *Atlantic* with two tries.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import dag, get_current_context, task
from sun_time import zones

FAILS_FIRST = "Atlantic"


def read_zone_names() -> list[str]:
    countries = zones.parse_countries((zones.DATA / "iso3166.tab").read_text("utf-8"))
    accepted, _ = zones.parse_zones((zones.DATA / "zone.tab").read_text("utf-8"), countries)
    return [zone.name for zone in accepted]


@dag(
    dag_id="mapped_retry",
    schedule=None,
    catchup=False,
    is_paused_upon_creation=False,
    default_args={"owner": "tradewind", "retries": 2, "retry_delay": timedelta(seconds=3)},
    doc_md=__doc__,
    tags=["example", "mapping", "retry"],
)
def mapped_retry():
    @task
    def find_regions() -> list[str]:
        return sorted({name.split("/")[0] for name in read_zone_names()})

    @task(map_index_template="{{ task.op_kwargs['region'] }}")
    def survey(region: str) -> dict[str, str | int]:
        context = get_current_context()
        if region == FAILS_FIRST and context["ti"].try_number == 1:
            raise RuntimeError(f"{region} fails on its first try by design; the retry succeeds")
        year = context["dag_run"].run_after.year
        names = [name for name in read_zone_names() if name.startswith(f"{region}/")]
        january, july = (
            [datetime(year, month, 1, tzinfo=UTC).astimezone(ZoneInfo(name)).utcoffset() for name in names]
            for month in (1, 7)
        )
        return {
            "region": region,
            "zones": len(names),
            "offsets": len(set(january)),
            "summer_time": sum(winter != summer for winter, summer in zip(january, july, strict=True)),
            "tries": context["ti"].try_number,
        }

    @task
    def summarise(results: list[dict[str, str | int]]) -> None:
        columns = ("zones", "offsets", "summer_time", "tries")
        rows = results[:]  # one request for all of them; iterating would make one for each
        print(f"{'region':<12}" + "".join(f"{column:>13}" for column in columns))
        for row in rows:
            print(f"{row['region']:<12}" + "".join(f"{row[column]:>13}" for column in columns))
        retried = ", ".join(row["region"] for row in rows if row["tries"] > 1)
        total = sum(row["zones"] for row in rows)
        print(f"\n{total} zones in {len(rows)} regions; retried: {retried or 'none'}")

    summarise(survey.expand(region=find_regions()))


mapped_retry()
