#!/usr/bin/env python3
"""Writes the companies that the questions are asked of: companies.py PACIOLI DIR

Three are invented here, each of another shape, as SQLite databases DIR/NAME.sqlite: a wholesaler whose
tables and columns are German, a service firm, and a chain of shops whose names are abbreviated. The
fourth is the demo company that PACIOLI itself writes, as CSV files in DIR/demo and once more in
DIR/gold/demo.sqlite for the gold queries. The same bytes of data every time: no clock, no randomness
but a generator of our own; every name is put together from syllables.
"""

import csv
import datetime as dt
import pathlib
import shutil
import sqlite3
import subprocess
import sys

FIRST, LAST = dt.date(2024, 1, 1), dt.date(2025, 12, 31)


class Numbers:
    """SplitMix64, as in the demo's generator."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        mixed = self.state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & mask
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & mask
        return mixed ^ (mixed >> 31)

    def between(self, low, high):
        return low + self.next() % (high - low + 1)

    def chance(self, percent):
        return self.next() % 100 < percent

    def pick(self, items):
        return items[self.next() % len(items)]

    def often_first(self, items):
        """The first more often than the last."""
        return items[min(self.next() % len(items), self.next() % len(items))]


def names(numbers, count, endings):
    """So many different names of two syllables and an ending."""
    first = ["Bar", "Dol", "Fen", "Gor", "Hal", "Kes", "Lun", "Mir", "Nor", "Pel", "Rud", "Sol", "Tam", "Vel", "Wim", "Zor"]
    second = ["ana", "beck", "dorf", "ero", "field", "gard", "ilo", "kamp", "lin", "mar", "nau", "ost", "rik", "tal", "und", "wick"]
    found = []
    while len(found) < count:
        name = numbers.pick(first) + numbers.pick(second) + (" " + numbers.pick(endings) if endings else "")
        if name not in found:
            found.append(name)
    return found


def days(first=FIRST, last=LAST):
    return [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]


def cents(amount):
    return round(amount) / 100


def table(db, statement, rows):
    """Creates a table by its statement and fills it."""
    db.execute(statement)
    name = statement.split("(")[0].split()[-1]
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        db.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)


def wholesaler(db):
    """German names, keys without declared references, amounts in one currency."""
    n = Numbers(11)
    groups = ["Werkzeug", "Farben", "Sanitär", "Elektro", "Garten"]
    makers = names(n, 8, ["GmbH", "AG", "KG"])
    countries = ["Deutschland", "Österreich", "Schweiz", "Polen"]
    table(db, "CREATE TABLE lieferanten (lieferantennr TEXT PRIMARY KEY, name TEXT, land TEXT, lieferzeit_tage INTEGER)",
          [(f"L{i:03}", name, n.pick(countries), n.between(3, 21)) for i, name in enumerate(makers, 1)])
    things = [f"{name} {what}" for name, what in zip(names(n, 40, None), ["Bohrer", "Lack", "Hahn", "Kabel", "Schere"] * 8)]
    articles = []
    for i, thing in enumerate(things, 1):
        cost = n.between(250, 9000)
        articles.append((f"A{i:04}", thing, groups[(i - 1) % 5], f"L{n.between(1, 8):03}", cents(cost), cents(cost * n.between(130, 190) / 100)))
    table(db, "CREATE TABLE artikel (artikelnr TEXT PRIMARY KEY, bezeichnung TEXT, warengruppe TEXT, lieferantennr TEXT, einkaufspreis REAL, verkaufspreis REAL)", articles)
    towns = ["Nordau", "Ostheim", "Sundtal", "Westerbeck", "Mittelau"]
    kinds = ["Handwerk", "Handel", "Industrie", "Kommune"]
    customers = [(f"K{i:04}", name, n.pick(towns), n.often_first(countries), n.often_first(kinds), str(n.pick(days(dt.date(2019, 1, 1), dt.date(2025, 10, 1)))))
                 for i, name in enumerate(names(n, 45, ["Bau", "Handel", "Technik", "Service"]), 1)]
    table(db, "CREATE TABLE kunden (kundennr TEXT PRIMARY KEY, name TEXT, ort TEXT, land TEXT, kundengruppe TEXT, kunde_seit DATE)", customers)
    people = [f"{a} {b}" for a, b in zip(["Anna", "Jonas", "Lena", "Paul", "Mara"], names(n, 5, None))]
    table(db, "CREATE TABLE vertreter (vertreternr TEXT PRIMARY KEY, name TEXT, gebiet TEXT)",
          [(f"V{i}", name, area) for i, (name, area) in enumerate(zip(people, ["Nord", "Ost", "Süd", "West", "Mitte"]), 1)])
    orders, lines, invoices = [], [], []
    for day in days():
        if day.weekday() == 6:
            continue
        for _ in range(n.between(0, 3)):
            number = f"AU{len(orders) + 1:05}"
            customer = n.often_first(customers)[0]
            status = "storniert" if n.chance(5) else ("offen" if (LAST - day).days < n.between(0, 25) else "geliefert")
            orders.append((number, customer, f"V{n.between(1, 5)}", str(day), status))
            total = 0
            for pos in range(1, n.between(2, 5)):
                article = n.often_first(articles)
                amount, price = n.between(1, 40), round(article[5] * (100 - n.pick([0, 0, 5, 10])))
                lines.append((number, pos, article[0], amount, cents(price), cents(amount * price)))
                total += amount * price
            if status == "geliefert":
                billed = day + dt.timedelta(days=n.between(1, 6))
                due = billed + dt.timedelta(days=30)
                paid = due + dt.timedelta(days=n.between(-20, 25))
                if billed <= LAST:
                    invoices.append((f"RE{len(invoices) + 1:05}", number, customer, str(billed), str(due), cents(total), str(paid) if paid <= LAST and not n.chance(4) else None))
    table(db, "CREATE TABLE auftraege (auftragsnr TEXT PRIMARY KEY, kundennr TEXT, vertreternr TEXT, auftragsdatum DATE, status TEXT)", orders)
    table(db, "CREATE TABLE auftragspositionen (auftragsnr TEXT, position INTEGER, artikelnr TEXT, menge INTEGER, einzelpreis REAL, betrag REAL, PRIMARY KEY (auftragsnr, position))", lines)
    table(db, "CREATE TABLE rechnungen (rechnungsnr TEXT PRIMARY KEY, auftragsnr TEXT, kundennr TEXT, rechnungsdatum DATE, faellig_am DATE, betrag REAL, bezahlt_am DATE)", invoices)
    stock = [(a[0], place, n.between(0, 120) if n.chance(90) else 0) for a in articles for place in ["Hauptlager", "Nebenlager"]]
    table(db, "CREATE TABLE lagerbestand (artikelnr TEXT, lager TEXT, menge INTEGER, PRIMARY KEY (artikelnr, lager))", stock)


def agency(db):
    """A service firm: projects, time sheets, invoices; references declared, nothing said of meaning."""
    n = Numbers(22)
    clients = [(i, name, n.often_first(["Retail", "Health", "Energy", "Finance", "Public sector"]), n.pick(["Ireland", "Norway", "Spain"]), str(n.pick(days(dt.date(2018, 1, 1), dt.date(2025, 6, 1)))))
               for i, name in enumerate(names(n, 22, ["Group", "Partners", "Holding", "Labs"]), 1)]
    table(db, "CREATE TABLE clients (id INTEGER PRIMARY KEY, name TEXT, industry TEXT, country TEXT, client_since DATE)", clients)
    roles = {"Junior": 80, "Senior": 120, "Principal": 170}
    people = []
    for i, (first, last) in enumerate(zip(["Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gina", "Hugo", "Iris", "Jack", "Kira", "Liam"], names(n, 12, None)), 1):
        role = n.pick(list(roles))
        people.append((i, f"{first} {last}", role, n.pick(["Dublin", "Oslo", "Madrid"]), roles[role], str(n.pick(days(dt.date(2016, 1, 1), dt.date(2025, 9, 1))))))
    table(db, "CREATE TABLE consultants (id INTEGER PRIMARY KEY, name TEXT, role TEXT, office TEXT, hourly_rate INTEGER, hired_on DATE)", people)
    projects = []
    for i in range(1, 41):
        start = n.pick(days(FIRST, dt.date(2025, 10, 1)))
        end = start + dt.timedelta(days=n.between(60, 300))
        done = end <= LAST
        projects.append((i, n.often_first(clients)[0], f"Project {names(n, 1, None)[0]} {i}", n.pick(["Fixed price", "Time and material"]), str(start), str(end) if done else None, n.between(8, 60) * 10,
                         "finished" if done else n.pick(["running", "running", "on hold"])))
    table(db, "CREATE TABLE projects (id INTEGER PRIMARY KEY, client_id INTEGER REFERENCES clients(id), name TEXT, contract TEXT, started_on DATE, finished_on DATE, budget_hours INTEGER, status TEXT)", projects)
    entries, costs, invoices = [], [], []
    for day in days():
        if day.weekday() > 4:
            continue
        running = [p for p in projects if p[4] <= str(day) and (p[5] is None or p[5] >= str(day))]
        for person in people:
            if running and person[5] <= str(day) and n.chance(45):
                entries.append((len(entries) + 1, n.often_first(running)[0], person[0], str(day), n.between(2, 16) / 2, 1 if n.chance(82) else 0))
        if running and n.chance(30):
            costs.append((len(costs) + 1, n.pick(running)[0], n.pick(people)[0], str(day), n.often_first(["Travel", "Hotel", "Software", "Catering"]), cents(n.between(1500, 90000))))
        if day.day <= 2 or day.day in (15, 16):
            for project in running:
                if n.chance(30):
                    due = day + dt.timedelta(days=30)
                    paid = due + dt.timedelta(days=n.between(-25, 30))
                    invoices.append((f"INV-{len(invoices) + 1:04}", project[0], str(day), str(due), cents(n.between(200000, 2500000)), str(paid) if paid <= LAST and not n.chance(5) else None))
    table(db, "CREATE TABLE time_entries (id INTEGER PRIMARY KEY, project_id INTEGER REFERENCES projects(id), consultant_id INTEGER REFERENCES consultants(id), work_date DATE, hours REAL, billable INTEGER)", entries)
    table(db, "CREATE TABLE expenses (id INTEGER PRIMARY KEY, project_id INTEGER REFERENCES projects(id), consultant_id INTEGER REFERENCES consultants(id), spent_on DATE, category TEXT, amount REAL)", costs)
    table(db, "CREATE TABLE invoices (invoice_number TEXT PRIMARY KEY, project_id INTEGER REFERENCES projects(id), issued_on DATE, due_on DATE, amount REAL, paid_on DATE)", invoices)


def shops(db):
    """A chain of shops on an old system: abbreviated names, nothing declared but keys."""
    n = Numbers(33)
    towns = [("Harbour Street", "Portwick", "North"), ("Old Market", "Millbrook", "North"), ("Station", "Eastham", "East"), ("Riverside", "Portwick", "North"), ("Castle Square", "Southey", "South"), ("Mall", "Westbury", "South")]
    stores = [(f"S{i:02}", f"{name} {town}", town, region, str(n.pick(days(dt.date(2010, 1, 1), dt.date(2024, 3, 1))))) for i, (name, town, region) in enumerate(towns, 1)]
    table(db, "CREATE TABLE store_mst (store_id TEXT PRIMARY KEY, store_nm TEXT, city TEXT, rgn TEXT, open_dt DATE)", stores)
    vendors = [(f"V{i:02}", name, n.between(2, 14)) for i, name in enumerate(names(n, 6, ["Foods", "Goods", "Trading"]), 1)]
    table(db, "CREATE TABLE vend_mst (vend_id TEXT PRIMARY KEY, vend_nm TEXT, lead_days INTEGER)", vendors)
    items = []
    for i, name in enumerate(names(n, 36, ["Tea", "Soap", "Bread", "Candle", "Towel", "Jam"]), 1):
        cost = n.between(60, 1200)
        cat = {"Tea": "Grocery", "Bread": "Grocery", "Jam": "Grocery", "Soap": "Drugstore", "Candle": "Home", "Towel": "Home"}[name.split()[1]]
        items.append((f"I{i:03}", name, cat, f"V{n.between(1, 6):02}", cents(cost), cents(cost * n.between(140, 220) / 100)))
    table(db, "CREATE TABLE item_mst (item_id TEXT PRIMARY KEY, item_nm TEXT, catg TEXT, vend_id TEXT, unit_cst REAL, unit_prc REAL)", items)
    tickets, lines = [], []
    for day in days(dt.date(2025, 1, 1)):
        for store in stores:
            for _ in range(n.between(0, 2)):
                number = f"T{len(tickets) + 1:06}"
                tickets.append((number, store[0], str(day), n.often_first(["card", "cash", "voucher"])))
                for item in {n.often_first(range(36)) for _ in range(n.between(1, 5))}:
                    quantity, off = n.between(1, 4), n.pick([0, 0, 0, 50])
                    amount = round(items[item][5] * 100) * quantity - off
                    lines.append((number, items[item][0], quantity, cents(off), cents(amount)))
    table(db, "CREATE TABLE tkt_hdr (tkt_no TEXT PRIMARY KEY, store_id TEXT, tkt_dt DATE, pay_mthd TEXT)", tickets)
    table(db, "CREATE TABLE tkt_ln (tkt_no TEXT, item_id TEXT, qty INTEGER, disc_amt REAL, net_amt REAL, PRIMARY KEY (tkt_no, item_id))", lines)
    table(db, "CREATE TABLE inv_lvl (store_id TEXT, item_id TEXT, qty_oh INTEGER, reord_pt INTEGER, PRIMARY KEY (store_id, item_id))",
          [(s[0], i[0], 0 if n.chance(6) else n.between(1, 60), n.between(5, 20)) for s in stores for i in items])
    orders = []
    for day in days(dt.date(2025, 1, 1)):
        if day.weekday() == 0:
            for vendor in vendors:
                if n.chance(60):
                    due = day + dt.timedelta(days=vendor[2])
                    came = due + dt.timedelta(days=n.pick([-1, 0, 0, 0, 2, 6]))
                    arrived = came <= LAST
                    orders.append((f"P{len(orders) + 1:05}", vendor[0], n.pick(stores)[0], str(day), str(due), str(came) if arrived else None, "received" if arrived else "open", cents(n.between(5000, 250000))))
    table(db, "CREATE TABLE po_hdr (po_no TEXT PRIMARY KEY, vend_id TEXT, store_id TEXT, po_dt DATE, exp_dt DATE, rcv_dt DATE, po_stat TEXT, tot_amt REAL)", orders)


def demo(pacioli, folder):
    """The demo company's files, and a copy of them for the gold queries."""
    files = folder / "demo"
    subprocess.run([pacioli, "demo", files, "--scale", "0.05"], check=True, stdout=subprocess.DEVNULL)
    with sqlite3.connect(folder / "gold" / "demo.sqlite") as db:
        for path in sorted(files.glob("*.csv")):
            with open(path, newline="", encoding="utf-8") as file:
                header, *rows = csv.reader(file)
            # Numbers become numbers by the columns' affinity; an empty cell is null.
            columns = ", ".join(f"{name} NUMERIC" for name in header)
            table(db, f"CREATE TABLE {path.stem} ({columns})", [[cell if cell else None for cell in row] for row in rows])


def main():
    pacioli, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "gold").mkdir(parents=True)
    for write in (wholesaler, agency, shops):
        with sqlite3.connect(folder / f"{write.__name__}.sqlite") as db:
            write(db)
    for semantics in (pathlib.Path(__file__).parent / "companies").glob("*.toml"):
        shutil.copy(semantics, folder)
    demo(pacioli, folder)


if __name__ == "__main__":
    main()
