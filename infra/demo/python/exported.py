"""Prints the exported rows in force as JSON lines, money in whole cents.

    python exported.py FOLDER

FOLDER contains `sales_lines`, `refund_lines` and `export_manifest`, each with `business_date=YYYY-MM-DD/*`, as on S3. A row is in
force if the manifest of its day and time zone names its revision. DuckDB reads the files, because it shares no code with
`sales-export`. The script fails if an amount is no whole number of cents, or if the rows in force are not as many as the
manifests count.
"""

import json
import pathlib
import sys

import duckdb

MANIFESTS = """
    SELECT business_date, time_zone, revision, sales_lines_rows, refund_lines_rows
    FROM read_json(?, columns = {time_zone: 'VARCHAR', revision: 'BIGINT', sales_lines_rows: 'BIGINT',
                                 refund_lines_rows: 'BIGINT'},
                   hive_partitioning = true, hive_types = {'business_date': VARCHAR})
"""

# Dataset -> columns, amounts last.
DATASETS = {
    "sales_lines": (
        ("order_id", "line_no", "location_id", "channel", "business_date", "sku", "quantity", "currency"),
        ("gross", "discount", "net", "total"),
    ),
    "refund_lines": (
        ("refund_id", "order_id", "line_no", "location_id", "business_date", "order_business_date", "sku", "restocked",
         "quantity", "currency"),
        ("total",),
    ),
}


def cents(value):
    scaled = value * 100
    if scaled != int(scaled):
        raise SystemExit(f"{value} is no whole number of cents")
    return int(scaled)


def rows_in_force(connection, folder, dataset, columns):
    selected = ", ".join(f"data.{name}" for name in columns)
    return connection.execute(
        f"""
        SELECT {selected}
        FROM read_parquet(?, hive_partitioning = true, hive_types = {{'business_date': VARCHAR}}) AS data
        JOIN manifests USING (business_date, time_zone, revision)
        """,
        [str(folder / dataset / "*" / "*.parquet")],
    ).fetchall()


def main():
    folder = pathlib.Path(sys.argv[1])
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE manifests AS {MANIFESTS}", [str(folder / "export_manifest" / "*" / "*.json")])
    for dataset, (fields, amounts) in DATASETS.items():
        rows = rows_in_force(connection, folder, dataset, fields + amounts)
        counted = connection.execute(f"SELECT sum({dataset}_rows) FROM manifests").fetchone()[0]
        if len(rows) != counted:
            raise SystemExit(f"{dataset}: {len(rows)} rows in force, {counted} in the manifests")
        for row in rows:
            record = {"dataset": dataset, **dict(zip(fields, row))}
            for name, value in zip(amounts, row[len(fields):]):
                record[f"{name}_minor"] = cents(value)
            print(json.dumps(record, default=str))


if __name__ == "__main__":
    main()
