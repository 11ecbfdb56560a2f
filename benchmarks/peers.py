"""Other ways to load the same file, as their users would write them. Needs the packages of the group `benchmarks`."""
# pyright: reportMissingImports=false, reportMissingModuleSource=false

import argparse
import os
from pathlib import Path
from time import perf_counter

from benchmarks.measure import finish_part

__all__: list[str] = []


def load_with_pandas(path: Path) -> None:
    """Read the lines, and sum calls, tokens and spend by day and model: nothing is priced or written."""
    import pandas as pd  # noqa: PLC0415 - each peer is imported in its own process

    started = perf_counter()
    calls = pd.read_json(path, lines=True)
    calls["usage_on"] = pd.to_datetime(calls["startTime"]).dt.date
    daily = calls.groupby(["usage_on", "model"]).agg(
        request_count=("request_id", "nunique"),
        prompt_tokens=("prompt_tokens", "sum"),
        completion_tokens=("completion_tokens", "sum"),
        spend_usd=("spend", "sum"),
    )
    seconds = perf_counter() - started
    finish_part("pandas", seconds, {"rows": int(daily["request_count"].sum()), "version": pd.__version__})


def load_with_dlt(path: Path, folder: Path) -> None:
    """Merge the lines into a DuckDB table by their request id: nothing is priced, judged or published."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["DLT_DATA_DIR"] = str(folder / "data")
    import dlt  # noqa: PLC0415 - it reads the environment when it is imported
    from dlt.sources.filesystem import filesystem, read_jsonl  # noqa: PLC0415

    started = perf_counter()
    calls = (filesystem(bucket_url=path.parent.as_uri(), file_glob=path.name) | read_jsonl()).with_name("calls")
    calls.apply_hints(write_disposition="merge", primary_key="request_id")
    database = folder / "usage.duckdb"
    pipeline = dlt.pipeline(
        "usage",
        destination=dlt.destinations.duckdb(str(database)),
        dataset_name="gateway",
        pipelines_dir=str(folder / "pipelines"),
    )
    pipeline.run(calls, loader_file_format="parquet")
    seconds = perf_counter() - started
    with pipeline.sql_client() as client:
        rows = client.execute_sql("SELECT count(*) FROM calls")
    facts = {"rows": rows[0][0] if rows else None, "version": dlt.__version__, "bytes": database.stat().st_size}
    finish_part("dlt", seconds, facts)


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=["pandas", "dlt"], required=True)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    if arguments.part == "pandas":
        load_with_pandas(arguments.file)
    else:
        load_with_dlt(arguments.file, arguments.folder)


if __name__ == "__main__":
    main()
