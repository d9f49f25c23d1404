use std::io;

use chrono::{Datelike, Duration, NaiveDate};

use super::{
    calendar::{growth, is_holiday},
    catalogue::{CATEGORIES, Product},
    company::Company,
    customers::{CHANNELS, Customer},
    money::Cents,
    rng::Rng,
    staff::Employee,
    stock::Stock,
};

/// Orders of a usual day of a company of size 1.
const ORDERS_OF_A_DAY: i64 = 17;

/// What a customer ordered, or sent back.
pub(super) struct Order<'a> {
    pub(super) number: String,
    /// For goods sent back: the order they came with.
    pub(super) returned_from: Option<String>,
    pub(super) day: NaiveDate,
    /// When the customer has the goods, or the company has them back.
    pub(super) delivered: NaiveDate,
    pub(super) customer: &'a Customer,
    pub(super) seller: &'a Employee,
    pub(super) channel: &'static str,
    pub(super) lines: Vec<Line<'a>>,
}

/// One product of an order. What comes back counts negative.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) product: &'a Product,
    pub(super) quantity: i64,
    /// In the customer's currency, as `unit_price` and `amount`.
    pub(super) list_price: Cents,
    /// Off the list price, in thousandths.
    pub(super) discount: i64,
    pub(super) unit_price: Cents,
    pub(super) amount: Cents,
    /// The amount in euro, at the day's rate.
    pub(super) revenue: Cents,
    /// What the goods cost the company, in euro.
    pub(super) cost: Cents,
}

impl<'a> Order<'a> {
    /// An order without lines yet.
    pub(super) fn new(
        company: &'a Company,
        number: String,
        day: NaiveDate,
        customer: &'a Customer,
        channel: &'static str,
    ) -> Self {
        let seller = company.staff.seller(customer.country.region, customer.index, day);
        let (returned_from, lines) = (None, Vec::new());
        Self { number, returned_from, day, delivered: day, customer, seller, channel, lines }
    }
}

impl<'a> Line<'a> {
    /// A line at these prices, on the day whose exchange rate this is.
    pub(super) fn new(
        product: &'a Product,
        quantity: i64,
        (list_price, discount): (Cents, i64),
        cost: Cents,
        dollars: Option<i64>,
    ) -> Self {
        let unit_price = list_price.per_mille(1000 - discount);
        let amount = unit_price.times(quantity);
        let revenue = dollars.map_or(amount, |rate| amount.to_euro(rate));
        let cost = cost.times(quantity);
        Self { product, quantity, list_price, discount, unit_price, amount, revenue, cost }
    }
}

/// Where orders come in.
pub(super) struct Orders<'a> {
    company: &'a Company,
    rng: Rng,
    /// Orders so far.
    taken: i64,
    /// What the day asks for, by category.
    demand: [i64; CATEGORIES.len()],
}

impl<'a> Orders<'a> {
    pub(super) fn new(company: &'a Company) -> Self {
        let rng = Rng::new(company.seed, "orders");
        Self { company, rng, taken: 0, demand: [0; CATEGORIES.len()] }
    }

    /// Looks at the calendar; how many customers will call today.
    pub(super) fn open_day(&mut self, day: NaiveDate) -> i64 {
        for (index, category) in CATEGORIES.iter().enumerate() {
            let promoted = 1000 + self.company.events.promoted(index, day);
            self.demand[index] = category.demand(day) * promoted / 1000;
        }
        let usual = self.company.size * ORDERS_OF_A_DAY;
        let season = self.demand.iter().sum::<i64>() / 1000;
        let luck = self.rng.between(400, 600) + self.rng.between(400, 600);
        let mut millionths = usual * season / 1000 * luck / 1000;
        millionths = millionths * growth(self.company.period.index(day)) / 1000;
        if is_holiday(day) {
            millionths /= 10;
        }
        millionths / 1_000_000 + i64::from(self.rng.below(1_000_000) < millionths % 1_000_000)
    }

    /// The next customer's order; `None` for one who has no reason to order, or whom nothing
    /// could be sold to.
    pub(super) fn take(
        &mut self,
        day: NaiveDate,
        stock: &mut Stock<'_>,
    ) -> io::Result<Option<Order<'a>>> {
        let company = self.company;
        let customer = company.customers.draw(&mut self.rng);
        let missing = company.events.missing_orders(customer, day);
        if customer.since > day || self.rng.chance(missing) {
            return Ok(None);
        }
        let mut order = self.begin(day, customer);
        for _ in 0..self.rng.between(1, customer.segment.most_lines) {
            let Some(product) = self.choose(day, customer) else { continue };
            let packs = self.rng.between(1, customer.segment.most_packs) * customer.size;
            let asked = packs * product.pack * if self.rng.chance(40) { 4 } else { 1 };
            let known = order.lines.iter().any(|line| line.product.index == product.index);
            let given = if known {
                0
            } else {
                stock.take(day, product, asked, (&customer.id, &order.number))?
            };
            if given > 0 {
                self.add_line(&mut order, product, given);
            }
        }
        Ok(self.accept(order))
    }

    /// The one order of the bulk event, so far without lines, and what is wanted: goods for 40,000
    /// euro and a fifth of a usual month, which no other order comes near.
    pub(super) fn bulk(&mut self, day: NaiveDate) -> Option<(Order<'a>, &'a Product, i64)> {
        let (customer, product) = self.company.events.bulk_order(day)?;
        let product = &self.company.catalogue.products[product];
        let price = product.price(day).list;
        let packs = (self.company.size * 17 + 4_000_000) / (price.0 * product.pack) + 1;
        let order = self.begin(day, &self.company.customers.list[customer]);
        Some((order, product, packs * product.pack))
    }

    /// Adds goods to an order, at the day's price for the customer.
    pub(super) fn add_line(&self, order: &mut Order<'a>, product: &'a Product, quantity: i64) {
        let (day, customer) = (order.day, order.customer);
        let rate = (customer.country.currency == "USD").then(|| self.company.rates.on(day));
        let price = product.price(day);
        let list = rate.map_or(price.list, |rate| price.list.to_dollars(rate));
        let promoted = self.company.events.promoted(product.category, day) > 0;
        let discount = customer.discount + if promoted { 100 } else { 0 };
        order.lines.push(Line::new(product, quantity, (list, discount), price.cost, rate));
    }

    /// Counts an order that has lines.
    pub(super) fn accept(&mut self, order: Order<'a>) -> Option<Order<'a>> {
        if order.lines.is_empty() {
            return None;
        }
        self.taken += 1;
        Some(order)
    }

    fn begin(&mut self, day: NaiveDate, customer: &'a Customer) -> Order<'a> {
        let number = format!("SO{}-{:07}", day.year(), self.taken + 1);
        let mut channels = customer.segment.channels;
        // Every year some of the telephoning moves to the web shop.
        let moved = channels[1] * self.company.period.index(day) / 365 / 10;
        channels[1] -= moved.min(channels[1]);
        channels[2] += moved;
        let channel = CHANNELS[self.rng.weighted(&channels)];
        let mut order = Order::new(self.company, number, day, customer, channel);
        let delivery =
            customer.country.delivery + [0, 1, 2, 5][self.rng.weighted(&[500, 300, 150, 50])];
        order.delivered = day + Duration::days(delivery);
        order
    }

    /// A product that suits the season and the customer.
    fn choose(&mut self, day: NaiveDate, customer: &Customer) -> Option<&'a Product> {
        let favourite = *self.rng.pick(&customer.favourites);
        let peak = self.demand.iter().max().copied().unwrap_or(1).max(1);
        let suits = self.rng.chance(400) && self.rng.below(peak) < self.demand[favourite];
        let category = if suits { favourite } else { self.rng.weighted(&self.demand) };
        let goods = self.company.catalogue.of_category(category);
        let place =
            self.rng.weighted(&goods.iter().map(|product| product.weight).collect::<Vec<_>>());
        Some(&goods[place]).filter(|product| product.is_sold_on(day))
    }
}
