//! The README's ten questions about the demo's `sales.csv`, answered by the program from the command
//! line and by plain arithmetic over the same file.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use pacioli_model::Decimal;

/// The day the README asks on.
const TODAY: &str = "2025-12-15";

/// Rows of the file, by header.
struct Sales(Vec<BTreeMap<String, String>>);

impl Sales {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let mut lines = text.lines();
        // The demo writes no quotes and no commas inside fields.
        assert!(!text.contains('"'));
        let header: Vec<&str> = lines.next().unwrap().split(',').collect();
        let row = |line: &str| {
            let fields = line.split(',').map(str::to_owned);
            header.iter().map(|&name| name.to_owned()).zip(fields).collect()
        };
        Self(lines.map(row).collect())
    }

    fn keep(&self, keep: impl Fn(&BTreeMap<String, String>) -> bool) -> Self {
        Self(self.0.iter().filter(|row| keep(row)).cloned().collect())
    }

    fn between(&self, from: &str, to: &str) -> Self {
        self.keep(|row| *row["sale_date"] >= *from && *row["sale_date"] < *to)
    }

    /// Sums of a column for each value of a key, in hundredths.
    fn sums(
        &self,
        key: impl Fn(&BTreeMap<String, String>) -> String,
        column: &str,
    ) -> BTreeMap<String, i128> {
        let mut sums = BTreeMap::new();
        for row in &self.0 {
            *sums.entry(key(row)).or_insert(0) += hundredths(&row[column]);
        }
        sums
    }

    fn distinct(&self, column: &str) -> usize {
        self.0.iter().map(|row| &row[column]).collect::<BTreeSet<_>>().len()
    }
}

fn hundredths(text: &str) -> i128 {
    let number: Decimal = text.parse().unwrap();
    number.mantissa * 10_i128.pow(2 - u32::from(number.scale))
}

fn money(hundredths: i128) -> String {
    Decimal::new(hundredths, 2).to_string()
}

fn column(name: &'static str) -> impl Fn(&BTreeMap<String, String>) -> String {
    move |row| row[name].clone()
}

/// The rows of the printed table, without its header, cells parted by two spaces or more.
fn ask(files: &[PathBuf], question: &str) -> Vec<Vec<String>> {
    let output = Command::new(env!("CARGO_BIN_EXE_pacioli"))
        .arg("ask")
        .args(files)
        .args([question, "--today", TODAY])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{question}: {}", String::from_utf8_lossy(&output.stderr));
    let table = text.split("\n\n").nth(1).unwrap_or_else(|| panic!("{question}: {text}"));
    let cells = |line: &str| {
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
    };
    table.lines().skip(1).map(cells).collect()
}

/// Largest first, then by name.
fn ranked<T: Ord + Copy>(
    sums: &BTreeMap<String, T>,
    show: impl Fn(T) -> String,
) -> Vec<Vec<String>> {
    let mut pairs: Vec<_> = sums.iter().collect();
    pairs.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    pairs.into_iter().map(|(name, &sum)| vec![name.clone(), show(sum)]).collect()
}

#[test]
fn the_ten_questions_of_the_readme_are_answered_right() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Command::new(env!("CARGO_BIN_EXE_pacioli"))
        .args(["demo", folder.path().to_str().unwrap(), "--scale", "0.05"])
        .output()
        .unwrap();
    assert!(demo.status.success());
    let file = folder.path().join("sales.csv");
    let sales = Sales::read(&file);
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "csv"))
        .collect();
    all.sort();
    let check = |question: &str, expected: Vec<Vec<String>>| {
        assert_eq!(ask(std::slice::from_ref(&file), question), expected, "{question}");
        // Beside all other tables the lines of sales are still what figures are of. Customers have a
        // table of their own there, with those who bought nothing.
        if !question.contains("distinct customers") {
            assert_eq!(ask(&all, question), expected, "{question}, of all tables");
        }
        let readme = include_str!("../../../../README.md");
        assert!(readme.contains(question), "the README does not list {question:?}");
    };
    let one = |value: String| vec![vec![value]];

    check("total revenue by region", ranked(&sales.sums(column("region"), "revenue_eur"), money));

    let year = sales.between("2025-01-01", "2026-01-01");
    let months = year.sums(|row| format!("{}-01", &row["sale_date"][..7]), "revenue_eur");
    let months = months.into_iter().map(|(month, sum)| vec![month, money(sum)]).collect();
    check("revenue by month in 2025", months);

    let last = sales.between("2024-01-01", "2025-01-01").sums(column("customer"), "revenue_eur");
    check(
        "top 5 customers by revenue last year",
        ranked(&last, money).into_iter().take(5).collect(),
    );

    let march = sales.between("2025-03-01", "2025-04-01").distinct("order_number");
    check("how many orders in March 2025", one(march.to_string()));

    let mut customers: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for row in &sales.0 {
        customers.entry(row["country"].clone()).or_default().insert(&row["customer"]);
    }
    let customers = customers.into_iter().map(|(country, them)| (country, them.len())).collect();
    check(
        "number of distinct customers per country",
        ranked(&customers, |count| count.to_string()),
    );

    let quarter = sales.between("2025-10-01", "2026-01-01").sums(column("category"), "quantity");
    check("units sold by category this quarter", ranked(&quarter, |sum| (sum / 100).to_string()));

    let euros = sales.keep(|row| row["currency"] == "EUR");
    let largest = euros.0.iter().map(|row| hundredths(&row["amount"])).max().unwrap();
    check("largest sale amount in EUR", one(money(largest)));

    let two = sales.keep(|row| ["Germany", "France"].contains(&row["country"].as_str()));
    let two = two.between("2024-01-01", "9999").sums(|_| String::new(), "revenue_eur");
    check("revenue in Germany and France since 2024", one(money(two[""])));

    let elsewhere = sales.keep(|row| row["country"] != "Germany").distinct("order_number");
    check("orders not in Germany", one(elsewhere.to_string()));

    let people = ranked(&sales.sums(column("salesperson"), "revenue_eur"), money);
    check("which salesperson has the highest revenue", people.into_iter().take(1).collect());
}
