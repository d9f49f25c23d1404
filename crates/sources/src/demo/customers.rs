use std::{io, path::Path};

use chrono::{Duration, NaiveDate};

use super::{
    calendar::Period,
    catalogue::CATEGORIES,
    money::Cents,
    names::Names,
    rng::Rng,
    sheet::{DemoFile, Sheet},
    staff::Staff,
};

pub(super) const REGIONS: [&str; 5] =
    ["Central Europe", "Western Europe", "Southern Europe", "Northern Europe", "North America"];
pub(super) const SOUTH: usize = 2;

/// The company's own country: only here its invoices carry tax.
const HOME: &str = "Austria";

/// A country the company sells to.
pub(super) struct Country {
    pub(super) name: &'static str,
    /// Its place in [`REGIONS`].
    pub(super) region: usize,
    pub(super) currency: &'static str,
    /// Its share of the customers.
    weight: i64,
    /// The quickest delivery, in days.
    pub(super) delivery: i64,
}

const fn country(name: &'static str, region: usize, weight: i64, delivery: i64) -> Country {
    let currency = if region == 4 { "USD" } else { "EUR" };
    Country { name, region, currency, weight, delivery }
}

static COUNTRIES: [Country; 12] = [
    country("Germany", 0, 260, 2),
    country("Austria", 0, 160, 1),
    country("France", 1, 110, 3),
    country("United States", 4, 110, 8),
    country("Italy", 2, 90, 3),
    country("Netherlands", 1, 80, 2),
    country("Spain", 2, 70, 4),
    country("Sweden", 3, 50, 4),
    country("Canada", 4, 40, 9),
    country("Belgium", 1, 50, 2),
    country("Denmark", 3, 40, 3),
    country("Finland", 3, 30, 5),
];

/// A kind of customer, with its habits.
pub(super) struct Segment {
    pub(super) name: &'static str,
    weight: i64,
    terms_days: i64,
    /// Lines of an order: at most.
    pub(super) most_lines: i64,
    /// Packs of a line: at most.
    pub(super) most_packs: i64,
    /// How its orders come in, by [`CHANNELS`].
    pub(super) channels: [i64; 4],
}

pub(super) const CHANNELS: [&str; 4] = ["Field sales", "Phone", "Web shop", "Marketplace"];

#[rustfmt::skip]
pub(super) static SEGMENTS: [Segment; 5] = [
    Segment { name: "Retail chain", weight: 120, terms_days: 60, most_lines: 9, most_packs: 8, channels: [700, 200, 100, 0] },
    Segment { name: "Independent shop", weight: 420, terms_days: 30, most_lines: 5, most_packs: 3, channels: [250, 350, 400, 0] },
    Segment { name: "Online retailer", weight: 160, terms_days: 14, most_lines: 4, most_packs: 5, channels: [50, 50, 500, 400] },
    Segment { name: "Hotel and catering", weight: 140, terms_days: 30, most_lines: 4, most_packs: 4, channels: [300, 400, 300, 0] },
    Segment { name: "Building trade", weight: 160, terms_days: 45, most_lines: 6, most_packs: 5, channels: [400, 450, 150, 0] },
];

/// Whom the company sells to.
pub(super) struct Customer {
    /// Its place in the list, the one who orders most first.
    pub(super) index: usize,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) country: &'static Country,
    pub(super) segment: &'static Segment,
    town: String,
    /// Larger ones order larger quantities.
    pub(super) size: i64,
    /// Off the list price, in thousandths.
    pub(super) discount: i64,
    pub(super) terms_days: i64,
    /// How many days after it is due it usually pays.
    pub(super) lateness: i64,
    pub(super) favourites: [usize; 2],
    pub(super) since: NaiveDate,
}

impl Customer {
    /// Tax on its invoices, in thousandths.
    pub(super) fn tax(&self) -> i64 {
        if self.country.name == HOME { 200 } else { 0 }
    }

    fn new(index: usize, total: usize, rng: &mut Rng, names: &mut Names, period: Period) -> Self {
        // The largest customers are spread over the world by hand, so that no region hangs on luck.
        let by_weight = COUNTRIES.each_ref().map(|country| country.weight);
        let country = COUNTRIES.get(index).unwrap_or(&COUNTRIES[rng.weighted(&by_weight)]);
        let segment = &SEGMENTS[rng.weighted(&SEGMENTS.each_ref().map(|segment| segment.weight))];
        let size = if index * 20 < total { 3 } else { 1 + i64::from(index * 5 < total) };
        let recent = index >= COUNTRIES.len() && rng.chance(250);
        let days =
            if recent { rng.between(1, period.index(period.last)) } else { -rng.between(90, 4000) };
        Self {
            index,
            id: format!("C{:05}", index + 1),
            name: names.firm(),
            country,
            segment,
            town: names.town(),
            size,
            discount: 25 * rng.between(0, size + 1),
            terms_days: segment.terms_days,
            lateness: [-4, -2, 0, 1, 3, 6, 12, 25][rng.weighted(&[10, 18, 22, 18, 14, 9, 6, 3])],
            favourites: [*rng.pick(&[0, 1, 2, 3, 4, 5, 6, 7]), *rng.pick(&[0, 1, 2, 3, 4, 5])],
            since: period.first + Duration::days(days),
        }
    }
}

/// All customers, never more than a few thousand.
pub(super) struct Customers {
    pub(super) list: Vec<Customer>,
    /// The sums of the weights up to each customer.
    weights: Vec<i64>,
}

impl Customers {
    /// Their number grows with the square root of the company's size (in millionths).
    pub(super) fn new(seed: u64, size: u64, period: Period) -> Self {
        let total = usize::try_from((size * 90_000 / 1_000_000).isqrt()).unwrap_or(0).max(24);
        let mut rng = Rng::new(seed, "customers");
        let mut names = Names::new(seed, "customers");
        let list: Vec<Customer> = (0..total)
            .map(|index| Customer::new(index, total, &mut rng, &mut names, period))
            .collect();
        let weights = (5..).take(total).scan(0, |sum, place: i64| {
            *sum += 1_000_000 / place;
            Some(*sum)
        });
        Self { weights: weights.collect(), list }
    }

    /// One of them: a few order most of the time, most order now and then.
    pub(super) fn draw(&self, rng: &mut Rng) -> &Customer {
        let point = rng.below(self.weights[self.weights.len() - 1]);
        &self.list[self.weights.partition_point(|sum| *sum <= point)]
    }

    pub(super) fn write(
        &self,
        directory: &Path,
        staff: &Staff,
        period: Period,
    ) -> io::Result<DemoFile> {
        let header = [
            "customer_id",
            "customer",
            "segment",
            "town",
            "country",
            "region",
            "currency",
            "payment_terms_days",
            "discount_percent",
            "main_category",
            "salesperson_id",
            "customer_since",
        ];
        let mut sheet = Sheet::create(directory, "customers", &header)?;
        for customer in &self.list {
            let country = customer.country;
            sheet.row(&[
                &customer.id,
                &customer.name,
                &customer.segment.name,
                &customer.town,
                &country.name,
                &REGIONS[country.region],
                &country.currency,
                &customer.terms_days,
                // Thousandths of one are hundredths of a percent.
                &Cents(customer.discount * 10),
                &CATEGORIES[customer.favourites[0]].name,
                &staff.seller(country.region, customer.index, period.last).id,
                &customer.since,
            ])?;
        }
        sheet.finish()
    }
}
