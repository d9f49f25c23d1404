use std::{io, path::Path};

use super::{
    calendar::{Period, Rates},
    catalogue::Catalogue,
    customers::Customers,
    events::Events,
    sheet::{DemoFile, Sheet},
    staff::Staff,
};

/// Pieces of a usual order line, in packs; what the first stock is reckoned with.
const PACKS_OF_A_LINE: i64 = 4;
/// Order lines of a usual day of a company of size 1.
const LINES_OF_A_DAY: i64 = 54;

/// What is settled before the first order comes in: the same for the whole period, and small.
pub(super) struct Company {
    pub(super) seed: u64,
    /// Millionths of a company with 60,000 order lines in three years.
    pub(super) size: i64,
    pub(super) period: Period,
    pub(super) catalogue: Catalogue,
    pub(super) customers: Customers,
    pub(super) staff: Staff,
    pub(super) rates: Rates,
    pub(super) events: Events,
}

impl Company {
    pub(super) fn new(seed: u64, size: u32, period: Period) -> Self {
        let mut catalogue = Catalogue::new(seed, period);
        let customers = Customers::new(seed, size.into(), period);
        let events = Events::new(period, &customers, &catalogue);
        catalogue.set_prices(seed, period, &events);
        let staff = Staff::new(seed, period);
        let rates = Rates::new(seed, period);
        Self { seed, size: size.into(), period, catalogue, customers, staff, rates, events }
    }

    /// Pieces of a product that a usual day asks for, in thousandths.
    pub(super) fn usual_demand(&self, product: usize) -> i64 {
        let product = &self.catalogue.products[product];
        let lines = self.size * LINES_OF_A_DAY / 1000 * self.catalogue.share(product) / 1_000_000;
        lines * PACKS_OF_A_LINE * product.pack
    }

    /// Writes the tables that do not change from day to day.
    pub(super) fn write(&self, directory: &Path) -> io::Result<Vec<DemoFile>> {
        let mut files = self.catalogue.write(directory)?;
        files.push(self.customers.write(directory, &self.staff, self.period)?);
        files.push(self.staff.write(directory)?);
        files.push(self.write_rates(directory)?);
        Ok(files)
    }

    fn write_rates(&self, directory: &Path) -> io::Result<DemoFile> {
        let header = ["rate_date", "from_currency", "to_currency", "rate"];
        let mut sheet = Sheet::create(directory, "exchange_rates", &header)?;
        for day in self.period.days() {
            let rate = self.rates.on(day);
            let rate = format!("{}.{:04}", rate / 10_000, rate % 10_000);
            sheet.row(&[&day, &"EUR", &"USD", &rate])?;
        }
        sheet.finish()
    }
}
