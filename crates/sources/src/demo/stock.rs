use std::{io, path::Path};

use chrono::NaiveDate;

use super::{
    calendar::is_month_end,
    catalogue::{CATEGORIES, Product},
    company::Company,
    sheet::{DemoFile, Sheet},
};

/// Goods on their way to the company.
pub(super) struct Arrival {
    pub(super) day: NaiveDate,
    pub(super) quantity: i64,
    pub(super) purchase: String,
}

/// One product's place in the warehouse, in pieces.
#[derive(Default)]
struct Shelf {
    on_hand: i64,
    arrival: Option<Arrival>,
    /// What a day asks for, smoothed, in thousandths of a piece.
    demand: i64,
    asked_today: i64,
    /// The largest quantity that was ever asked for at once.
    largest: i64,
}

/// The warehouse. Goods leave it on the day they are ordered, and it never owes any.
pub(super) struct Stock<'a> {
    company: &'a Company,
    shelves: Vec<Shelf>,
    moves: Sheet,
    shortages: Sheet,
    levels: Sheet,
}

impl<'a> Stock<'a> {
    /// Opens with enough of everything for the first seven weeks.
    pub(super) fn open(directory: &Path, company: &'a Company) -> io::Result<Self> {
        let moves = ["move_date", "product_id", "kind", "quantity", "document"];
        let shortages =
            ["shortage_date", "product_id", "customer_id", "quantity_asked", "quantity_short"];
        let levels =
            ["stock_date", "product_id", "on_hand", "on_order", "unit_cost_eur", "value_eur"];
        let mut stock = Self {
            company,
            shelves: Vec::new(),
            moves: Sheet::create(directory, "stock_moves", &moves)?,
            shortages: Sheet::create(directory, "stock_shortages", &shortages)?,
            levels: Sheet::create(directory, "stock", &levels)?,
        };
        for product in &company.catalogue.products {
            let demand = company.usual_demand(product.index);
            let largest = 12 * product.pack;
            stock.shelves.push(Shelf { demand, largest, ..Shelf::default() });
            let opening = demand * 50 / 1000 + largest;
            stock.put(company.period.first, product, "opening", opening, "")?;
        }
        Ok(stock)
    }

    /// Adds goods, or takes them away.
    pub(super) fn put(
        &mut self,
        day: NaiveDate,
        product: &Product,
        kind: &str,
        quantity: i64,
        document: &str,
    ) -> io::Result<()> {
        self.shelves[product.index].on_hand += quantity;
        self.moves.row(&[&day, &product.id, &kind, &quantity, &document])
    }

    /// Takes what is asked for out of the warehouse, as far as it is there; says how much it was.
    pub(super) fn take(
        &mut self,
        day: NaiveDate,
        product: &Product,
        asked: i64,
        (customer, document): (&str, &str),
    ) -> io::Result<i64> {
        let place = &mut self.shelves[product.index];
        place.asked_today += asked;
        place.largest = place.largest.max(asked);
        let given = asked.min(place.on_hand);
        if given < asked {
            self.shortages.row(&[&day, &product.id, &customer, &asked, &(asked - given)])?;
        }
        if given > 0 {
            self.put(day, product, "sale", -given, document)?;
        }
        Ok(given)
    }

    /// What arrives in the morning; and what a supply stop scraps.
    pub(super) fn open_day(&mut self, day: NaiveDate) -> io::Result<()> {
        let company = self.company;
        for product in &company.catalogue.products {
            let place = &mut self.shelves[product.index];
            if let Some(arrival) = place.arrival.take_if(|arrival| arrival.day <= day) {
                self.put(day, product, "purchase", arrival.quantity, &arrival.purchase)?;
            }
            let on_hand = self.shelves[product.index].on_hand;
            if on_hand > 0 && company.events.is_stopped(product, day) {
                self.put(day, product, "scrapped", -on_hand, "")?;
            }
        }
        Ok(())
    }

    /// Learns from the day's demand, and counts the stock at the end of a month.
    pub(super) fn close_day(&mut self, day: NaiveDate) -> io::Result<()> {
        for place in &mut self.shelves {
            place.demand += (std::mem::take(&mut place.asked_today) * 1000 - place.demand) / 32;
        }
        if !is_month_end(day) {
            return Ok(());
        }
        for (product, place) in self.company.catalogue.products.iter().zip(&self.shelves) {
            let on_order = place.arrival.as_ref().map_or(0, |arrival| arrival.quantity);
            let cost = product.price(day).cost;
            let value = cost.times(place.on_hand);
            self.levels.row(&[&day, &product.id, &place.on_hand, &on_order, &cost, &value])?;
        }
        Ok(())
    }

    /// How many pieces should be bought now, in whole packs, if any.
    pub(super) fn needed(&self, product: &Product, day: NaiveDate) -> Option<i64> {
        let place = &self.shelves[product.index];
        let daily = place.demand * CATEGORIES[product.category].outlook(day) / 1000;
        let reorder_at = daily * 28 / 1000 + place.largest;
        if place.arrival.is_some() || place.on_hand >= reorder_at {
            return None;
        }
        let missing = daily * 55 / 1000 + place.largest - place.on_hand;
        Some((missing + product.pack - 1) / product.pack * product.pack)
    }

    /// Notes that goods are on their way; there is one delivery of a product at a time.
    pub(super) fn expect(&mut self, product: &Product, arrival: Arrival) {
        self.shelves[product.index].arrival = Some(arrival);
    }

    pub(super) fn finish(self) -> io::Result<Vec<DemoFile>> {
        Ok(vec![self.moves.finish()?, self.shortages.finish()?, self.levels.finish()?])
    }
}
