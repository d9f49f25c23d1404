//! What goes on inside the company: who is away, what the house costs, what is packed into kits.

use std::{io, path::Path};

use chrono::{Datelike, Duration, NaiveDate};

use super::{
    calendar::is_month_end,
    company::Company,
    money::Cents,
    rng::Rng,
    sheet::{DemoFile, Sheet, optional},
};

/// Account number, account, department that answers for it, usual month in cents.
const ACCOUNTS: [(i64, &str, &str, i64); 8] = [
    (6100, "Rent", "Management", 1_450_000),
    (6200, "Energy", "Warehouse", 420_000),
    (6300, "Advertising", "Marketing", 780_000),
    (6400, "Travel", "Sales", 310_000),
    (6500, "Insurance", "Finance", 190_000),
    (6600, "Freight", "Warehouse", 940_000),
    (6700, "IT services", "IT", 360_000),
    (6800, "Repairs", "Warehouse", 150_000),
];

/// Kind of absence, of a thousand people a day, longest in days.
const ABSENCES: [(&str, i64, i64); 3] = [("sick", 5, 8), ("vacation", 7, 12), ("training", 1, 3)];

const WORK_CENTRES: [&str; 3] = ["Packing line 1", "Packing line 2", "Engraving"];

/// Absences, expenses and production orders.
pub(super) struct House<'a> {
    company: &'a Company,
    rng: Rng,
    /// Until when each person is away, and how many absences, expenses and orders were written.
    away_until: Vec<NaiveDate>,
    written: [i64; 3],
    absences: Sheet,
    expenses: Sheet,
    production: Sheet,
}

impl<'a> House<'a> {
    pub(super) fn open(directory: &Path, company: &'a Company) -> io::Result<Self> {
        let absences = ["absence_id", "employee_id", "kind", "first_day", "last_day", "days"];
        let expenses = [
            "expense_number",
            "expense_date",
            "account_number",
            "account",
            "department",
            "amount_eur",
        ];
        let production = [
            "production_number",
            "product_id",
            "work_centre",
            "start_date",
            "due_date",
            "finished_on",
            "planned_quantity",
            "produced_quantity",
            "scrapped_quantity",
            "status",
        ];
        Ok(Self {
            company,
            rng: Rng::new(company.seed, "house"),
            away_until: vec![company.period.first; company.staff.people().len()],
            written: [0; 3],
            absences: Sheet::create(directory, "absences", &absences)?,
            expenses: Sheet::create(directory, "expenses", &expenses)?,
            production: Sheet::create(directory, "production_orders", &production)?,
        })
    }

    pub(super) fn write_day(&mut self, day: NaiveDate) -> io::Result<()> {
        let weekday = day.weekday().num_days_from_monday();
        if weekday < 5 {
            self.send_away(day)?;
        }
        if weekday == 1 {
            self.pack(day)?;
        }
        if is_month_end(day) {
            self.pay(day)?;
        }
        Ok(())
    }

    fn next(&mut self, kind: usize) -> i64 {
        self.written[kind] += 1;
        self.written[kind]
    }

    fn send_away(&mut self, day: NaiveDate) -> io::Result<()> {
        for (place, person) in self.company.staff.people().iter().enumerate() {
            if !person.works_on(day) || self.away_until[place] >= day {
                continue;
            }
            for (kind, chance, longest) in ABSENCES {
                if !self.rng.chance(chance) {
                    continue;
                }
                let days = self.rng.between(1, longest);
                let last = day + Duration::days(days - 1);
                self.away_until[place] = last;
                let number = format!("AB{:05}", self.next(0));
                self.absences.row(&[&number, &person.id, &kind, &day, &last, &days])?;
                break;
            }
        }
        Ok(())
    }

    /// Each account has its month; prices rise, and no two months are the same.
    fn pay(&mut self, day: NaiveDate) -> io::Result<()> {
        let risen = 1000 + 30 * self.company.period.index(day) / 365;
        for (number, account, department, usual) in ACCOUNTS {
            let month = Cents(usual).per_mille(risen).per_mille(self.rng.between(900, 1100));
            let expense = format!("EX{:06}", self.next(1));
            self.expenses.row(&[&expense, &day, &number, &account, &department, &month])?;
        }
        Ok(())
    }

    /// Goods are packed into kits on Tuesdays; what is packed does not change the stock of pieces.
    fn pack(&mut self, day: NaiveDate) -> io::Result<()> {
        let period = self.company.period;
        for centre in WORK_CENTRES {
            let product = self.rng.pick(&self.company.catalogue.products);
            let planned = product.pack * self.rng.between(5, 40);
            let due = day + Duration::days(self.rng.between(4, 12));
            let finished =
                due + Duration::days([-1, 0, 1, 4][self.rng.weighted(&[300, 450, 150, 100])]);
            let finished = Some(finished).filter(|day| period.contains(*day));
            let scrapped =
                if finished.is_some() { planned * self.rng.between(0, 40) / 1000 } else { 0 };
            let produced = if finished.is_some() { planned - scrapped } else { 0 };
            let status = if finished.is_some() { "done" } else { "open" };
            let number = format!("MO{}-{:05}", day.year(), self.next(2));
            let finished = optional(finished);
            self.production.row(&[
                &number,
                &product.id,
                &centre,
                &day,
                &due,
                &finished,
                &planned,
                &produced,
                &scrapped,
                &status,
            ])?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> io::Result<Vec<DemoFile>> {
        Ok(vec![self.absences.finish()?, self.expenses.finish()?, self.production.finish()?])
    }
}
