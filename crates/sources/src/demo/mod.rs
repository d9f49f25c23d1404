//! A trading company of our own invention, written as CSV files: to try Pacioli with, to test it and
//! to measure it. Nothing in it belongs to anybody; every name is put together from syllables.
//!
//! The same seed and scale give the same bytes on every machine: there is one small generator of
//! numbers, money is whole cents, and no clock is read. The books are written in one walk through the
//! days, so memory does not grow with the rows: customers, goods, staff and the goods on their way are
//! all there is, and each has an upper bound.
//!
//! How the tables hang together: `sales` is `order_lines` with the names of everything, one row for
//! one row; an order's lines add up to its invoice to the cent; a return is an order of its own with
//! negative quantities and a credit note; `stock` is the sum of `stock_moves` at each month's end. What
//! could not be delivered was not sold and stands in `stock_shortages`. Orders that had not arrived
//! by the last day have no invoice yet. Purchases that arrived are billed by their suppliers (`bills`) and
//! paid a month later; quotations lead to orders or to nothing; absences, expenses and production orders
//! stand by themselves.
//!
//! Some events are planted for an analysis to find. They are listed in [`DemoSummary::events`] and in
//! `truth/planted_events.csv`, apart from the data.

mod bills;
mod calendar;
mod catalogue;
mod company;
mod customers;
mod events;
mod house;
mod ledger;
mod money;
mod names;
mod orders;
mod purchases;
mod quotations;
mod returns;
mod rng;
mod sales;
mod sheet;
mod staff;
mod stock;
#[cfg(test)]
mod tests;

use std::{fs, io, path::Path};

use chrono::NaiveDate;

use calendar::Period;
use company::Company;
use events::Effects;
pub use events::{EventKind, PlantedEvent};
use house::House;
use ledger::Ledger;
use orders::{Order, Orders};
use purchases::Purchases;
use quotations::Quotations;
use returns::Returns;
use sales::Sales;
pub use sheet::DemoFile;
use stock::Stock;

/// Which company to invent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DemoOptions {
    /// Another seed, another company.
    pub seed: u64,
    /// 1 is about 60,000 order lines in three years; 0.01 to 100.
    pub scale: f64,
    /// The books begin on the first of January of this year.
    pub first_year: i32,
    /// Whole years, 1 to 20.
    pub years: u32,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self { seed: 1494, scale: 1.0, first_year: 2023, years: 3 }
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoSummary {
    /// The tables, by name.
    pub files: Vec<DemoFile>,
    /// What was planted, by date.
    pub events: Vec<PlantedEvent>,
    /// The first day of the books.
    pub first_day: NaiveDate,
    /// The last day of the books.
    pub last_day: NaiveDate,
}

/// Writes the company's books into a folder, which is made if need be; files of the same names are
/// replaced. Fails with [`io::ErrorKind::InvalidInput`] when an option is out of its range.
pub fn write(directory: &Path, options: &DemoOptions) -> io::Result<DemoSummary> {
    let (size, period) = check(options)?;
    let truth = directory.join("truth");
    fs::create_dir_all(&truth)?;
    let company = Company::new(options.seed, size, period);
    let mut files = company.write(directory)?;
    let mut books = Books::open(directory, &company)?;
    for day in period.days() {
        books.write_day(day)?;
    }
    let (written, effects) = books.finish()?;
    files.extend(written);
    files.sort_by(|one, other| one.name.cmp(&other.name));
    let events = effects.write(&truth)?;
    Ok(DemoSummary { files, events, first_day: period.first, last_day: period.last })
}

/// The company's size in millionths, and its days.
fn check(options: &DemoOptions) -> io::Result<(u32, Period)> {
    let invalid = |text| io::Error::new(io::ErrorKind::InvalidInput, text);
    if !(0.01..=100.0).contains(&options.scale) {
        return Err(invalid("the scale must lie between 0.01 and 100"));
    }
    if !(1..=20).contains(&options.years) || !(1900..=2200).contains(&options.first_year) {
        return Err(invalid("the books cover 1 to 20 years, from 1900 to 2200 on"));
    }
    let period = Period::new(options.first_year, options.years);
    let period = period.ok_or_else(|| invalid("the calendar does not hold these years"))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between ten thousand and a hundred million"
    )]
    let size = (options.scale * 1_000_000.0).round() as u32;
    Ok((size, period))
}

/// Everything that is written day by day.
struct Books<'a> {
    orders: Orders<'a>,
    returns: Returns<'a>,
    stock: Stock<'a>,
    purchases: Purchases<'a>,
    sales: Sales<'a>,
    ledger: Ledger<'a>,
    quotations: Quotations<'a>,
    house: House<'a>,
    effects: Effects<'a>,
}

impl<'a> Books<'a> {
    fn open(directory: &Path, company: &'a Company) -> io::Result<Self> {
        Ok(Self {
            orders: Orders::new(company),
            returns: Returns::new(company),
            stock: Stock::open(directory, company)?,
            purchases: Purchases::open(directory, company)?,
            sales: Sales::open(directory, company)?,
            ledger: Ledger::open(directory, company)?,
            quotations: Quotations::open(directory, company)?,
            house: House::open(directory, company)?,
            effects: Effects::new(&company.events),
        })
    }

    fn write_day(&mut self, day: NaiveDate) -> io::Result<()> {
        self.stock.open_day(day)?;
        for order in self.returns.take(day, &mut self.stock)? {
            self.enter(&order)?;
        }
        for _ in 0..self.orders.open_day(day) {
            if let Some(order) = self.orders.take(day, &mut self.stock)? {
                self.returns.foresee(&order);
                self.enter(&order)?;
            }
        }
        self.write_bulk_order(day)?;
        self.stock.close_day(day)?;
        self.house.write_day(day)?;
        self.purchases.restock(day, &mut self.stock)
    }

    fn write_bulk_order(&mut self, day: NaiveDate) -> io::Result<()> {
        let Some((mut order, product, quantity)) = self.orders.bulk(day) else { return Ok(()) };
        self.purchases.buy_for_today(day, product, quantity, &mut self.stock)?;
        self.stock.put(day, product, "sale", -quantity, &order.number)?;
        self.orders.add_line(&mut order, product, quantity);
        self.orders.accept(order).map_or(Ok(()), |order| self.enter(&order))
    }

    /// Enters an order into every book it belongs in.
    fn enter(&mut self, order: &Order<'_>) -> io::Result<()> {
        self.sales.write(order)?;
        self.ledger.bill(order)?;
        self.quotations.before(order)?;
        for line in &order.lines {
            self.effects.count(order.day, order.customer, line);
        }
        Ok(())
    }

    fn finish(self) -> io::Result<(Vec<DemoFile>, Effects<'a>)> {
        let mut files = self.stock.finish()?;
        files.extend(self.purchases.finish()?);
        files.extend(self.sales.finish()?);
        files.extend(self.ledger.finish()?);
        files.extend(self.house.finish()?);
        files.push(self.quotations.finish()?);
        Ok((files, self.effects))
    }
}
