use std::{io, path::Path};

use chrono::{Datelike, Months, NaiveDate};
use pacioli_model::Decimal;

use super::{
    calendar::Period,
    catalogue::{CATEGORIES, Catalogue, GARDEN, KITCHEN, LIGHTING, OUTDOOR, Product, WORKSHOP},
    customers::{Customer, Customers, REGIONS, SOUTH},
    money::Cents,
    orders::Line,
    sheet::{Sheet, optional},
};

/// What kind of thing was planted in the books for an analysis to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// A large customer stops ordering and does not come back.
    LostCustomer,
    /// The list prices of a category rise on one day, on top of the usual January rise.
    PriceRise,
    /// The purchase prices of a category rise on one day and list prices do not follow.
    CostRise,
    /// A product is scrapped and cannot be had until the last day.
    SupplyStop,
    /// One order far larger than any other.
    BulkOrder,
    /// A region orders less between the days.
    RegionalSlump,
    /// Of a product sold between the days a part comes back that is far above the usual.
    FaultyBatch,
    /// A category is asked for more, at a discount.
    Promotion,
    /// A customer pays its invoices later than it used to.
    LatePayer,
}

impl EventKind {
    /// The name in the file: `lost_customer`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LostCustomer => "lost_customer",
            Self::PriceRise => "price_rise",
            Self::CostRise => "cost_rise",
            Self::SupplyStop => "supply_stop",
            Self::BulkOrder => "bulk_order",
            Self::RegionalSlump => "regional_slump",
            Self::FaultyBatch => "faulty_batch",
            Self::Promotion => "promotion",
            Self::LatePayer => "late_payer",
        }
    }

    /// What `size` counts for this kind.
    fn unit(self) -> &'static str {
        match self {
            Self::LatePayer => "days of delay added",
            Self::FaultyBatch => "percent of lines returned",
            Self::BulkOrder => "orders",
            Self::PriceRise => "percent of the list price",
            Self::CostRise => "percent of the purchase price",
            _ => "percent of the usual demand",
        }
    }
}

/// Whom or what an event touches; customers, products and categories by their place in the lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Customer(usize),
    Product(usize),
    Category(usize),
    Region(usize),
}

/// One planted event, and what became of the revenue it touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlantedEvent {
    /// What happened.
    pub kind: EventKind,
    /// The first day on which it shows.
    pub first_day: NaiveDate,
    /// The last one, within the books.
    pub last_day: NaiveDate,
    /// `customer`, `product`, `category` or `region`: a column of the sales table.
    pub dimension: &'static str,
    /// The value of that column.
    pub subject: String,
    /// How much was planted, in [`Self::unit`]; negative for less.
    pub size: i64,
    /// What `size` counts.
    pub unit: &'static str,
    /// Revenue of the subject from the first to the last day, in euro.
    pub revenue_eur: Decimal,
    /// The same for the same days a year earlier; `None` when the books do not reach back.
    pub revenue_year_before_eur: Option<Decimal>,
    touches: Subject,
}

/// The planted events, while the books are written.
pub(super) struct Events {
    planted: Vec<PlantedEvent>,
    bulk_product: usize,
}

impl Events {
    /// All events fall in the last two years; those of a year that the books lack are left out.
    #[rustfmt::skip]
    pub(super) fn new(period: Period, customers: &Customers, catalogue: &Catalogue) -> Self {
        let seller = |category, place| catalogue.best_seller(category, place, period).index;
        let middling = customers.list.len() / 3;
        let planted: [(EventKind, i64, Subject, i32, Day, Day); 9] = [
            (EventKind::FaultyBatch, 30, Subject::Product(seller(OUTDOOR, 0)), 1, (5, 1), (6, 30)),
            (EventKind::BulkOrder, 1, Subject::Customer(middling), 1, (10, 21), (10, 21)),
            (EventKind::Promotion, 80, Subject::Category(KITCHEN), 1, (11, 18), (12, 1)),
            (EventKind::SupplyStop, -100, Subject::Product(seller(WORKSHOP, 0)), 0, (2, 10), (4, 30)),
            (EventKind::PriceRise, 12, Subject::Category(LIGHTING), 0, (3, 1), (12, 31)),
            (EventKind::RegionalSlump, -45, Subject::Region(SOUTH), 0, (4, 1), (9, 30)),
            (EventKind::CostRise, 9, Subject::Category(GARDEN), 0, (5, 1), (12, 31)),
            (EventKind::LostCustomer, -100, Subject::Customer(1), 0, (6, 16), (12, 31)),
            (EventKind::LatePayer, 40, Subject::Customer(2), 0, (7, 1), (12, 31)),
        ];
        let mut events = Self { planted: Vec::new(), bulk_product: seller(WORKSHOP, 1) };
        for (kind, size, touches, years_back, from, until) in planted {
            let year = period.last.year() - years_back;
            let day = |(month, day): Day| NaiveDate::from_ymd_opt(year, month, day);
            let (Some(first_day), Some(last_day)) = (day(from), day(until)) else { continue };
            if period.contains(first_day) {
                let (dimension, subject) = describe(touches, customers, catalogue);
                let year_before = first_day - Months::new(12) >= period.first;
                events.planted.push(PlantedEvent {
                    kind, first_day, last_day, dimension, subject, size, unit: kind.unit(), touches,
                    revenue_eur: Decimal::new(0, 2),
                    revenue_year_before_eur: year_before.then_some(Decimal::new(0, 2)),
                });
            }
        }
        events
    }

    fn active(&self, kind: EventKind, subject: Subject, day: NaiveDate) -> Option<&PlantedEvent> {
        self.planted
            .iter()
            .find(|event| event.kind == kind && event.touches == subject && event.covers(day, 0))
    }

    /// The days on which prices change because of an event.
    pub(super) fn price_days(&self) -> impl Iterator<Item = NaiveDate> {
        let kinds = [EventKind::PriceRise, EventKind::CostRise];
        self.planted
            .iter()
            .filter(move |event| kinds.contains(&event.kind))
            .map(|event| event.first_day)
    }

    /// What a product's list price is multiplied with on a day, in thousandths.
    pub(super) fn list_price(&self, product: &Product, day: NaiveDate) -> i64 {
        self.rise(EventKind::PriceRise, product, day)
    }

    /// The same for its purchase price.
    pub(super) fn cost(&self, product: &Product, day: NaiveDate) -> i64 {
        self.rise(EventKind::CostRise, product, day)
    }

    fn rise(&self, kind: EventKind, product: &Product, day: NaiveDate) -> i64 {
        let event = self.active(kind, Subject::Category(product.category), day);
        event.filter(|event| event.first_day == day).map_or(1000, |event| 1000 + 10 * event.size)
    }

    /// How many of a thousand orders of a customer are not placed because of events.
    pub(super) fn missing_orders(&self, customer: &Customer, day: NaiveDate) -> i64 {
        let lost = (EventKind::LostCustomer, Subject::Customer(customer.index));
        let slump = (EventKind::RegionalSlump, Subject::Region(customer.country.region));
        let active = [lost, slump].map(|(kind, subject)| self.active(kind, subject, day));
        active.into_iter().flatten().map(|event| -10 * event.size).max().unwrap_or(0)
    }

    /// Whether a product cannot be had.
    pub(super) fn is_stopped(&self, product: &Product, day: NaiveDate) -> bool {
        self.active(EventKind::SupplyStop, Subject::Product(product.index), day).is_some()
    }

    /// By how much a promotion raises the demand for a category, in thousandths of the usual.
    pub(super) fn promoted(&self, category: usize, day: NaiveDate) -> i64 {
        let event = self.active(EventKind::Promotion, Subject::Category(category), day);
        event.map_or(0, |event| 10 * event.size)
    }

    /// How many of a thousand lines of a product come back because of a faulty batch.
    pub(super) fn faulty(&self, product: &Product, day: NaiveDate) -> Option<i64> {
        let subject = Subject::Product(product.index);
        self.active(EventKind::FaultyBatch, subject, day).map(|event| 10 * event.size)
    }

    /// Days that a customer takes to pay on top of its usual ones.
    pub(super) fn payment_delay(&self, customer: &Customer, day: NaiveDate) -> i64 {
        let subject = Subject::Customer(customer.index);
        self.active(EventKind::LatePayer, subject, day).map_or(0, |event| event.size)
    }

    /// The customer and the product of the bulk order, on its day.
    pub(super) fn bulk_order(&self, day: NaiveDate) -> Option<(usize, usize)> {
        self.planted.iter().find_map(|event| match event.touches {
            Subject::Customer(index)
                if event.kind == EventKind::BulkOrder && event.covers(day, 0) =>
            {
                Some((index, self.bulk_product))
            }
            _ => None,
        })
    }
}

/// What the touched lines brought in, counted while the books are written.
pub(super) struct Effects<'a> {
    planted: &'a [PlantedEvent],
    /// For each event: between its days, and between the same days a year before.
    revenue: Vec<[Cents; 2]>,
}

impl<'a> Effects<'a> {
    pub(super) fn new(events: &'a Events) -> Self {
        Self { planted: &events.planted, revenue: vec![[Cents(0); 2]; events.planted.len()] }
    }

    /// Adds a line's revenue to the events it belongs to.
    pub(super) fn count(&mut self, day: NaiveDate, customer: &Customer, line: &Line<'_>) {
        for (event, revenue) in self.planted.iter().zip(&mut self.revenue) {
            let touched = match event.touches {
                Subject::Customer(index) => index == customer.index,
                Subject::Product(index) => index == line.product.index,
                Subject::Category(index) => index == line.product.category,
                Subject::Region(index) => index == customer.country.region,
            };
            for (sum, months_back) in revenue.iter_mut().zip([0, 12]) {
                if touched && event.covers(day, months_back) {
                    *sum += line.revenue;
                }
            }
        }
    }

    /// Writes the list of events with their revenues, and gives it back.
    pub(super) fn write(self, directory: &Path) -> io::Result<Vec<PlantedEvent>> {
        let header = [
            "kind",
            "first_day",
            "last_day",
            "dimension",
            "subject",
            "size",
            "unit",
            "revenue_eur",
            "revenue_year_before_eur",
        ];
        let mut sheet = Sheet::create(directory, "planted_events", &header)?;
        let mut events = self.planted.to_vec();
        for (event, [during, before]) in events.iter_mut().zip(self.revenue) {
            event.revenue_eur = during.into();
            event.revenue_year_before_eur = event.revenue_year_before_eur.map(|_| before.into());
            sheet.row(&[
                &event.kind.as_str(),
                &event.first_day,
                &event.last_day,
                &event.dimension,
                &event.subject,
                &event.size,
                &event.unit,
                &event.revenue_eur,
                &optional(event.revenue_year_before_eur),
            ])?;
        }
        sheet.finish()?;
        Ok(events)
    }
}

/// A month and a day of it.
type Day = (u32, u32);

impl PlantedEvent {
    /// Whether a day lies between its days, moved this many months back.
    fn covers(&self, day: NaiveDate, months_back: u32) -> bool {
        let back = Months::new(months_back);
        (self.first_day - back..=self.last_day - back).contains(&day)
    }
}

fn describe(
    subject: Subject,
    customers: &Customers,
    catalogue: &Catalogue,
) -> (&'static str, String) {
    match subject {
        Subject::Customer(index) => ("customer", customers.list[index].name.clone()),
        Subject::Product(index) => ("product", catalogue.products[index].name.clone()),
        Subject::Category(index) => ("category", CATEGORIES[index].name.to_owned()),
        Subject::Region(index) => ("region", REGIONS[index].to_owned()),
    }
}
