use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
};

use tempfile::TempDir;

use super::*;

/// The rows of a table, each by the names of its columns.
type Rows = Vec<HashMap<String, String>>;

struct Demo {
    folder: TempDir,
    summary: DemoSummary,
}

impl Demo {
    fn new(seed: u64, scale: f64) -> Self {
        let folder = TempDir::new().unwrap();
        let options = DemoOptions { seed, scale, ..DemoOptions::default() };
        let summary = write(folder.path(), &options).unwrap();
        Self { folder, summary }
    }

    fn rows(&self, table: &str) -> Rows {
        let path = self.folder.path().join(format!("{table}.csv"));
        csv::Reader::from_path(path).unwrap().deserialize().map(Result::unwrap).collect()
    }

    fn event(&self, kind: EventKind) -> &PlantedEvent {
        self.summary.events.iter().find(|event| event.kind == kind).unwrap()
    }

    /// The sales that an event touches, from its first day on and on the same days a year before.
    fn touched(&self, kind: EventKind) -> (Rows, Rows) {
        let event = self.event(kind);
        let mut sales = self.rows("sales");
        sales.retain(|row| row[event.dimension] == event.subject);
        let between = |months: u32| {
            let back = chrono::Months::new(months);
            let days = event.first_day - back..=event.last_day - back;
            sales.iter().filter(|row| days.contains(&date(row, "sale_date"))).cloned().collect()
        };
        (between(0), between(12))
    }
}

fn date(row: &HashMap<String, String>, column: &str) -> NaiveDate {
    row[column].parse().unwrap()
}

/// A number with at most two digits after the point, in hundredths.
fn cents(row: &HashMap<String, String>, column: &str) -> i64 {
    let number: pacioli_model::Decimal = row[column].parse().unwrap();
    assert!(number.scale <= 2, "{column}: {number}");
    i64::try_from(number.mantissa).unwrap() * 10_i64.pow(2 - u32::from(number.scale))
}

fn total(rows: &Rows, column: &str) -> i64 {
    rows.iter().map(|row| cents(row, column)).sum()
}

fn sums<'a>(rows: &'a Rows, key: &str, column: &str) -> BTreeMap<&'a str, i64> {
    let mut sums = BTreeMap::new();
    for row in rows {
        *sums.entry(row[key].as_str()).or_default() += cents(row, column);
    }
    sums
}

/// FNV-1a over all files in the order of their names.
fn fingerprint(folder: &Path, files: &[DemoFile]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for file in files {
        for byte in fs::read(folder.join(&file.name)).unwrap() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_every_machine() {
    let demo = Demo::new(7, 0.02);
    let hash = fingerprint(demo.folder.path(), &demo.summary.files);
    // A changed company is a changed fixture for whoever measures with it: say so in the changelog.
    assert_eq!(hash, 15_060_851_382_885_681_219);
    let again = Demo::new(7, 0.02);
    assert_eq!(hash, fingerprint(again.folder.path(), &again.summary.files));
    assert_eq!(demo.summary, again.summary);
    let other = Demo::new(8, 0.02);
    assert_ne!(hash, fingerprint(other.folder.path(), &other.summary.files));
}

#[test]
fn scale_one_has_about_sixty_thousand_order_lines_and_the_summary_tells_the_truth() {
    let demo = Demo::new(DemoOptions::default().seed, 1.0);
    for file in &demo.summary.files {
        let rows = demo.rows(file.name.strip_suffix(".csv").unwrap());
        assert_eq!(file.rows, rows.len() as u64, "{}", file.name);
        assert_eq!(file.bytes, fs::metadata(demo.folder.path().join(&file.name)).unwrap().len());
        if file.name == "order_lines.csv" {
            assert!((57_000..63_000).contains(&file.rows), "{}", file.rows);
        }
    }
    assert_eq!(demo.summary.last_day.to_string(), "2025-12-31");
}

#[test]
fn options_out_of_range_are_refused() {
    let folder = TempDir::new().unwrap();
    let good = DemoOptions::default();
    for options in [
        DemoOptions { scale: 0.009, ..good },
        DemoOptions { scale: 100.1, ..good },
        DemoOptions { scale: f64::NAN, ..good },
        DemoOptions { years: 0, ..good },
        DemoOptions { years: 21, ..good },
        DemoOptions { first_year: 1899, ..good },
    ] {
        let error = write(folder.path(), &options).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{options:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn one_year_has_only_the_events_of_its_year() {
    let folder = TempDir::new().unwrap();
    let options = DemoOptions { scale: 0.01, years: 1, ..DemoOptions::default() };
    let summary = write(folder.path(), &options).unwrap();
    assert_eq!(summary.events.len(), 6);
    assert!(summary.events.iter().all(|event| event.revenue_year_before_eur.is_none()));
}

#[test]
fn every_reference_leads_somewhere() {
    let demo = Demo::new(3, 0.1);
    for (parent, key, children) in [
        (
            "customers",
            "customer_id",
            vec!["orders", "invoices", "payments", "stock_shortages", "quotations"],
        ),
        (
            "products",
            "product_id",
            vec![
                "order_lines",
                "product_prices",
                "stock",
                "stock_moves",
                "purchase_lines",
                "stock_shortages",
                "production_orders",
            ],
        ),
        ("orders", "order_number", vec!["order_lines", "invoices", "sales"]),
        ("invoices", "invoice_number", vec!["payments"]),
        ("suppliers", "supplier_id", vec!["products", "purchases", "bills"]),
        ("purchases", "purchase_number", vec!["purchase_lines", "bills"]),
        ("employees", "employee_id", vec!["absences"]),
    ] {
        let rows = demo.rows(parent);
        let keys: HashSet<&str> = rows.iter().map(|row| row[key].as_str()).collect();
        assert_eq!(keys.len(), rows.len(), "{parent}.{key} is unique");
        for child in children {
            for row in demo.rows(child) {
                assert!(keys.contains(row[key].as_str()), "{child}: {row:?}");
            }
        }
    }
    let staff = demo.rows("employees");
    let staff: HashSet<&str> = staff.iter().map(|row| row["employee_id"].as_str()).collect();
    for row in demo.rows("orders") {
        assert!(staff.contains(row["salesperson_id"].as_str()), "{row:?}");
    }
    for row in demo.rows("employees") {
        assert!(row["manager_id"].is_empty() || staff.contains(row["manager_id"].as_str()));
    }
}

#[test]
fn names_are_given_once() {
    let demo = Demo::new(3, 0.1);
    for (table, column) in [
        ("customers", "customer"),
        ("products", "product"),
        ("employees", "employee"),
        ("suppliers", "supplier"),
    ] {
        let rows = demo.rows(table);
        let names: HashSet<&str> = rows.iter().map(|row| row[column].as_str()).collect();
        assert_eq!(names.len(), rows.len(), "{table}");
    }
}

#[test]
fn amounts_add_up_to_the_cent() {
    let demo = Demo::new(3, 0.1);
    let (lines, flat) = (demo.rows("order_lines"), demo.rows("sales"));
    for (line, flat) in lines.iter().zip(&flat) {
        assert_eq!(
            cents(line, "unit_price") * cents(line, "quantity") / 100,
            cents(line, "amount")
        );
        for column in
            ["order_number", "quantity", "unit_price", "amount", "revenue_eur", "cost_eur"]
        {
            assert_eq!(line[column], flat[column]);
        }
    }
    assert_eq!(lines.len(), flat.len());
    let (amounts, revenues) =
        (sums(&lines, "order_number", "amount"), sums(&lines, "order_number", "revenue_eur"));
    let payments = demo.rows("payments");
    let paid = sums(&payments, "invoice_number", "amount");
    for invoice in demo.rows("invoices") {
        let order = invoice["order_number"].as_str();
        assert_eq!(cents(&invoice, "net_amount"), amounts[order]);
        assert_eq!(cents(&invoice, "net_eur"), revenues[order]);
        let total_amount = cents(&invoice, "total_amount");
        assert_eq!(total_amount, cents(&invoice, "net_amount") + cents(&invoice, "tax_amount"));
        let paid = paid.get(invoice["invoice_number"].as_str()).copied().unwrap_or(0);
        assert_eq!(paid, cents(&invoice, "paid_amount"));
        assert!(paid.abs() <= total_amount.abs() && paid * total_amount >= 0, "{invoice:?}");
        assert_eq!(invoice["status"] == "paid", paid == total_amount, "{invoice:?}");
    }
    let purchase_lines = demo.rows("purchase_lines");
    let bought = sums(&purchase_lines, "purchase_number", "amount_eur");
    for purchase in demo.rows("purchases") {
        assert_eq!(cents(&purchase, "total_eur"), bought[purchase["purchase_number"].as_str()]);
    }
}

#[test]
fn dollars_become_euro_at_the_rate_of_the_day() {
    let demo = Demo::new(3, 0.1);
    let rates = demo.rows("exchange_rates");
    let rates: HashMap<&str, f64> =
        rates.iter().map(|row| (row["rate_date"].as_str(), row["rate"].parse().unwrap())).collect();
    let mut dollars = 0;
    for row in demo.rows("sales") {
        let (amount, euro) = (cents(&row, "amount"), cents(&row, "revenue_eur"));
        if row["currency"] == "EUR" {
            assert_eq!(amount, euro);
        } else {
            dollars += 1;
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
            let off = amount as f64 / rates[row["sale_date"].as_str()] - euro as f64;
            assert!(off.abs() < 0.51, "{row:?}");
        }
        let negative = row["is_return"] == "true";
        for column in ["quantity", "amount", "revenue_eur", "cost_eur"] {
            assert_eq!(cents(&row, column) < 0, negative, "{row:?}");
        }
    }
    assert!(dollars > 100);
}

#[test]
fn dates_follow_one_another() {
    let demo = Demo::new(3, 0.1);
    let books = demo.summary.first_day..=demo.summary.last_day;
    let orders = demo.rows("orders");
    let orders: HashMap<&str, _> =
        orders.iter().map(|row| (row["order_number"].as_str(), row)).collect();
    for order in orders.values() {
        assert!(books.contains(&date(order, "order_date")));
        let delivered = !order["delivery_date"].is_empty();
        assert_eq!(delivered, order["status"] != "open");
        assert!(!delivered || date(order, "order_date") <= date(order, "delivery_date"));
        if order["order_type"] == "return" {
            let original = orders[order["returned_order_number"].as_str()];
            assert!(date(original, "delivery_date") < date(order, "order_date"));
        }
    }
    let invoices = demo.rows("invoices");
    let dates: HashMap<&str, _> = invoices
        .iter()
        .map(|row| (row["invoice_number"].as_str(), date(row, "invoice_date")))
        .collect();
    for invoice in &invoices {
        let order = orders[invoice["order_number"].as_str()];
        assert!(date(order, "delivery_date") <= date(invoice, "invoice_date"));
        assert!(date(invoice, "invoice_date") <= date(invoice, "due_date"));
    }
    for payment in demo.rows("payments") {
        let paid = date(&payment, "payment_date");
        assert!(dates[payment["invoice_number"].as_str()] <= paid && books.contains(&paid));
    }
    for purchase in demo.rows("purchases") {
        assert!(date(&purchase, "order_date") <= date(&purchase, "expected_date"));
        assert_eq!(purchase["status"] == "open", purchase["received_date"].is_empty());
    }
}

#[test]
fn stock_is_the_sum_of_its_moves_and_never_below_zero() {
    let demo = Demo::new(3, 0.1);
    let mut levels: HashMap<String, i64> = HashMap::new();
    let moves = demo.rows("stock_moves");
    let mut moves = moves.iter().peekable();
    for count in demo.rows("stock") {
        let day = date(&count, "stock_date");
        while let Some(row) = moves.next_if(|row| date(row, "move_date") <= day) {
            let level = levels.entry(row["product_id"].clone()).or_default();
            *level += cents(row, "quantity");
            assert!(*level >= 0, "{row:?}");
        }
        assert_eq!(levels[&count["product_id"]], cents(&count, "on_hand"), "{count:?}");
    }
    assert!(moves.next().is_none());
    let sold: i64 = demo.rows("order_lines").iter().map(|row| cents(row, "quantity").max(0)).sum();
    let gone: i64 = demo
        .rows("stock_moves")
        .iter()
        .filter(|row| row["kind"] == "sale")
        .map(|row| -cents(row, "quantity"))
        .sum();
    assert_eq!(sold, gone);
    assert!(!demo.rows("stock_shortages").is_empty());
}

#[test]
fn the_year_and_the_week_show() {
    let demo = Demo::new(3, 0.3);
    let sales = demo.rows("sales");
    let lines = |category: &str, months: &[&str]| {
        sales
            .iter()
            .filter(|row| row["category"] == category && months.contains(&&row["sale_date"][5..7]))
            .count()
    };
    for (category, high, low) in [
        ("Garden", ["05", "06"], ["12", "01"]),
        ("Toys", ["11", "12"], ["02", "03"]),
        ("Heating", ["11", "12"], ["06", "07"]),
    ] {
        assert!(lines(category, &high) > 2 * lines(category, &low), "{category}");
    }
    let weekend = |category: &str| {
        let days = sales.iter().filter(|row| row["category"] == category);
        let (weekend, week): (Vec<_>, Vec<_>) = days.partition(|row| {
            chrono::Datelike::weekday(&date(row, "sale_date")).num_days_from_monday() > 4
        });
        weekend.len() * 100 / week.len()
    };
    assert!(weekend("Office") < 20 && weekend("Toys") > 25);
    let by_customer = sums(&sales, "customer", "revenue_eur");
    let mut revenues: Vec<i64> = by_customer.into_values().collect();
    revenues.sort_unstable_by_key(|revenue| -revenue);
    let top: i64 = revenues[..revenues.len() / 5].iter().sum();
    let share = top * 100 / revenues.iter().sum::<i64>();
    assert!((65..95).contains(&share), "{share} % from a fifth of the customers");
    let returned =
        sales.iter().filter(|row| row["is_return"] == "true").count() * 1000 / sales.len();
    assert!((22..38).contains(&returned), "{returned} of a thousand lines come back");
    let year = |year: &str| {
        total(
            &sales.iter().filter(|row| row["sale_date"].starts_with(year)).cloned().collect(),
            "revenue_eur",
        )
    };
    assert!(year("2023") < year("2024") && year("2024") < year("2025"));
}

#[test]
fn the_planted_events_show_in_the_sales() {
    let demo = Demo::new(3, 0.3);
    let bought = |rows: &Rows| rows.iter().filter(|row| row["is_return"] == "false").count();
    for event in &demo.summary.events {
        let (during, before) = demo.touched(event.kind);
        assert_eq!(
            i128::from(total(&during, "revenue_eur")),
            event.revenue_eur.mantissa,
            "{event:?}"
        );
        assert_eq!(
            Some(i128::from(total(&before, "revenue_eur"))),
            event.revenue_year_before_eur.map(|sum| sum.mantissa)
        );
        let (now, then) = (bought(&during), bought(&before));
        match event.kind {
            EventKind::LostCustomer | EventKind::SupplyStop => {
                assert!(now == 0 && then > 20, "{then}");
            }
            EventKind::RegionalSlump => {
                assert!((40..80).contains(&(now * 100 / then)), "{now} {then}");
            }
            EventKind::Promotion => assert!(now * 10 > then * 14, "{now} {then}"),
            EventKind::BulkOrder => assert_eq!((during.len(), then), (1, 0)),
            EventKind::FaultyBatch
            | EventKind::PriceRise
            | EventKind::CostRise
            | EventKind::LatePayer => (),
        }
    }
}

#[test]
fn the_bulk_order_is_by_far_the_largest() {
    let demo = Demo::new(3, 0.3);
    let sales = demo.rows("sales");
    let mut orders: Vec<i64> = sums(&sales, "order_number", "revenue_eur").into_values().collect();
    orders.sort_unstable();
    let event = demo.event(EventKind::BulkOrder);
    assert_eq!(i128::from(orders[orders.len() - 1]), event.revenue_eur.mantissa);
    assert!(orders[orders.len() - 1] > 2 * orders[orders.len() - 2]);
}

#[test]
fn planted_prices_and_costs_rise_on_their_day_and_only_there() {
    let demo = Demo::new(3, 0.01);
    let products = demo.rows("products");
    let category: HashMap<&str, &str> =
        products.iter().map(|row| (row["product_id"].as_str(), row["category"].as_str())).collect();
    for (kind, risen, kept) in [
        (EventKind::PriceRise, "list_price_eur", "cost_eur"),
        (EventKind::CostRise, "cost_eur", "list_price_eur"),
    ] {
        let event = demo.event(kind);
        let prices = demo.rows("product_prices");
        let changes: Vec<_> = prices
            .windows(2)
            .filter(|pair| date(&pair[1], "valid_from") == event.first_day)
            .collect();
        assert_eq!(changes.len(), 24);
        for pair in changes {
            assert_eq!(category[pair[1]["product_id"].as_str()], event.subject);
            let (old, new) = (cents(&pair[0], risen), cents(&pair[1], risen));
            assert!((new * 100 - old * (100 + event.size)).abs() <= 50, "{pair:?}");
            assert_eq!(pair[0][kept], pair[1][kept]);
        }
    }
}

#[test]
fn a_faulty_batch_comes_back_and_a_late_payer_pays_late() {
    let demo = Demo::new(3, 0.5);
    let batch = demo.event(EventKind::FaultyBatch);
    let sales = demo.rows("sales");
    let rows = sales.iter().filter(|row| row["product"] == batch.subject);
    let late = batch.last_day + chrono::Duration::days(28);
    let rows: Vec<_> =
        rows.filter(|row| (batch.first_day..=late).contains(&date(row, "sale_date"))).collect();
    let returned = rows.iter().filter(|row| row["is_return"] == "true").count();
    assert!(returned * 100 > rows.len() * 10, "{returned} of {}", rows.len());

    let event = demo.event(EventKind::LatePayer);
    let customers = demo.rows("customers");
    let customer = customers.iter().find(|row| row["customer"] == event.subject).unwrap();
    let invoices = demo.rows("invoices");
    let due: HashMap<&str, &HashMap<String, String>> = invoices
        .iter()
        .filter(|row| {
            row["customer_id"] == customer["customer_id"] && row["invoice_type"] == "invoice"
        })
        .map(|row| (row["invoice_number"].as_str(), row))
        .collect();
    let (mut before, mut during) = (Vec::new(), Vec::new());
    for payment in demo.rows("payments") {
        if let Some(invoice) = due.get(payment["invoice_number"].as_str()) {
            let late = (date(&payment, "payment_date") - date(invoice, "due_date")).num_days();
            let group = if date(invoice, "invoice_date") < event.first_day {
                &mut before
            } else {
                &mut during
            };
            group.push(late);
        }
    }
    let median = |days: &mut Vec<i64>| {
        days.sort_unstable();
        days[days.len() / 2]
    };
    assert!((35..=45).contains(&(median(&mut during) - median(&mut before))));
}
