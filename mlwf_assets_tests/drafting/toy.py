"""Files as people have them: a shop whose orders are dirty CSV, with customers and products beside."""

import csv
import datetime as dt
import json
import random
import shutil

import pyarrow as pa
from pyarrow import parquet

from mlwf_assets.drafting.draft import draft
from mlwf_assets.drafting.writing import write
from mlwf_assets.spec.loader import loads

ORDERS = 600


def write_shop(folder, seed=0):
    """Orders in two `;`-separated latin-1 files with decimal commas and dd.mm.yyyy; return the folder.

    One date and one amount cannot be read, a product is unknown, two rows stand twice, and products are there twice.
    """
    clock = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    segments = [clock.choice("abc") for _ in range(120)]
    customers = [
        {"id": i, "name": f"Jürgen {i}", "segment": segments[i - 1], "city": clock.choice(["Köln", "Bonn"])}
        for i in range(1, 121)
    ]
    text = "\n".join(json.dumps(one, ensure_ascii=False) for one in customers)
    (folder / "customers.jsonl").write_text(text + "\n", encoding="utf-8")
    products = [{"sku": f"P{i:02}", "price": round(clock.uniform(1, 90), 2)} for i in range(30)]
    parquet.write_table(pa.Table.from_pylist(products), folder / "products.parquet")
    shutil.copy(folder / "products.parquet", folder / "products_copy.parquet")
    rows = [_order(i, clock, segments) for i in range(ORDERS)]
    rows[3][2], rows[5][3], rows[7][4] = "P99", "30.02.2023", "teuer"
    for i in range(0, ORDERS, 50):
        rows[i][4] = "k.A."
    rows += [rows[10], rows[11]]
    for number, part in ((1, rows[:300]), (2, rows[300:])):
        with (folder / f"orders_{number}.csv").open("w", encoding="latin-1", newline="") as file:
            out = csv.writer(file, delimiter=";")
            out.writerow(["order_id", "customer_id", "product", "ordered", "total", "plz", "closed", "note", "outcome"])
            out.writerows(part)
    return folder


def _order(number, clock, segments):
    day = dt.date(2023, 1, 1) + dt.timedelta(days=clock.randint(0, 364))
    customer, total = clock.randint(1, 120), clock.uniform(1, 3000)
    score = (segments[customer - 1] == "a") + (total > 1500) + clock.gauss(0, 0.3)
    outcome = "zurück" if score > 1.5 else "umgetauscht" if score > 0.7 else "behalten"
    amount = f"{total:,.2f}".translate(str.maketrans(",.", ".,"))
    closed = day + dt.timedelta(days=clock.randint(3, 20))
    return [
        5000 + number, customer, f"P{clock.randint(0, 29):02}", f"{day:%d.%m.%Y}", amount,
        clock.choice(["01067", "50667"]), f"{closed:%d.%m.%Y}", clock.choice(["ja; gut", "na ja"]), outcome,
    ]  # fmt: skip


def write_csv(path, header, rows):
    """Write a plain CSV file; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [header, *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def proposed(path, target, **options):
    """Draft a workflow and read it as a run would: the draft, and the workflow."""
    made = draft(path, target=target, out=path.parent / "out", **options)
    return made, loads(write(made), file=made.file)
