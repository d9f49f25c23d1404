#!/usr/bin/env python3
"""Writes the companies that the questions are asked of: companies.py PACIOLI DIR

Five are invented here, each of another shape, as SQLite databases DIR/NAME.sqlite: a wholesaler whose
tables and columns are German, a service firm, a chain of shops whose names are abbreviated, hotels with
camelCase names, and a vehicle workshop. The sixth is the demo company that PACIOLI itself writes, as CSV
files in DIR/demo and once more in DIR/gold/demo.sqlite for the gold queries. The same bytes of data every
time: no clock, no randomness but a generator of our own; every name is put together from syllables.
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


def hotels(db):
    """Three hotels on a booking system: camelCase names, references declared, nothing said of meaning."""
    n = Numbers(44)
    houses = [(1, "Harbour House", "Seahaven", 4, "2004-05-01"), (2, "Park Lodge", "Elmstead", 3, "2011-03-15"), (3, "Grand Pier", "Seahaven", 5, "1998-06-20")]
    table(db, "CREATE TABLE hotels (hotelId INTEGER PRIMARY KEY, hotelName TEXT, city TEXT, stars INTEGER, openedOn DATE)", houses)
    types = [("SGL", "Single", 1, 79.0), ("DBL", "Double", 2, 109.0), ("FAM", "Family", 4, 149.0), ("STE", "Suite", 3, 229.0)]
    table(db, "CREATE TABLE room_types (typeCode TEXT PRIMARY KEY, typeName TEXT, maxGuests INTEGER, baseRate REAL)", types)
    rooms = [(i, house[0], n.often_first(["DBL", "SGL", "FAM", "STE"]), str(100 * floor + door), floor, int(n.chance(35)), int(n.chance(12)))
             for i, (house, floor, door) in enumerate([(h, f, d) for h in houses for f in (1, 2, 3) for d in (1, 2, 3)], 1)]
    table(db, "CREATE TABLE rooms (roomId INTEGER PRIMARY KEY, hotelId INTEGER REFERENCES hotels(hotelId), typeCode TEXT REFERENCES room_types(typeCode), roomNo TEXT, floorNo INTEGER, seaView INTEGER, outOfService INTEGER)", rooms)
    guests = []
    for i, family in enumerate(names(n, 90, None), 1):
        first = n.pick(["Alma", "Bruno", "Clara", "David", "Elsa", "Frank", "Greta", "Henrik", "Ida", "Jon"])
        guests.append((i, first, family, f"{first}.{family}@example.org".lower() if n.chance(85) else None, n.often_first(["Germany", "Ireland", "Norway", "Spain", "Poland"]),
                       str(n.pick(days(dt.date(1945, 1, 1), dt.date(2004, 12, 31)))), int(n.chance(12))))
    table(db, "CREATE TABLE guests (guestId INTEGER PRIMARY KEY, firstName TEXT, lastName TEXT, email TEXT, country TEXT, dateOfBirth DATE, isVip INTEGER)", guests)
    stays, rates = [], {code: rate for code, _, _, rate in types}
    for room in rooms:
        day = FIRST + dt.timedelta(days=n.between(0, 20))
        while day < dt.date(2026, 2, 15):
            leaves, booked = day + dt.timedelta(days=n.between(1, 7)), day - dt.timedelta(days=n.between(0, 90))
            if booked <= LAST:
                status = "cancelled" if n.chance(11) else "no-show" if day <= LAST and n.chance(3) else "confirmed" if day > LAST else "in house" if leaves > LAST else "checked out"
                price = round(rates[room[2]] * n.pick([85, 95, 100, 100, 120]))
                stays.append((str(booked), n.often_first(guests[:80])[0], room[0], str(day), str(leaves), n.between(1, 2), n.between(0, 2) if room[2] == "FAM" else 0,
                              n.often_first(["Portal", "Direct", "Travel agent", "Phone"]), status, cents(price), cents(price * (leaves - day).days)))
            day = leaves + dt.timedelta(days=n.between(1, 40))
    bookings = [(i, guest, room, booked, *rest) for i, (booked, guest, room, *rest) in enumerate(sorted(stays), 1)]
    table(db, "CREATE TABLE bookings (bookingId INTEGER PRIMARY KEY, guestId INTEGER REFERENCES guests(guestId), roomId INTEGER REFERENCES rooms(roomId), bookedOn DATE, checkIn DATE, checkOut DATE, adults INTEGER, children INTEGER, channel TEXT, bookingStatus TEXT, pricePerNight REAL, totalPrice REAL)", bookings)
    extras = [(1, "Breakfast", 16.0), (2, "Parking", 12.0), (3, "Spa", 45.0), (4, "Late checkout", 30.0), (5, "Airport shuttle", 38.0)]
    table(db, "CREATE TABLE extras (extraId INTEGER PRIMARY KEY, extraName TEXT, unitPrice REAL)", extras)
    taken, invoices, payments = [], [], []
    for booking in bookings:
        used = sorted({n.often_first(extras[:4]) for _ in range(n.between(0, 2))}) if booking[8] != "cancelled" else []
        for extra in used:
            quantity = n.between(1, 4)
            taken.append((booking[0], extra[0], quantity, quantity * extra[2]))
        if booking[9] in ("checked out", "no-show"):
            billed = dt.date.fromisoformat(booking[5])
            if billed <= LAST:
                net = round(100 * (booking[11] + sum(line[3] for line in taken if line[0] == booking[0])))
                number, due, gross = f"F{len(invoices) + 1:05}", billed + dt.timedelta(days=14), net + net * 7 // 100
                invoices.append((number, booking[0], str(billed), str(due), cents(net), cents(gross - net), cents(gross)))
                parts = [gross] if n.chance(85) else [gross // 2, gross - gross // 2]
                for part in parts if n.chance(94) else parts[1:]:
                    paid = billed + dt.timedelta(days=n.between(0, 24))
                    if paid <= LAST:
                        payments.append((len(payments) + 1, number, str(paid), n.often_first(["card", "transfer", "cash"]), cents(part)))
    table(db, "CREATE TABLE booking_extras (bookingId INTEGER REFERENCES bookings(bookingId), extraId INTEGER REFERENCES extras(extraId), quantity INTEGER, amount REAL, PRIMARY KEY (bookingId, extraId))", taken)
    table(db, "CREATE TABLE invoices (invoiceNo TEXT PRIMARY KEY, bookingId INTEGER REFERENCES bookings(bookingId), issuedOn DATE, dueOn DATE, netAmount REAL, vatAmount REAL, grossAmount REAL)", invoices)
    table(db, "CREATE TABLE payments (paymentId INTEGER PRIMARY KEY, invoiceNo TEXT REFERENCES invoices(invoiceNo), paidOn DATE, method TEXT, amount REAL)", payments)
    staff = []
    for i, family in enumerate(names(n, 21, None)):
        house, position = i % 3 + 1, "Hotel manager" if i < 3 else n.pick(["Receptionist", "Housekeeper", "Housekeeper", "Cook", "Porter"])
        wage = n.between(3900, 5200) if i < 3 else n.between(1900, 3300) + (1500 if i == 10 else 0)
        staff.append((i + 1, n.pick(["Nora", "Oskar", "Petra", "Quinn", "Rosa", "Stefan", "Tilda", "Uwe"]), family, position, house, None if i < 3 else house, str(n.pick(days(dt.date(2012, 1, 1), dt.date(2025, 9, 1)))), "2025-10-31" if i in (8, 15) else None, wage))
    table(db, "CREATE TABLE staff (staffId INTEGER PRIMARY KEY, firstName TEXT, lastName TEXT, position TEXT, hotelId INTEGER REFERENCES hotels(hotelId), managerId INTEGER REFERENCES staff(staffId), hiredOn DATE, leftOn DATE, monthlyWage REAL)", staff)
    tasks = []
    for day in days(dt.date(2025, 10, 1)):
        for room in rooms:
            if n.chance(22):
                keeper = n.pick([one for one in staff if one[3] == "Housekeeper" and (one[7] is None or one[7] >= str(day))])
                tasks.append((len(tasks) + 1, room[0], keeper[0], str(day), n.between(15, 60), int((LAST - day).days > 1 or n.chance(50))))
    table(db, "CREATE TABLE cleaning_tasks (taskId INTEGER PRIMARY KEY, roomId INTEGER REFERENCES rooms(roomId), staffId INTEGER REFERENCES staff(staffId), taskDate DATE, durationMin INTEGER, isDone INTEGER)", tasks)


def garage(db):
    """A vehicle workshop: short names, keys without declared references, nothing said of meaning."""
    n = Numbers(55)
    towns = ["Nordley", "Hamwick", "Brookton", "Fernhill"]
    owners = [(1000 + i, name if kind == "business" else f"{n.pick(['Alan', 'Beth', 'Carl', 'Dora', 'Emil', 'Faye'])} {name.split()[0]}", kind, n.often_first(towns), f"0{n.between(200, 899)} {n.between(10000, 99999)}", str(n.pick(days(dt.date(2015, 1, 1), dt.date(2025, 11, 1)))))
              for i, (name, kind) in enumerate([(name, "business" if n.chance(35) else "private") for name in names(n, 60, ["Haulage", "Builders", "Catering"])], 1)]
    table(db, "CREATE TABLE cust (cust_no INTEGER PRIMARY KEY, cust_name TEXT, cust_type TEXT, town TEXT, phone TEXT, cust_since DATE)", owners)
    models = {"Falk": ["City", "Tour"], "Orion": ["Van", "Kombi"], "Sabo": ["Mini", "GT"], "Teral": ["Pickup"]}
    vehicles = []
    for i in range(1, 86):
        make = n.often_first(list(models))
        vehicles.append((i, f"{n.pick(['NL', 'HW', 'BT'])}-{n.between(100, 999)}-{chr(65 + i % 26)}", n.often_first(owners[:52])[0], make, n.pick(models[make]), n.between(2008, 2024), n.between(5, 240) * 1000, n.often_first(["diesel", "petrol", "electric"])))
    table(db, "CREATE TABLE veh (veh_id INTEGER PRIMARY KEY, reg_no TEXT, cust_no INTEGER, make TEXT, model TEXT, yr_built INTEGER, mileage_km INTEGER, fuel TEXT)", vehicles)
    people = []
    for i, family in enumerate(names(n, 9, None), 1):
        grade = "Master" if i < 3 else n.pick(["Mechanic", "Mechanic", "Apprentice"])
        people.append((i, f"{n.pick(['Gus', 'Hal', 'Ivy', 'Joe', 'Kim', 'Lou'])} {family}", grade, {"Master": 46.0, "Mechanic": 34.0, "Apprentice": 18.0}[grade] + n.between(-3, 3), None if i == 1 else 1 if i == 2 else 1 + i % 2, str(n.pick(days(dt.date(2010, 1, 1), dt.date(2025, 6, 1)))), "2025-06-30" if i == 7 else None))
    table(db, "CREATE TABLE mech (emp_no INTEGER PRIMARY KEY, full_name TEXT, grade TEXT, hourly_cost REAL, boss_emp_no INTEGER, start_dt DATE, end_dt DATE)", people)
    sellers = [(f"S{i}", name, n.pick(["Germany", "Italy", "Czechia"]), n.between(1, 12)) for i, name in enumerate(names(n, 6, ["Parts", "Autoteile", "Supply"]), 1)]
    table(db, "CREATE TABLE supp (supp_no TEXT PRIMARY KEY, supp_name TEXT, country TEXT, lead_days INTEGER)", sellers)
    kinds = {"Brake pad": "Brakes", "Brake disc": "Brakes", "Oil filter": "Filters", "Air filter": "Filters", "Battery": "Electrics", "Bulb": "Electrics", "Tyre": "Wheels", "Wheel bearing": "Wheels", "Engine oil": "Fluids", "Coolant": "Fluids"}
    parts = []
    for i in range(1, 31):
        what = list(kinds)[(i - 1) % 10]
        cost = n.between(300, 12000)
        parts.append((f"P-{i:03}", f"{what} {names(n, 1, None)[0]}", kinds[what], cents(cost), cents(cost * n.between(125, 180) / 100), 0 if n.chance(10) else n.between(1, 60), n.between(3, 20), int(n.chance(12))))
    table(db, "CREATE TABLE part (part_no TEXT PRIMARY KEY, part_desc TEXT, part_grp TEXT, cost_price REAL, sell_price REAL, qty_on_hand INTEGER, min_qty INTEGER, discontinued INTEGER)", parts)
    offers = []
    for part in parts:
        for at, seller in enumerate(sorted({n.pick(sellers[:5]) for _ in range(n.between(1, 3))})):
            offers.append((part[0], seller[0], cents(part[3] * n.between(92, 108)), int(at == 0)))
    table(db, "CREATE TABLE part_supp (part_no TEXT, supp_no TEXT, supp_price REAL, is_pref INTEGER, PRIMARY KEY (part_no, supp_no))", offers)
    jobs, work, bills = [], [], []
    for day in days():
        if day.weekday() == 6 or not n.chance(70):
            continue
        vehicle, number = n.often_first(vehicles[:76]), 24000 + len(jobs) + 1
        promised = day + dt.timedelta(days=n.between(1, 6))
        closed = promised + dt.timedelta(days=n.pick([-1, 0, 0, 0, 1, 4]))
        status = "cancelled" if n.chance(4) else "closed" if closed <= LAST else n.pick(["open", "waiting for parts"])
        jobs.append((number, vehicle[0], n.often_first(["Service", "Repair", "Inspection", "Bodywork"]), str(day), str(promised), str(max(closed, day)) if status == "closed" else None, status, vehicle[6] - n.between(0, 4000)))
        if status == "cancelled":
            continue
        lines = []
        for _ in range(n.between(1, 2)):
            lines.append(("labour", None, n.pick([one for one in people if one[5] <= str(day) and (one[6] is None or one[6] >= str(day))])[0], n.between(1, 12) / 2, n.pick([78.0, 88.0])))
        for part in sorted({n.often_first(parts[:27]) for _ in range(n.between(0, 3))}):
            lines.append(("part", part[0], None, n.between(1, 4), part[4]))
        lines.sort(key=str)
        work += [(number, at, kind, part, person, count, price, cents(count * price * 100)) for at, (kind, part, person, count, price) in enumerate(lines, 1)]
        if status == "closed":
            net = round(sum(count * price * 100 for _, _, _, count, price in lines))
            billed = max(closed, day) + dt.timedelta(days=n.between(0, 3))
            if billed <= LAST:
                due = billed + dt.timedelta(days=21)
                paid = due + dt.timedelta(days=n.between(-20, 18))
                bills.append((f"R{len(bills) + 1:05}", number, vehicle[2], str(billed), str(due), cents(net), cents(net * 0.19), cents(net + round(net * 0.19)), str(paid) if paid <= LAST and not n.chance(4) else None))
    table(db, "CREATE TABLE job (job_no INTEGER PRIMARY KEY, veh_id INTEGER, job_type TEXT, opened_dt DATE, promised_dt DATE, closed_dt DATE, job_stat TEXT, odometer INTEGER)", jobs)
    table(db, "CREATE TABLE job_line (job_no INTEGER, line_no INTEGER, line_type TEXT, part_no TEXT, emp_no INTEGER, qty REAL, unit_prc REAL, line_tot REAL, PRIMARY KEY (job_no, line_no))", work)
    table(db, "CREATE TABLE inv (inv_no TEXT PRIMARY KEY, job_no INTEGER, cust_no INTEGER, inv_dt DATE, due_dt DATE, net_amt REAL, vat_amt REAL, gross_amt REAL, paid_dt DATE)", bills)
    orders, ordered = [], []
    for day in days():
        if day.weekday() in (1, 4) and n.chance(45):
            seller = n.often_first(sellers[:5])
            expected = day + dt.timedelta(days=seller[3])
            came = expected + dt.timedelta(days=n.pick([-1, 0, 0, 1, 3, 8]))
            number = f"PO{len(orders) + 1:04}"
            orders.append((number, seller[0], str(day), str(expected), str(came) if came <= LAST else None, "received" if came <= LAST else "ordered"))
            can = [offer for offer in offers if offer[1] == seller[0]]
            for at, offer in enumerate(sorted({n.pick(can) for _ in range(n.between(1, 4))}), 1):
                ordered.append((number, at, offer[0], n.between(2, 30), offer[2]))
    table(db, "CREATE TABLE purch (purch_no TEXT PRIMARY KEY, supp_no TEXT, order_dt DATE, expct_dt DATE, rcvd_dt DATE, purch_stat TEXT)", orders)
    table(db, "CREATE TABLE purch_line (purch_no TEXT, line_no INTEGER, part_no TEXT, qty INTEGER, unit_cost REAL, PRIMARY KEY (purch_no, line_no))", ordered)


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
    for write in (wholesaler, agency, shops, hotels, garage):
        with sqlite3.connect(folder / f"{write.__name__}.sqlite") as db:
            write(db)
    for semantics in (pathlib.Path(__file__).parent / "companies").glob("*.toml"):
        shutil.copy(semantics, folder)
    demo(pacioli, folder)


if __name__ == "__main__":
    main()
