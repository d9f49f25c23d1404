use std::{collections::BTreeMap, io};

use chrono::{Datelike, Duration, NaiveDate};

use super::{
    catalogue::Product,
    company::Company,
    customers::Customer,
    money::Cents,
    orders::{Line, Order},
    rng::Rng,
    stock::Stock,
};

/// Of a thousand lines this many come back.
const USUAL: i64 = 29;
/// Returns that may be on their way at once: what keeps memory bounded. The largest company has
/// about half as many.
const MOST_WAITING: usize = 16_384;

/// Goods that a customer will send back.
struct Promise<'a> {
    order: String,
    customer: &'a Customer,
    channel: &'static str,
    product: &'a Product,
    quantity: i64,
    price: (Cents, i64),
    cost: Cents,
}

/// Goods on their way back.
pub(super) struct Returns<'a> {
    company: &'a Company,
    rng: Rng,
    taken: i64,
    waiting: BTreeMap<NaiveDate, Vec<Promise<'a>>>,
    count: usize,
}

impl<'a> Returns<'a> {
    pub(super) fn new(company: &'a Company) -> Self {
        let rng = Rng::new(company.seed, "returns");
        Self { company, rng, taken: 0, waiting: BTreeMap::new(), count: 0 }
    }

    /// Decides which lines of a new order will come back, and when.
    pub(super) fn foresee(&mut self, order: &Order<'a>) {
        for line in &order.lines {
            let faulty = self.company.events.faulty(line.product, order.day);
            if !self.rng.chance(faulty.unwrap_or(USUAL)) || self.count == MOST_WAITING {
                continue;
            }
            let day = order.delivered + Duration::days(self.rng.between(2, 28));
            let part = self.rng.chance(400);
            let quantity = if part { self.rng.between(1, line.quantity) } else { line.quantity };
            self.count += 1;
            self.waiting.entry(day).or_default().push(Promise {
                order: order.number.clone(),
                customer: order.customer,
                channel: order.channel,
                product: line.product,
                quantity,
                price: (line.list_price, line.discount),
                cost: Cents(line.cost.0 / line.quantity),
            });
        }
    }

    /// The returns of a day. Most of the goods can be sold again.
    pub(super) fn take(
        &mut self,
        day: NaiveDate,
        stock: &mut Stock<'_>,
    ) -> io::Result<Vec<Order<'a>>> {
        let promises = self.waiting.remove(&day).unwrap_or_default();
        self.count -= promises.len();
        promises.into_iter().map(|promise| self.one(day, promise, stock)).collect()
    }

    fn one(
        &mut self,
        day: NaiveDate,
        promise: Promise<'a>,
        stock: &mut Stock<'_>,
    ) -> io::Result<Order<'a>> {
        let Promise { customer, channel, product, quantity, price, cost, .. } = promise;
        self.taken += 1;
        let number = format!("RT{}-{:06}", day.year(), self.taken);
        if self.rng.chance(650) && !self.company.events.is_stopped(product, day) {
            stock.put(day, product, "return", quantity, &number)?;
        }
        let rate = (customer.country.currency == "USD").then(|| self.company.rates.on(day));
        let mut order = Order::new(self.company, number, day, customer, channel);
        order.returned_from = Some(promise.order);
        order.lines.push(Line::new(product, -quantity, price, cost, rate));
        Ok(order)
    }
}
