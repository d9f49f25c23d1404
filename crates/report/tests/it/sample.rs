//! A report with a finding of every kind, and names that would break a careless renderer.

use chrono::{Datelike, Months, NaiveDate};
use pacioli_model::{
    AgeBucket, Ask, Better, Caveat, Cell, ColumnName, ColumnRef, ColumnType, CompanyId, Component,
    Crossed, Decimal, DefinitionUsed, Dimension, Evidence, Fact, Finding, ForecastStep, Kpi,
    Labels, MetricUsed, Missing, Point, QueryUsed, RatioComponent, Report, ReportContent, ReportId,
    ReportKind, Score, Side, Subject, Table, TableColumn, TableName, TableUsed, TableVersion, Test,
    TimeGrain, Timestamp, Unit, UserId, Window,
};

pub(crate) const HOSTILE: &str =
    "=cmd|'/c calc'!A1 <script>alert(1)</script> #eval(\"1\") $x$ & Söhne";
const MEMBERS: [&str; 8] = [
    "Nordwind Handels GmbH",
    "Iberia Textil",
    HOSTILE,
    "Kestrel & Co",
    "Müller Großhandel",
    "Ocean Fresh",
    "Zeta",
    "A rather long name of a customer that does not fit beside any bar at all",
];

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn window(from: &str, to: &str) -> Window {
    Window { from: day(from), to: day(to), grain: TimeGrain::Month, complete: true }
}

/// What this report's names are in German.
fn german(label: &str) -> Labels {
    let name = match label {
        "Revenue" => "Umsatz",
        "Gross margin" => "Rohertragsmarge",
        "Customer" => "Kunde",
        "Sales" => "Verkäufe",
        _ => return Labels::new(),
    };
    Labels::from([("de".to_owned(), name.to_owned())])
}

fn metric(label: &str, unit: Unit, better: Better) -> MetricUsed {
    MetricUsed {
        name: label.to_lowercase().replace(' ', "_"),
        label: label.to_owned(),
        labels: german(label),
        adds_up: unit != Unit::Percent,
        unit,
        better,
    }
}

fn revenue() -> MetricUsed {
    metric("Revenue", Unit::CompanyCurrency, Better::Higher)
}

fn margin() -> MetricUsed {
    metric("Gross margin", Unit::Percent, Better::Higher)
}

/// `month(n)` is n months after January 2023.
fn month(n: u32) -> NaiveDate {
    day("2023-01-01").checked_add_months(Months::new(n)).unwrap()
}

fn value(n: u32) -> f64 {
    let season = [0.9, 0.85, 1.0, 1.02, 1.05, 0.98, 0.9, 0.8, 1.05, 1.1, 1.25, 1.4];
    (410_000.0 + 6_500.0 * f64::from(n)) * season[n as usize % 12]
        + f64::from(n * 7919 % 1000) * 11.0
}

fn money(value: f64) -> Cell {
    #[expect(clippy::cast_possible_truncation, reason = "a test's figures are small")]
    Cell::Decimal(Decimal::new((value * 100.0).round() as i128, 2))
}

fn table(columns: &[(&str, ColumnType)], rows: Vec<Vec<Cell>>) -> Table {
    let column = |(name, data_type): &(&str, ColumnType)| TableColumn {
        name: ColumnName::parse(name).unwrap(),
        data_type: *data_type,
    };
    Table { columns: columns.iter().map(column).collect(), rows, truncated: false }
}

const MONEY: ColumnType = ColumnType::Decimal { scale: 2 };

fn months(extra: &[&str], row: impl Fn(u32) -> Vec<Cell>) -> Table {
    let mut columns = vec![("period", ColumnType::Date), ("value", MONEY)];
    columns.extend(extra.iter().map(|name| (*name, MONEY)));
    let rows = (0..36).map(|n| {
        let mut cells = vec![Cell::Date(month(n)), money(value(n))];
        cells.extend(row(n));
        cells
    });
    table(&columns, rows.collect())
}

fn members(columns: &[&str], row: impl Fn(f64) -> Vec<f64>) -> Table {
    let mut kinds = vec![("member", ColumnType::Text)];
    kinds.extend(columns.iter().map(|name| (*name, MONEY)));
    let rows = MEMBERS.iter().zip(1_u8..).map(|(member, n)| {
        let mut cells = vec![Cell::Text((*member).to_owned())];
        cells.extend(row(f64::from(n)).into_iter().map(money));
        cells
    });
    table(&kinds, rows.collect())
}

fn finding(metric: MetricUsed, member: Option<&str>, fact: Fact, rows: Table) -> Finding {
    let sales = TableName::parse("sales").unwrap();
    let column = ColumnRef::new(sales.clone(), ColumnName::parse("customer").unwrap());
    let of_members = rows.columns.first().is_some_and(|column| column.name.as_str() == "member");
    Finding {
        id: format!("{}:{}", fact.kind(), metric.name),
        subject: Subject {
            metric,
            table: sales,
            dimension: of_members.then(|| Dimension {
                column,
                label: "Customer".to_owned(),
                labels: german("Customer"),
            }),
            member: member.map(str::to_owned),
            window: window("2025-10-01", "2026-01-01"),
        },
        fact,
        test: None,
        score: Score { impact: 0.8, significance: 0.9, novelty: 1.0, actionability: 0.7 },
        caveats: Vec::new(),
        evidence: Evidence { table: rows, queries: vec![0, 1] },
    }
}

fn tested(mut finding: Finding, name: &str, p_value: f64) -> Finding {
    finding.test = Some(Test { name: name.to_owned(), statistic: 4.2, p_value, n: 36 });
    finding.caveats = vec![Caveat::FewPoints, Caveat::OneCurrency];
    finding
}

fn over_time() -> Vec<Finding> {
    let plain = || months(&[], |_| Vec::new());
    let banded = || {
        months(&["expected", "low", "high"], |n| {
            [1.0, 0.92, 1.08].iter().map(|part| money(value(n) * part * 0.98)).collect()
        })
    };
    let against = window("2025-07-01", "2025-10-01");
    let change =
        Fact::Change { value: 2_400_000.0, before: 2_750_000.0, against, rate: Some(-0.127) };
    let points = Fact::Change { value: 0.31, before: 0.28, against, rate: Some(0.107) };
    let ratio = table(
        &[("period", ColumnType::Date), ("value", ColumnType::Float)],
        (0..36)
            .map(|n| vec![Cell::Date(month(n)), Cell::Float(0.28 + f64::from(n % 7) / 200.0)])
            .collect(),
    );
    let mut running = finding(
        revenue(),
        None,
        Fact::Pace {
            so_far: 410_000.0,
            days: 17,
            days_in_all: 31,
            projected: 747_647.0,
            reference: 800_000.0,
            is_target: true,
        },
        plain(),
    );
    running.subject.window = Window { complete: false, ..window("2025-12-01", "2026-01-01") };
    vec![
        tested(finding(revenue(), None, change, plain()), "welch_t", 0.004),
        finding(margin(), None, points, ratio),
        tested(
            finding(
                revenue(),
                Some("Nordwind Handels GmbH"),
                Fact::Trend { slope: 6_512.3, first: 410_000.0, last: 640_000.0, periods: 36 },
                plain(),
            ),
            "mann_kendall",
            0.000_01,
        ),
        finding(
            revenue(),
            None,
            Fact::Season {
                length: 12,
                strength: 0.81,
                high: 12,
                high_effect: 0.4,
                low: 8,
                low_effect: -0.2,
            },
            plain(),
        ),
        finding(
            revenue(),
            None,
            Fact::ChangePoint { at: month(20), before: 480_000.0, after: 560_000.0 },
            plain(),
        ),
        tested(
            finding(
                revenue(),
                None,
                Fact::OutlierPoint {
                    at: month(30),
                    value: 612_345.67,
                    expected: 510_000.0,
                    low: 470_000.0,
                    high: 550_000.0,
                },
                banded(),
            ),
            "robust_z",
            0.03,
        ),
        running,
        forecast(),
    ]
}

fn forecast() -> Finding {
    let columns = [
        ("period", ColumnType::Date),
        ("value", MONEY),
        ("forecast", MONEY),
        ("low", MONEY),
        ("high", MONEY),
    ];
    let past = (12..36)
        .map(|n| vec![Cell::Date(month(n)), money(value(n)), Cell::Null, Cell::Null, Cell::Null]);
    let ahead = (36..42).map(|n| {
        let wide = 0.05 + f64::from(n - 35) * 0.015;
        let ends = [1.0, 1.0 - wide, 1.0 + wide].map(|part| money(value(n) * part));
        let mut cells = vec![Cell::Date(month(n)), Cell::Null];
        cells.extend(ends);
        cells
    });
    let steps = (36..42).map(|n| ForecastStep {
        at: month(n),
        value: value(n),
        low: value(n) * 0.93,
        high: value(n) * 1.07,
    });
    let fact = Fact::Forecast {
        steps: steps.collect(),
        level: 0.8,
        methods: vec!["ets".to_owned(), "theta".to_owned(), "mstl".to_owned()],
        mase: 0.71,
        naive_mase: 0.94,
        beats_naive: true,
    };
    finding(revenue(), None, fact, table(&columns, past.chain(ahead).collect()))
}

#[expect(clippy::too_many_lines, reason = "one finding after another")]
fn of_members() -> Vec<Finding> {
    let against = window("2025-07-01", "2025-10-01");
    let ranked = || members(&["value"], |n| vec![900_000.0 / n]);
    let moved = || {
        members(&["before", "after", "change"], |n| {
            let (before, after) = (500_000.0 / n, 400_000.0 / n + 9_000.0 * n);
            vec![before, after, after - before]
        })
    };
    let component = |n: usize, before: f64, after: f64| Component {
        member: MEMBERS[n].to_owned(),
        before,
        after,
    };
    let components = vec![
        component(0, 500_000.0, 320_000.0),
        component(2, 100_000.0, 160_000.0),
        component(1, 250_000.0, 200_000.0),
    ];
    let rest = Component { member: String::new(), before: 150_000.0, after: 120_000.0 };
    let ratios = vec![
        RatioComponent { member: MEMBERS[0].to_owned(), rate: 0.02, mix: -0.005 },
        RatioComponent { member: MEMBERS[3].to_owned(), rate: -0.01, mix: 0.025 },
    ];
    vec![
        finding(
            revenue(),
            None,
            Fact::Drivers {
                value: 800_000.0,
                before: 1_000_000.0,
                against,
                components,
                rest,
                others: 41,
                crossed: Some(Box::new(Crossed {
                    member: HOSTILE.to_owned(),
                    dimension: Dimension {
                        column: ColumnRef::new(
                            TableName::parse("sales").unwrap(),
                            ColumnName::parse("region").unwrap(),
                        ),
                        label: "Region".to_owned(),
                        labels: german("Region"),
                    },
                    other: "North".to_owned(),
                    before: 180_000.0,
                    after: 60_000.0,
                    rest: -80_000.0,
                    explained: 0.5,
                    single: 0.1,
                    test: Test {
                        name: "robust_z".to_owned(),
                        statistic: -9.0,
                        p_value: 1e-6,
                        n: 60,
                    },
                })),
            },
            moved(),
        ),
        tested(
            finding(
                revenue(),
                Some(HOSTILE),
                Fact::OutlierMember {
                    value: 160_000.0,
                    before: 100_000.0,
                    rate: 0.6,
                    typical_rate: -0.02,
                    members: 44,
                },
                moved(),
            ),
            "some_new_test",
            0.2,
        ),
        tested(
            finding(
                metric("Returns", Unit::Currency("EUR".to_owned()), Better::Lower),
                Some(MEMBERS[1]),
                Fact::Burst {
                    at: month(30),
                    to: month(32),
                    value: 19_000.0,
                    expected: 1_900.0,
                    rows: 33.0,
                    expected_rows: 3.3,
                },
                months(&["rows", "rows_in_all"], |_| vec![money(3.0), money(40.0)]),
            ),
            "gamma_poisson",
            0.000_1,
        ),
        finding(
            revenue(),
            Some(MEMBERS[0]),
            Fact::OutstandingFirst {
                value: 900_000.0,
                next: 450_000.0,
                expected: 520_000.0,
                members: 8,
            },
            ranked(),
        ),
        finding(
            revenue(),
            Some(MEMBERS[7]),
            Fact::OutstandingLast {
                value: 1_250.5,
                next: 90_000.0,
                expected: 70_000.0,
                members: 8,
            },
            ranked(),
        ),
        finding(
            revenue(),
            Some(MEMBERS[0]),
            Fact::Concentration {
                hhi: 0.22,
                first_share: 0.37,
                for_80_percent: 4,
                members: 8,
                total: 2_446_071.0,
            },
            ranked(),
        ),
        finding(
            revenue(),
            None,
            Fact::PriceVolumeMix {
                value: 800_000.0,
                before: 1_000_000.0,
                against,
                price: 40_000.0,
                volume: -190_000.0,
                mix: -50_000.0,
            },
            members(&["quantity_before", "quantity_after", "value_before", "value_after"], |n| {
                vec![100.0 * n, 90.0 * n, 5_000.0 * n, 4_400.0 * n]
            }),
        ),
        finding(
            margin(),
            None,
            Fact::RatioDrivers { value: 0.31, before: 0.28, against, components: ratios },
            members(
                &["numerator_before", "numerator_after", "denominator_before", "denominator_after"],
                |n| vec![28.0 * n, 31.0 * n, 100.0 * n, 100.0 * n],
            ),
        ),
        finding(
            revenue(),
            None,
            Fact::NewLost {
                new: 12,
                new_value: 84_000.0,
                lost: 7,
                lost_value: 61_000.0,
                back: 2,
                back_value: 9_500.0,
                kept: 131,
                kept_change: -12_000.0,
            },
            moved(),
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "one finding after another")]
fn of_money_and_stock() -> Vec<Finding> {
    let days = metric("Days sales outstanding", Unit::Days, Better::Lower);
    let orders = metric("Orders", Unit::Number, Better::Higher);
    let bucket =
        |from_days, to_days, amount, items| AgeBucket { from_days, to_days, amount, items };
    let buckets = vec![
        bucket(None, None, 210_000.0, 88),
        bucket(Some(1), Some(30), 64_000.0, 31),
        bucket(Some(31), Some(60), 22_500.0, 9),
        bucket(Some(61), Some(90), 4_000.0, 3),
        bucket(Some(91), None, 41_250.75, 5),
    ];
    // Numbered, as queries give them.
    let aged = buckets.iter().zip(0..).map(|(one, place)| {
        vec![Cell::Integer(place), money(one.amount), Cell::Integer(one.items.cast_signed())]
    });
    let aged = table(
        &[("bucket", ColumnType::Integer), ("amount", MONEY), ("items", ColumnType::Integer)],
        aged.collect(),
    );
    let stock = table(
        &[
            ("item", ColumnType::Text),
            ("on_hand", ColumnType::Integer),
            ("per_day", ColumnType::Float),
            ("days", ColumnType::Float),
        ],
        (1_i32..=9)
            .map(|n| {
                let (stock, rate) = (f64::from(n * n * 10), 4.5);
                vec![
                    Cell::Text(format!("Article {n}")),
                    Cell::Integer(i64::from(n * n * 10)),
                    Cell::Float(rate),
                    Cell::Float(stock / rate),
                ]
            })
            .collect(),
    );
    let both = months(&["other"], |n| vec![money(f64::from(120 + n * 3 + n * 17 % 13))]);
    let quality = table(
        &[
            ("table", ColumnType::Text),
            ("columns", ColumnType::Text),
            ("rows", ColumnType::Integer),
        ],
        vec![vec![
            Cell::Text("sales".to_owned()),
            Cell::Text("customer_id".to_owned()),
            Cell::Integer(41),
        ]],
    );
    vec![
        finding(revenue(), None, Fact::LeadLag { other: orders, lag: 2, rho: 0.63 }, both),
        finding(
            revenue(),
            None,
            Fact::Ageing {
                side: Side::Receivable,
                on: day("2026-01-01"),
                buckets,
                open: 341_750.75,
                overdue: 131_750.75,
            },
            aged,
        ),
        finding(
            days,
            None,
            Fact::DaysOutstanding {
                side: Side::Receivable,
                days: 47.3,
                before: Some(41.0),
                before_on: NaiveDate::from_ymd_opt(2025, 12, 31),
                open: 341_750.75,
            },
            table(
                &[("period", ColumnType::Date), ("value", ColumnType::Float)],
                (24..36)
                    .map(|n| vec![Cell::Date(month(n)), Cell::Float(f64::from(n) + 12.5)])
                    .collect(),
            ),
        ),
        finding(
            metric("Stock", Unit::Number, Better::Neither),
            None,
            Fact::StockCover {
                items: 9,
                short: 2,
                within_days: 14,
                dead: 1,
                median_days: Some(55.6),
            },
            stock,
        ),
        finding(
            revenue(),
            None,
            Fact::DataQuality {
                problem: "orphans".to_owned(),
                severity: "medium".to_owned(),
                columns: vec!["customer_id".to_owned()],
                rows: Some(41),
                detail: "41 rows name nothing that is in customers.".to_owned(),
            },
            quality,
        ),
    ]
}

fn headline() -> Vec<Kpi> {
    let series = |scale: f64| {
        let point = |n: u32| Point {
            at: month(n),
            value: Some(value(n) * scale),
            partial: n == 35 && month(n).month() != 12,
        };
        (12..36).map(point).collect::<Vec<_>>()
    };
    vec![
        Kpi {
            metric: revenue(),
            value: Some(2_400_123.45),
            previous: Some(2_750_000.0),
            year_before: Some(2_100_000.0),
            series: series(1.0),
            queries: vec![0],
        },
        Kpi {
            metric: margin(),
            value: Some(0.312),
            previous: Some(0.28),
            year_before: None,
            series: series(1e-6),
            queries: vec![1],
        },
        Kpi {
            metric: metric("Orders", Unit::Number, Better::Higher),
            value: Some(1_844.0),
            previous: Some(1_790.0),
            year_before: Some(0.0),
            series: series(1e-3),
            queries: vec![1],
        },
        Kpi {
            metric: metric("Refunds", Unit::CompanyCurrency, Better::Lower),
            value: None,
            previous: None,
            year_before: None,
            series: Vec::new(),
            queries: Vec::new(),
        },
    ]
}

/// The report.
pub(crate) fn report() -> Report {
    let sales = TableName::parse("sales").unwrap();
    let query = |sql: &str, rows| QueryUsed {
        ask: Some(Ask::about(sales.clone())),
        sql: sql.to_owned(),
        rows,
    };
    let findings = [over_time(), of_members(), of_money_and_stock()].concat();
    Report {
        id: ReportId(uuid::Uuid::from_u128(7)),
        company_id: CompanyId(uuid::Uuid::from_u128(1)),
        company_name: "Bergmann & Töchter <GmbH>".to_owned(),
        user_id: UserId(uuid::Uuid::from_u128(2)),
        created_at: Timestamp::from_millis(1_767_348_000_000),
        language: "en".to_owned(),
        formats: Vec::new(),
        content: ReportContent {
            kind: ReportKind::Overview,
            period: window("2025-10-01", "2026-01-01"),
            comparison: Some(window("2025-07-01", "2025-10-01")),
            currency: Some("EUR".to_owned()),
            today: day("2026-01-02"),
            data_until: Some(day("2025-12-31")),
            filters: vec!["region is Nordics".to_owned()],
            headline: headline(),
            findings,
            answers: Vec::new(),
            definitions: vec![DefinitionUsed {
                metric: revenue(),
                description: "Invoiced amounts without tax".to_owned(),
                formula: "sum(sales.revenue_eur)".to_owned(),
            }],
            tables: vec![TableUsed {
                table: sales.clone(),
                label: "Sales".to_owned(),
                labels: german("Sales"),
                version: TableVersion(uuid::Uuid::from_u128(9)),
                loaded_at: Timestamp::from_millis(1_767_340_000_000),
                rows: 1_234_567,
            }],
            queries: vec![
                query(
                    "SELECT date_trunc('month', s.sale_date) AS month, sum(s.revenue_eur) AS revenue\nFROM sales AS s\nWHERE s.region = 'Nordics'\nGROUP BY 1\nORDER BY 1",
                    36,
                ),
                query(
                    "SELECT s.customer, sum(s.revenue_eur) AS revenue FROM sales AS s WHERE s.customer <> '</code><script>alert(1)</script>' GROUP BY s.customer ORDER BY 2 DESC LIMIT 50",
                    8,
                ),
            ],
            missing: vec![
                Missing { what: "stock".to_owned(), ..Missing::default() },
                Missing {
                    what: "Purchase price".to_owned(),
                    labels: Labels::new(),
                    names: vec!["purchases.price".to_owned()],
                    reason: None,
                },
            ],
            tests_made: 143,
        },
    }
}
