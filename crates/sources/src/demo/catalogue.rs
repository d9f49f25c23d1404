use std::{io, path::Path};

use chrono::{Datelike, Duration, NaiveDate};

use super::{
    calendar::{Period, season},
    events::Events,
    money::Cents,
    names::Names,
    rng::Rng,
    sheet::{DemoFile, Sheet},
};

/// Shops and offices order on working days.
const OFFICE_WEEK: [i64; 7] = [1350, 1400, 1350, 1300, 1150, 280, 170];
/// What people buy for themselves is ordered towards the weekend too.
const HOME_WEEK: [i64; 7] = [1100, 1050, 1000, 1000, 1050, 1000, 800];

/// A kind of goods with its own year and week.
pub(super) struct Category {
    pub(super) name: &'static str,
    /// Its share of all order lines, in thousandths.
    share: i64,
    months: [i64; 12],
    week: [i64; 7],
    /// What a maker sells: name, price in cents, pieces in a pack.
    goods: [(&'static str, i64, i64); 8],
}

impl Category {
    /// How much is asked for on a day, in millionths of the company's usual day.
    pub(super) fn demand(&self, day: NaiveDate) -> i64 {
        let weekday = self.week[day.weekday().num_days_from_monday() as usize];
        self.share * season(&self.months, day) * weekday / 1000
    }

    /// How the season will be in three weeks, in thousandths of how it is: buyers know their year.
    pub(super) fn outlook(&self, day: NaiveDate) -> i64 {
        season(&self.months, day + Duration::days(21)) * 1000 / season(&self.months, day)
    }
}

pub(super) const GARDEN: usize = 0;
pub(super) const WORKSHOP: usize = 1;
pub(super) const KITCHEN: usize = 2;
pub(super) const LIGHTING: usize = 3;
pub(super) const OUTDOOR: usize = 4;

#[rustfmt::skip]
pub(super) const CATEGORIES: [Category; 8] = [
    Category {
        name: "Garden", share: 170, week: HOME_WEEK,
        months: [300, 400, 900, 1500, 1900, 1700, 1400, 1100, 900, 600, 400, 300],
        goods: [("Watering Can", 1290, 6), ("Pruning Shears", 2190, 6), ("Garden Hose 25 m", 3490, 4), ("Planter", 1890, 8),
            ("Wheelbarrow", 8900, 1), ("Leaf Rake", 1690, 6), ("Compost Bin", 5490, 2), ("Seed Tray Set", 790, 20)],
    },
    Category {
        name: "Workshop", share: 160, week: OFFICE_WEEK,
        months: [950, 950, 1050, 1050, 1050, 1000, 900, 850, 1050, 1100, 1100, 950],
        goods: [("Cordless Drill", 11900, 2), ("Socket Set", 6490, 4), ("Claw Hammer", 1890, 6), ("Spirit Level", 2290, 6),
            ("Clamp Pair", 1790, 10), ("Workbench", 18900, 1), ("Safety Gloves", 590, 24), ("Screw Assortment", 1490, 12)],
    },
    Category {
        name: "Kitchen", share: 150, week: HOME_WEEK,
        months: [800, 800, 900, 900, 950, 900, 850, 900, 950, 1050, 1400, 1700],
        goods: [("Saucepan", 3290, 4), ("Chef's Knife", 4490, 4), ("Mixing Bowl Set", 2490, 6), ("Kettle", 3990, 4),
            ("Baking Tin", 1190, 10), ("Cutting Board", 1590, 8), ("Espresso Maker", 5990, 2), ("Storage Jar", 690, 24)],
    },
    Category {
        name: "Lighting", share: 110, week: OFFICE_WEEK,
        months: [1100, 1000, 900, 800, 700, 650, 700, 800, 1000, 1250, 1500, 1600],
        goods: [("Desk Lamp", 3990, 4), ("Ceiling Light", 5990, 2), ("Floor Lamp", 8490, 1), ("LED Bulb 4-pack", 990, 24),
            ("Work Light", 4490, 4), ("Garden Lantern", 2990, 4), ("Light Strip 5 m", 1990, 10), ("Torch", 1490, 12)],
    },
    Category {
        name: "Outdoor", share: 130, week: HOME_WEEK,
        months: [400, 500, 800, 1100, 1500, 1700, 1800, 1500, 900, 600, 500, 600],
        goods: [("Camping Chair", 3490, 4), ("Two-Person Tent", 12900, 1), ("Sleeping Mat", 2990, 6), ("Cool Box", 4990, 2),
            ("Trekking Pole", 2690, 6), ("Water Bottle", 1290, 12), ("Camp Stove", 3990, 4), ("Rain Poncho", 990, 20)],
    },
    Category {
        name: "Office", share: 120, week: OFFICE_WEEK,
        months: [1200, 1050, 1050, 950, 900, 850, 700, 900, 1300, 1100, 1050, 950],
        goods: [("Office Chair", 15900, 1), ("Document Tray", 1290, 10), ("Whiteboard", 5490, 2), ("Stapler", 1490, 12),
            ("Ring Binder", 390, 40), ("Monitor Arm", 6990, 2), ("Paper Shredder", 8990, 1), ("Notebook 5-pack", 1090, 20)],
    },
    Category {
        name: "Heating", share: 90, week: OFFICE_WEEK,
        months: [1700, 1500, 1000, 600, 350, 250, 250, 400, 1000, 1600, 1900, 1700],
        goods: [("Fan Heater", 3990, 4), ("Oil Radiator", 8990, 1), ("Thermostat", 2990, 8), ("Fire Basket", 5990, 2),
            ("Pipe Insulation", 490, 40), ("Draught Strip", 590, 30), ("Wood Stove", 48900, 1), ("Chimney Brush", 2190, 6)],
    },
    Category {
        name: "Toys", share: 70, week: HOME_WEEK,
        months: [500, 500, 600, 750, 700, 700, 700, 700, 800, 1100, 2000, 2900],
        goods: [("Building Blocks", 2990, 6), ("Puzzle 500", 1490, 12), ("Marble Run", 3990, 4), ("Board Game", 2790, 8),
            ("Toy Train", 4490, 4), ("Plush Bear", 1690, 10), ("Kite", 1290, 10), ("Craft Box", 1990, 8)],
    },
];

/// Who the company buys from: each makes the goods of one category under one brand.
pub(super) struct Supplier {
    pub(super) id: String,
    brand: String,
    category: usize,
    country: &'static str,
    /// Days from order to arrival.
    pub(super) lead_days: i64,
}

/// One thing the company sells.
pub(super) struct Product {
    /// Its place in the catalogue.
    pub(super) index: usize,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) category: usize,
    pub(super) supplier: usize,
    pub(super) pack: i64,
    introduced_on: NaiveDate,
    /// How often it is chosen within its category.
    pub(super) weight: i64,
    /// In force from these days on, the oldest first.
    prices: Vec<Price>,
}

/// What a product costs the customer and the company from a day on, in euro.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Price {
    pub(super) from: NaiveDate,
    pub(super) list: Cents,
    pub(super) cost: Cents,
}

impl Product {
    /// The price on a day of the period.
    pub(super) fn price(&self, day: NaiveDate) -> Price {
        let later = self.prices.partition_point(|price| price.from <= day);
        self.prices[later.saturating_sub(1)]
    }

    pub(super) fn is_sold_on(&self, day: NaiveDate) -> bool {
        self.introduced_on <= day
    }
}

/// Everything that can be bought and sold; its size does not grow with the company.
pub(super) struct Catalogue {
    pub(super) suppliers: Vec<Supplier>,
    /// By category, then by supplier.
    pub(super) products: Vec<Product>,
}

const COUNTRIES: [(&str, i64); 6] =
    [("Germany", 5), ("Italy", 8), ("Poland", 7), ("Portugal", 10), ("Czechia", 6), ("Turkey", 18)];

impl Catalogue {
    pub(super) fn new(seed: u64, period: Period) -> Self {
        let mut names = Names::new(seed, "suppliers");
        let mut rng = Rng::new(seed, "catalogue");
        let mut catalogue = Self { suppliers: Vec::new(), products: Vec::new() };
        for category in 0..CATEGORIES.len() {
            for _ in 0..3 {
                let (country, lead_days) = *rng.pick(&COUNTRIES);
                let id = format!("S{:03}", catalogue.suppliers.len() + 1);
                let brand = names.brand();
                catalogue.suppliers.push(Supplier { id, brand, category, country, lead_days });
                catalogue.add_goods(&mut rng, period);
            }
            catalogue.weigh(category, &mut rng);
        }
        catalogue
    }

    /// The range of the supplier added last.
    fn add_goods(&mut self, rng: &mut Rng, period: Period) {
        let number = self.suppliers.len() - 1;
        let supplier = &self.suppliers[number];
        for (name, cents, pack) in CATEGORIES[supplier.category].goods {
            let index = self.products.len();
            // One in ten is new within the first year.
            let age = if rng.chance(100) { rng.between(30, 300) } else { -rng.between(30, 2500) };
            let list = Cents(cents).per_mille(rng.between(850, 1250));
            let cost = list.per_mille(rng.between(520, 660));
            self.products.push(Product {
                index,
                id: format!("P{:04}", index + 1),
                name: format!("{} {name}", supplier.brand),
                category: supplier.category,
                supplier: number,
                pack,
                introduced_on: period.first + Duration::days(age),
                weight: 0,
                prices: vec![Price { from: period.first, list, cost }],
            });
        }
    }

    /// Few products of a category make most of its sales.
    fn weigh(&mut self, category: usize, rng: &mut Rng) {
        let goods = self.products.iter_mut().filter(|product| product.category == category);
        let mut goods: Vec<&mut Product> = goods.collect();
        for place in 0..24 {
            let chosen = *rng.pick(&(0..goods.len()).collect::<Vec<_>>());
            goods.swap_remove(chosen).weight = 10_000 / (place + 3);
        }
    }

    pub(super) fn of_category(&self, category: usize) -> &[Product] {
        let size = self.products.len() / CATEGORIES.len();
        &self.products[category * size..(category + 1) * size]
    }

    /// How often a product is chosen, in millionths of all lines of a usual day.
    pub(super) fn share(&self, product: &Product) -> i64 {
        let all: i64 =
            self.of_category(product.category).iter().map(|product| product.weight).sum();
        CATEGORIES[product.category].share * 1000 * product.weight / all
    }

    /// What a supplier makes.
    pub(super) fn of_supplier(&self, supplier: usize) -> &[Product] {
        let size = self.products.len() / self.suppliers.len();
        &self.products[supplier * size..(supplier + 1) * size]
    }

    /// The product of a category that sells best, or second best, and so on; old ones only, so
    /// that what happens to it has a before and an after.
    pub(super) fn best_seller(&self, category: usize, place: usize, period: Period) -> &Product {
        let mut products: Vec<&Product> = self.of_category(category).iter().collect();
        products.retain(|product| product.is_sold_on(period.first));
        products.sort_by_key(|product| std::cmp::Reverse(product.weight));
        products[place]
    }

    /// New prices every January, and those of the planted events.
    pub(super) fn set_prices(&mut self, seed: u64, period: Period, events: &Events) {
        let mut rng = Rng::new(seed, "prices");
        let januaries = period.days().filter(|day| day.ordinal() == 1).skip(1);
        let mut days: Vec<NaiveDate> = januaries.chain(events.price_days()).collect();
        days.sort_unstable();
        days.dedup();
        for product in &mut self.products {
            for &day in &days {
                let usual = day.ordinal() == 1;
                let rise = if usual { rng.between(1005, 1040) } else { 1000 };
                let cost_rise = if usual { rng.between(1000, 1035) } else { 1000 };
                let old = product.price(day);
                let new = Price {
                    from: day,
                    list: old.list.per_mille(rise).per_mille(events.list_price(product, day)),
                    cost: old.cost.per_mille(cost_rise).per_mille(events.cost(product, day)),
                };
                if (new.list, new.cost) != (old.list, old.cost) {
                    product.prices.push(new);
                }
            }
        }
    }

    pub(super) fn write(&self, directory: &Path) -> io::Result<Vec<DemoFile>> {
        Ok(vec![
            self.write_suppliers(directory)?,
            self.write_products(directory)?,
            self.write_prices(directory)?,
        ])
    }

    fn write_suppliers(&self, directory: &Path) -> io::Result<DemoFile> {
        let header = ["supplier_id", "supplier", "country", "category", "lead_days"];
        let mut sheet = Sheet::create(directory, "suppliers", &header)?;
        for supplier in &self.suppliers {
            let category = CATEGORIES[supplier.category].name;
            let name = format!("{} Works", supplier.brand);
            sheet.row(&[&supplier.id, &name, &supplier.country, &category, &supplier.lead_days])?;
        }
        sheet.finish()
    }

    fn write_products(&self, directory: &Path) -> io::Result<DemoFile> {
        let header = [
            "product_id",
            "product",
            "category",
            "supplier_id",
            "pack_size",
            "introduced_on",
            "list_price_eur",
            "cost_eur",
        ];
        let mut sheet = Sheet::create(directory, "products", &header)?;
        for product in &self.products {
            let price = product.prices[product.prices.len() - 1];
            sheet.row(&[
                &product.id,
                &product.name,
                &CATEGORIES[product.category].name,
                &self.suppliers[product.supplier].id,
                &product.pack,
                &product.introduced_on,
                &price.list,
                &price.cost,
            ])?;
        }
        sheet.finish()
    }

    fn write_prices(&self, directory: &Path) -> io::Result<DemoFile> {
        let header = ["product_id", "valid_from", "list_price_eur", "cost_eur"];
        let mut sheet = Sheet::create(directory, "product_prices", &header)?;
        for product in &self.products {
            for price in &product.prices {
                sheet.row(&[&product.id, &price.from, &price.list, &price.cost])?;
            }
        }
        sheet.finish()
    }
}
