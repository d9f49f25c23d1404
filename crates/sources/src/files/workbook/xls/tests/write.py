"""Writes orders.xls, the workbook that the tests of old Excel workbooks read.

    pip install xlwt==1.3.0 && python write.py

xlwt writes no values of formulas; Excel does, and so does this.
"""

import datetime
import struct

import xlwt
from xlwt import BIFFRecords, Cell

VALUES = {}  # by row and column: the value of a formula


def formula_data(cell):
    """A formula's record, and after a text's another with the text."""
    value = VALUES[cell.rowx, cell.colx]
    after = b""
    if isinstance(value, str):
        result = struct.pack("<B5xH", 0, 0xFFFF)
        text = struct.pack("<HB", len(value), 1) + value.encode("utf-16-le")
        after = struct.pack("<HH", 0x207, len(text)) + text
    elif isinstance(value, bool):
        result = struct.pack("<BxB3xH", 1, value, 0xFFFF)
    elif value is None:
        result = struct.pack("<BxB3xH", 2, 42, 0xFFFF)
    else:
        result = struct.pack("<d", value)
    rpn = cell.frmla.rpn()
    data = struct.pack("<3H", cell.rowx, cell.colx, cell.xf_idx) + result + struct.pack("<HL", 0, 0) + rpn
    return struct.pack("<HH", BIFFRecords.FormulaRecord._REC_ID, len(data)) + data + after


Cell.FormulaCell.get_biff_data = formula_data


def formula(sheet, row, column, text, value, style=xlwt.Style.default_style):
    VALUES[row, column] = value
    sheet.write(row, column, xlwt.Formula(text), style)


def looks(code):
    return xlwt.easyxf(num_format_str=code)


def orders(book):
    sheet = book.add_sheet("Orders")
    sheet.write(0, 0, "Orders of the first quarter")
    sheet.write_merge(2, 2, 1, 2, "Customer")
    for column, name in [(0, "Order"), (3, "Day"), (4, "At"), (5, "Amount"), (6, "Paid"), (7, "Spent"), (8, "Net"), (9, "Kind")]:
        sheet.write(2, column, name)
    for column, name in [(1, "Name"), (2, "City")]:
        sheet.write(3, column, name)
    day, moment, span = looks("dd.mm.yyyy"), looks("yyyy-mm-dd hh:mm:ss"), looks("[h]:mm:ss")
    rows = [
        ("A-1", "Müller", "Zürich", datetime.date(2024, 1, 31), 12.5, True),
        ("A-2", "Ωmega", "Αθήνα", datetime.date(2024, 2, 29), 1200, False),
        ("A-3", "Smith", "", datetime.date(2024, 3, 1), -0.07, True),
    ]
    for number, (order, name, city, date, amount, paid) in enumerate(rows):
        row = 4 + number
        sheet.write(row, 0, order)
        sheet.write(row, 1, name)
        if city:
            sheet.write(row, 2, city)
        sheet.write(row, 3, date, day)
        sheet.write(row, 4, datetime.datetime.combine(date, datetime.time(10, 30)), moment)
        sheet.write(row, 5, amount)
        sheet.write(row, 6, paid)
        sheet.write(row, 7, 1.5, span)
        formula(sheet, row, 8, "F%d*2" % (row + 1), amount * 2)
        formula(sheet, row, 9, '"sale"', "sale — ✓")
    sheet.write(7, 0, "Total")
    formula(sheet, 7, 5, "SUM(F5:F7)", 12.5 + 1200 - 0.07)
    formula(sheet, 7, 8, "SUM(I5:I7)", 2 * (12.5 + 1200 - 0.07))


def many(book):
    """Texts that go on from one record into the next, numbers side by side, an error."""
    sheet = book.add_sheet("Many")
    for column, name in enumerate(["Id", "Text", "Check"]):
        sheet.write(0, column, name)
    for row in range(1, 13):
        letter = "é" if row % 2 else "Ж"
        sheet.write(row, 0, row)
        sheet.write(row, 1, letter * (1000 + row))
        formula(sheet, row, 2, "1/0" if row == 5 else "1=1", None if row == 5 else True)


book = xlwt.Workbook(encoding="utf-8")
orders(book)
many(book)
book.add_sheet("Empty")
book.save("orders.xls")
