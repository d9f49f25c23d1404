use std::{io, path::Path};

use chrono::{Datelike, Duration, NaiveDate, Weekday};

use super::{
    bills::Bills,
    catalogue::Product,
    company::Company,
    money::Cents,
    rng::Rng,
    sheet::{DemoFile, Sheet, optional},
    stock::{Arrival, Stock},
};

/// The buyers: on Mondays and Thursdays they order what runs low.
pub(super) struct Purchases<'a> {
    company: &'a Company,
    rng: Rng,
    number: i64,
    headers: Sheet,
    lines: Sheet,
    bills: Bills<'a>,
}

impl<'a> Purchases<'a> {
    pub(super) fn open(directory: &Path, company: &'a Company) -> io::Result<Self> {
        let purchases = [
            "purchase_number",
            "supplier_id",
            "order_date",
            "expected_date",
            "received_date",
            "status",
            "currency",
            "total_eur",
        ];
        let lines =
            ["purchase_number", "line", "product_id", "quantity", "unit_cost_eur", "amount_eur"];
        Ok(Self {
            company,
            rng: Rng::new(company.seed, "purchases"),
            number: 0,
            headers: Sheet::create(directory, "purchases", &purchases)?,
            lines: Sheet::create(directory, "purchase_lines", &lines)?,
            bills: Bills::open(directory, company)?,
        })
    }

    /// Buys what the warehouse needs, if it is a day for that.
    pub(super) fn restock(&mut self, day: NaiveDate, stock: &mut Stock<'_>) -> io::Result<()> {
        if !matches!(day.weekday(), Weekday::Mon | Weekday::Thu) {
            return Ok(());
        }
        let company = self.company;
        for (number, supplier) in company.catalogue.suppliers.iter().enumerate() {
            let expected = day + Duration::days(supplier.lead_days);
            let late = [0, 2, 5, 12][self.rng.weighted(&[800, 120, 60, 20])];
            let received = expected + Duration::days(late);
            let goods = company.catalogue.of_supplier(number).iter();
            let wanted: Vec<(&Product, i64)> = goods
                .filter(|product| !company.events.is_stopped(product, received))
                .filter_map(|product| Some((product, stock.needed(product, day)?)))
                .collect();
            if !wanted.is_empty() {
                let purchase = self.buy(&wanted, [day, expected, received])?;
                for (product, quantity) in wanted {
                    let purchase = purchase.clone();
                    stock.expect(product, Arrival { day: received, quantity, purchase });
                }
            }
        }
        Ok(())
    }

    /// Buys goods that arrive today, for an order that no stock could serve.
    pub(super) fn buy_for_today(
        &mut self,
        day: NaiveDate,
        product: &Product,
        quantity: i64,
        stock: &mut Stock<'_>,
    ) -> io::Result<()> {
        let supplier = &self.company.catalogue.suppliers[product.supplier];
        let ordered = day - Duration::days(supplier.lead_days);
        let purchase = self.buy(&[(product, quantity)], [ordered, day, day])?;
        stock.put(day, product, "purchase", quantity, &purchase)
    }

    /// Writes one purchase from one supplier; gives its number.
    fn buy(&mut self, goods: &[(&Product, i64)], days: [NaiveDate; 3]) -> io::Result<String> {
        let [ordered, expected, received] = days;
        self.number += 1;
        let number = format!("PO{}-{:06}", ordered.year(), self.number);
        let mut total = Cents(0);
        for ((product, quantity), line) in goods.iter().zip(1..) {
            let cost = product.price(ordered).cost;
            let amount = cost.times(*quantity);
            total += amount;
            self.lines.row(&[&number, &line, &product.id, quantity, &cost, &amount])?;
        }
        let arrived = self.company.period.contains(received).then_some(received);
        let status = if arrived.is_some() { "received" } else { "open" };
        let supplier = &self.company.catalogue.suppliers[goods[0].0.supplier].id;
        if let Some(day) = arrived {
            self.bills.bill((&number, supplier), day, total)?;
        }
        let received = optional(arrived);
        self.headers
            .row(&[&number, supplier, &ordered, &expected, &received, &status, &"EUR", &total])?;
        Ok(number)
    }

    pub(super) fn finish(self) -> io::Result<Vec<DemoFile>> {
        Ok(vec![self.headers.finish()?, self.lines.finish()?, self.bills.finish()?])
    }
}
