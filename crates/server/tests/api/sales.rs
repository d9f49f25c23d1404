//! Sales that a test can count for itself, and the CSV file that says the same.

use std::{collections::BTreeMap, fmt::Write as _};

/// One sale; amounts in cents, so that what the test adds up is exact.
#[derive(Debug, Clone)]
pub struct Sale {
    pub date: String,
    pub region: &'static str,
    pub customer: String,
    pub product: String,
    pub quantity: i64,
    pub cents: i64,
}

/// A company's sales.
pub struct Sales(pub Vec<Sale>);

pub const REGIONS: [&str; 4] = ["Nordics", "Iberia", "Benelux", "Balkans"];

impl Sales {
    /// So many sales over 2025 and the first half of 2026; another seed gives other figures.
    pub fn of(rows: usize, seed: u64) -> Self {
        let mut state = seed.wrapping_mul(2).wrapping_add(1);
        let mut next = |below: i64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            i64::try_from(state >> 33).unwrap() % below
        };
        let sale = |_| {
            let month = next(18);
            let (year, month) = (2025 + month / 12, month % 12 + 1);
            Sale {
                date: format!("{year}-{month:02}-{:02}", next(28) + 1),
                region: REGIONS[usize::try_from(next(4)).unwrap()],
                customer: format!("Customer {:02}", next(30)),
                product: format!(
                    "Product {}",
                    ["Anvil", "Bellows", "Chisel", "Drill", "Easel", "File"]
                        [usize::try_from(next(6)).unwrap()]
                ),
                quantity: next(9) + 1,
                cents: next(1_000_000) - 50_000,
            }
        };
        Self((0..rows).map(sale).collect())
    }

    /// As a spreadsheet would save them.
    pub fn csv(&self) -> String {
        let mut text = String::from("Order Date,Region,Customer,Product,Quantity,Revenue\n");
        for Sale { date, region, customer, product, quantity, cents } in &self.0 {
            let revenue = euros(*cents);
            writeln!(text, "{date},{region},{customer},{product},{quantity},{revenue}").unwrap();
        }
        text
    }

    /// The revenue of all, in cents.
    pub fn revenue(&self) -> i64 {
        self.0.iter().map(|sale| sale.cents).sum()
    }

    /// The revenue of each group, in cents.
    pub fn revenue_by<K: Ord>(&self, key: impl Fn(&Sale) -> K) -> BTreeMap<K, i64> {
        let mut groups = BTreeMap::new();
        for sale in &self.0 {
            *groups.entry(key(sale)).or_insert(0) += sale.cents;
        }
        groups
    }

    /// The revenue of each month, by its first day.
    pub fn revenue_by_month(&self) -> BTreeMap<String, i64> {
        self.revenue_by(|sale| format!("{}-01", &sale.date[..7]))
    }

    /// Only some of them.
    pub fn only(&self, keep: impl Fn(&Sale) -> bool) -> Self {
        Self(self.0.iter().filter(|sale| keep(sale)).cloned().collect())
    }
}

/// Cents as an exact number with two digits after the point.
pub fn euros(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}
