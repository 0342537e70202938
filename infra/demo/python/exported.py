"""Prints the rows of exported `sales_lines` files as JSON lines, money in whole cents.

    python exported.py FOLDER

FOLDER contains `business_date=YYYY-MM-DD/*.parquet`, as on S3. DuckDB reads the files, because it shares no code with
`sales-export`. The script fails if an amount is no whole number of cents.
"""

import json
import pathlib
import sys

import duckdb

AMOUNTS = ("gross", "discount", "net")


def cents(value):
    scaled = value * 100
    if scaled != int(scaled):
        raise SystemExit(f"{value} is no whole number of cents")
    return int(scaled)


def main():
    files = str(pathlib.Path(sys.argv[1]) / "*" / "*.parquet")
    rows = duckdb.connect().execute(
        """
        SELECT order_id, line, location_id, channel, business_date, sku, quantity, currency, gross, discount, net
        FROM read_parquet(?, hive_partitioning = true, hive_types = {'business_date': VARCHAR})
        """,
        [files],
    ).fetchall()
    names = ("order_id", "line", "location_id", "channel", "business_date", "sku", "quantity", "currency", *AMOUNTS)
    for row in rows:
        fields = dict(zip(names, row))
        for name in AMOUNTS:
            fields[f"{name}_minor"] = cents(fields.pop(name))
        print(json.dumps(fields))


if __name__ == "__main__":
    main()
