use std::{io, path::Path};

use chrono::{Datelike, Duration};

use super::{
    company::Company,
    money::Cents,
    orders::Order,
    rng::Rng,
    sheet::{DemoFile, Sheet},
};

/// Days that a quotation binds the company.
const VALID_DAYS: i64 = 30;
/// Of a thousand orders taken in person so many were quoted before.
const QUOTED: i64 = 550;
/// And so many quotations of the same size came to nothing.
const IN_VAIN: i64 = 240;

/// Quotations: those that became orders, and those that did not.
pub(super) struct Quotations<'a> {
    company: &'a Company,
    rng: Rng,
    written: i64,
    sheet: Sheet,
}

impl<'a> Quotations<'a> {
    pub(super) fn open(directory: &Path, company: &'a Company) -> io::Result<Self> {
        let header = [
            "quotation_number",
            "quotation_date",
            "valid_until",
            "customer_id",
            "salesperson_id",
            "amount_eur",
            "status",
            "order_number",
        ];
        let rng = Rng::new(company.seed, "quotations");
        let sheet = Sheet::create(directory, "quotations", &header)?;
        Ok(Self { company, rng, written: 0, sheet })
    }

    /// Writes what was quoted before an order, and now and then something that was quoted in vain.
    pub(super) fn before(&mut self, order: &Order<'_>) -> io::Result<()> {
        let in_person = matches!(order.channel, "Field sales" | "Phone");
        if order.returned_from.is_some() || !in_person {
            return Ok(());
        }
        if self.rng.chance(QUOTED) {
            self.write(order, "confirmed", &order.number)?;
        }
        if self.rng.chance(IN_VAIN) {
            let late = self.company.period.last - order.day < Duration::days(VALID_DAYS);
            let status =
                if late { "open" } else { ["expired", "rejected"][self.rng.weighted(&[600, 400])] };
            self.write(order, status, "")?;
        }
        Ok(())
    }

    fn write(&mut self, order: &Order<'_>, status: &str, number: &str) -> io::Result<()> {
        let sold: Cents = order.lines.iter().map(|line| line.revenue).sum();
        let amount =
            if status == "confirmed" { sold } else { sold.per_mille(self.rng.between(600, 1600)) };
        let day = order.day - Duration::days(self.rng.between(2, 21));
        let day = day.max(self.company.period.first);
        let until = day + Duration::days(VALID_DAYS);
        self.written += 1;
        let quotation = format!("QU{}-{:06}", day.year(), self.written);
        let (customer, seller) = (&order.customer.id, &order.seller.id);
        self.sheet.row(&[&quotation, &day, &until, customer, seller, &amount, &status, &number])
    }

    pub(super) fn finish(self) -> io::Result<DemoFile> {
        self.sheet.finish()
    }
}
