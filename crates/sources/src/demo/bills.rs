use std::{io, path::Path};

use chrono::{Datelike, Duration, NaiveDate};

use super::{
    company::Company,
    money::Cents,
    rng::Rng,
    sheet::{DemoFile, Sheet, optional},
};

/// Days that suppliers give the company to pay.
const TERMS_DAYS: i64 = 30;

/// What suppliers bill for goods that have arrived, and what was paid of it by the end of the period.
pub(super) struct Bills<'a> {
    company: &'a Company,
    rng: Rng,
    issued: i64,
    sheet: Sheet,
}

impl<'a> Bills<'a> {
    pub(super) fn open(directory: &Path, company: &'a Company) -> io::Result<Self> {
        let header = [
            "bill_number",
            "purchase_number",
            "supplier_id",
            "bill_date",
            "due_date",
            "amount_eur",
            "paid_amount_eur",
            "paid_on",
            "status",
        ];
        let rng = Rng::new(company.seed, "bills");
        Ok(Self { company, rng, issued: 0, sheet: Sheet::create(directory, "bills", &header)? })
    }

    /// Bills a purchase some days after it has arrived, if that is before the books end.
    pub(super) fn bill(
        &mut self,
        (purchase, supplier): (&str, &str),
        received: NaiveDate,
        amount: Cents,
    ) -> io::Result<()> {
        let period = self.company.period;
        let date = received + Duration::days(self.rng.between(0, 12));
        let due = date + Duration::days(TERMS_DAYS);
        let paid = due + Duration::days(self.rng.between(-5, 6));
        if !period.contains(date) {
            return Ok(());
        }
        self.issued += 1;
        let number = format!("BILL{}-{:06}", date.year(), self.issued);
        let paid_on = Some(paid).filter(|day| period.contains(*day));
        let (paid, status) = if paid_on.is_some() { (amount, "paid") } else { (Cents(0), "open") };
        let paid_on = optional(paid_on);
        self.sheet
            .row(&[&number, &purchase, &supplier, &date, &due, &amount, &paid, &paid_on, &status])
    }

    pub(super) fn finish(self) -> io::Result<DemoFile> {
        self.sheet.finish()
    }
}
