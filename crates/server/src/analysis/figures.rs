//! Which figures a kind of report looks at.

use pacioli_model::{
    Aggregate, Aggregation, Better, Catalog, ColumnRef, Definition, Figure, Labels, Metric,
    MetricName, MetricUsed, Missing, Named, Operation, OverTime, ReportKind, TableName, Unit,
    Value, notation,
};

/// A figure that can be asked for.
#[derive(Debug, Clone)]
pub struct Figured {
    /// As findings name it.
    pub metric: MetricUsed,
    /// How it is asked for.
    pub figure: Figure,
    /// The table whose rows it is of; of a calculation, of its first part.
    pub table: TableName,
    /// When a row happened.
    pub date: ColumnRef,
    /// How its members add up at one time, though its periods do not: a state or a balance.
    pub is_state: bool,
    /// 0 to 1.
    pub weight: f64,
    /// As declared.
    pub description: String,
    /// In the notation of declarations.
    pub formula: String,
    /// The column that its currency is in, where one says it row by row.
    pub currency_of: Option<ColumnRef>,
}

/// Words by which figures are of a kind of report, the most telling first, where their declarations say no
/// kinds.
fn words(kind: ReportKind) -> &'static [&'static str] {
    match kind {
        ReportKind::Overview => &[
            "revenue",
            "sales",
            "gross_profit",
            "net_profit",
            "operating_profit",
            "gross_margin",
            "orders_taken",
            "sales_orders",
            "spend",
            "units_sold",
            "operating_expenses",
            "cash_collected",
            "cash",
            "receivables",
            "payables",
            "stock_value",
            "headcount",
            "produced",
            "absence",
        ],
        ReportKind::Sales => &[
            "revenue",
            "sales",
            "gross_profit",
            "gross_margin",
            "order_margin",
            "orders_taken",
            "sales_orders",
            "average_order",
            "units_sold",
            "units_ordered",
            "discount",
            "refund",
            "returns",
            "quot",
            "pipeline",
        ],
        ReportKind::Customers => &[
            "revenue",
            "sales",
            "active_customers",
            "buying_customers",
            "new_customers",
            "gross_profit",
            "orders_taken",
            "average_order",
            "refund",
        ],
        ReportKind::Products => &[
            "revenue",
            "units_sold",
            "units_ordered",
            "gross_profit",
            "gross_margin",
            "returns",
            "refund",
            "shortage",
        ],
        ReportKind::Purchasing => {
            &["spend", "purchase", "lead_time", "receipts", "on_time", "unreceived", "suppliers"]
        }
        ReportKind::Inventory => &["stock", "on_hand", "inventory", "shortage"],
        ReportKind::ReceivablesPayables => {
            &["receivables", "payables", "days_to_pay", "overdue", "open", "invoice"]
        }
        ReportKind::Cash => &["cash", "collected", "payment", "operating_expenses", "expense"],
        ReportKind::People => {
            &["headcount", "absence", "sick", "hires", "leavers", "hours", "employee"]
        }
        ReportKind::Production => {
            &["produced", "production", "planned", "scrap", "yield", "output"]
        }
        ReportKind::DataQuality | ReportKind::Custom => &[],
    }
}

/// Words of figures that say what is open now: by the days of their documents they are no series, for what
/// is young is always more open.
const OPEN: &[&str] =
    &["receivable", "payable", "outstanding", "undelivered", "unreceived", "overdue"];

/// Words of figures of which less is better, or neither is, where their declarations say nothing of it.
const LOWER: &[&str] = &[
    "cost",
    "expense",
    "refund",
    "return",
    "discount",
    "scrap",
    "absence",
    "sick",
    "overdue",
    "shortage",
    "lead_time",
    "days_to",
    "delivery_days",
    "leavers",
    "undelivered",
    "unreceived",
];
const NEITHER: &[&str] = &[
    "stock",
    "spend",
    "payable",
    "receivable",
    "purchase",
    "headcount",
    "planned",
    "hours",
    "on_hand",
];

/// The figures of a kind of report among what is declared, the most telling first, at most `most`.
///
/// `whole` is the same catalog with what the person does not see: it knows whether amounts are in several
/// currencies even where values are not shown.
pub fn figures(catalog: &Catalog, whole: &Catalog, kind: ReportKind, most: usize) -> Vec<Figured> {
    let wanted = words(kind);
    let place = |metric: &Metric| {
        let (name, declared) = (metric.name.as_str(), &metric.in_reports);
        if OPEN.iter().any(|word| name.contains(word)) || is_target(name) {
            return None;
        }
        // What is declared holds; the rest is judged by its name.
        if declared.is_empty() {
            return wanted.iter().position(|word| name.contains(word));
        }
        declared.kinds.contains(&kind).then(|| declared.place.map_or(0, usize::from))
    };
    let mut found: Vec<(usize, Figured)> = catalog
        .semantics
        .metrics
        .iter()
        .filter_map(|metric| Some((place(metric)?, figured(catalog, metric)?)))
        .collect();
    // A plain sum tells more than what is made of it, and a short name is the usual one.
    found.sort_by_key(|(place, it)| (*place, !it.metric.adds_up, it.metric.name.len()));
    let mut figures: Vec<Figured> = found.into_iter().map(|(_, it)| it).collect();
    if figures.is_empty() && catalog.semantics.metrics.is_empty() {
        figures = found_measures(catalog, whole, kind);
    }
    figures.truncate(most);
    let steps = f64::from(u32::try_from(figures.len().max(2)).unwrap_or(u32::MAX) - 1);
    for (place, figure) in figures.iter_mut().enumerate() {
        let place = f64::from(u32::try_from(place).unwrap_or(u32::MAX));
        figure.weight = 1.0 - 0.6 * place / steps;
    }
    figures
}

/// A declared metric as a figure over time; nothing where no date belongs to it.
pub fn figured(catalog: &Catalog, metric: &Metric) -> Option<Figured> {
    let base = base(catalog, &metric.definition, 0)?;
    let date = date_of(catalog, base)?;
    let of_rows = matches!(metric.definition, Definition::Aggregate(_));
    let sums = matches!(base.aggregate, Aggregate::Sum | Aggregate::Count);
    let currency_of = match &metric.unit {
        Unit::CurrencyOf(column) => Some(column.clone()),
        _ => None,
    };
    Some(Figured {
        metric: MetricUsed {
            name: metric.name.to_string(),
            label: metric.label.clone(),
            labels: metric.labels.clone(),
            unit: metric.unit.clone(),
            better: metric.in_reports.better.unwrap_or_else(|| better(metric.name.as_str())),
            adds_up: adds_up(catalog, &metric.definition, base),
        },
        figure: Figure::Metric { metric: metric.name.clone(), shift: None },
        table: base.table.clone(),
        date,
        is_state: of_rows && sums && base.over_time != OverTime::Within,
        weight: 1.0,
        description: metric.description.clone(),
        formula: notation::write_definition(&metric.definition).unwrap_or_default(),
        currency_of,
    })
}

/// What the names of targets end with.
const TARGETS: [&str; 2] = ["_target", "_budget"];

/// A figure that says what another one should be is none of its own.
fn is_target(name: &str) -> bool {
    TARGETS.iter().any(|end| name.ends_with(end))
}

/// Whether a metric is the target of the one called `name`: `revenue_target` or `revenue_budget` of
/// `revenue`.
pub fn is_target_of(metric: &Metric, name: &str) -> bool {
    TARGETS.iter().any(|end| metric.name.as_str().strip_suffix(end) == Some(name))
}

/// The aggregation that a definition begins with.
pub(super) fn base<'a>(
    catalog: &'a Catalog,
    definition: &'a Definition,
    depth: usize,
) -> Option<&'a Aggregation> {
    if let Definition::Aggregate(aggregation) = definition {
        return Some(aggregation);
    }
    // Metrics of metrics are few deep; one that names itself is none.
    let parts = definition.names().into_iter().filter_map(|named| match named {
        Named::Metric(name) => Some(name),
        _ => None,
    });
    let mut parts = parts.filter_map(|name: &MetricName| catalog.semantics.metric(name));
    parts.find_map(|part| if depth < 8 { base(catalog, &part.definition, depth + 1) } else { None })
}

/// Whether periods and members of a metric add up: a sum or a count of what happens, and sums and differences of
/// such over the same rows and days.
fn adds_up(catalog: &Catalog, definition: &Definition, base: &Aggregation) -> bool {
    match definition {
        Definition::Aggregate(it) => {
            matches!(it.aggregate, Aggregate::Sum | Aggregate::Count)
                && it.over_time == OverTime::Within
                && (&it.table, &it.date) == (&base.table, &base.date)
        }
        Definition::Calculation(value) => parts_add_up(catalog, value, base),
    }
}

fn parts_add_up(catalog: &Catalog, value: &Value, base: &Aggregation) -> bool {
    match value {
        Value::Metric(name) => catalog.semantics.metric(name).is_some_and(|metric| {
            let is_plain = matches!(metric.definition, Definition::Aggregate(_));
            is_plain && adds_up(catalog, &metric.definition, base)
        }),
        Value::Arithmetic { operation: Operation::Add | Operation::Subtract, left, right } => {
            parts_add_up(catalog, left, base) && parts_add_up(catalog, right, base)
        }
        _ => false,
    }
}

/// How many rows are behind a figure: of a calculation, behind its first part.
pub(super) fn rows_behind(
    catalog: &Catalog,
    figure: &Figure,
    date: Option<&ColumnRef>,
) -> Option<Aggregation> {
    let aggregation = match figure {
        Figure::Aggregate(aggregation) => aggregation,
        Figure::Metric { metric, .. } => {
            base(catalog, &catalog.semantics.metric(metric)?.definition, 0)?
        }
        _ => return None,
    };
    // What is not there is not averaged.
    let averaged = aggregation.aggregate == Aggregate::Average;
    Some(Aggregation {
        aggregate: Aggregate::Count,
        value: aggregation.value.clone().filter(|_| averaged),
        date: date.or(aggregation.date.as_ref()).cloned(),
        ..aggregation.clone()
    })
}

fn date_of(catalog: &Catalog, base: &Aggregation) -> Option<ColumnRef> {
    base.date.clone().or_else(|| {
        let declared = catalog.semantics.table(&base.table)?.date.clone()?;
        Some(ColumnRef::new(base.table.clone(), declared))
    })
}

fn better(name: &str) -> Better {
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(LOWER) {
        Better::Lower
    } else if has(NEITHER) {
        Better::Neither
    } else {
        Better::Higher
    }
}

/// Where nothing is declared: sums of columns that hold amounts, by the first date of their table. The
/// widest table that has both counts, so that one book is not told of twice.
fn found_measures(catalog: &Catalog, whole: &Catalog, kind: ReportKind) -> Vec<Figured> {
    if !matches!(
        kind,
        ReportKind::Overview | ReportKind::Sales | ReportKind::Customers | ReportKind::Products
    ) {
        return Vec::new();
    }
    let amounts = |table: &'_ pacioli_model::TableEntry| {
        let all = whole.table(&table.name).map(pacioli_language::amounts).unwrap_or_default();
        let seen = |amount: &pacioli_language::Amount| table.column(&amount.column).is_some();
        all.into_iter().filter(|amount| !amount.is_mixed && seen(amount)).collect::<Vec<_>>()
    };
    let dated = catalog.tables.iter().filter_map(|table| {
        let date = table.columns.iter().find(|column| column.data_type.is_time())?;
        Some((table, date, amounts(table)))
    });
    let widest = dated
        .filter(|(_, _, amounts)| !amounts.is_empty())
        .max_by_key(|(table, _, amounts)| (amounts.len(), table.columns.len()));
    let Some((table, date, amounts)) = widest else { return Vec::new() };
    let date = ColumnRef::new(table.name.clone(), date.name.clone());
    let figure = |amount: pacioli_language::Amount| {
        let column = ColumnRef::new(table.name.clone(), amount.column.clone());
        let aggregation = Aggregation {
            value: Some(pacioli_model::Value::Column(column)),
            date: Some(date.clone()),
            ..Aggregation::new(Aggregate::Sum, table.name.clone())
        };
        let definition = Definition::Aggregate(aggregation.clone());
        let name = format!("sum_{}_{}", table.name, amount.column);
        let unit = match amount.currency {
            Some(code) => Unit::Currency(code),
            None if amount.is_money => Unit::CompanyCurrency,
            None => Unit::Named("units".to_owned()),
        };
        Figured {
            metric: MetricUsed {
                better: better(&name),
                name,
                label: amount.label,
                labels: Labels::new(),
                unit,
                adds_up: true,
            },
            figure: Figure::Aggregate(aggregation),
            table: table.name.clone(),
            date: date.clone(),
            is_state: false,
            weight: 1.0,
            description: String::new(),
            formula: notation::write_definition(&definition).unwrap_or_default(),
            currency_of: None,
        }
    };
    amounts.into_iter().map(figure).collect()
}

/// The currency of the company's amounts: as declared, else the one that its figures are declared in, if it
/// is one.
pub fn currency(catalog: &Catalog) -> Option<String> {
    let declared = catalog.semantics.metrics.iter().filter_map(|metric| match &metric.unit {
        Unit::Currency(code) => Some(code),
        _ => None,
    });
    let codes: std::collections::BTreeSet<&String> = declared.collect();
    let only = || codes.first().filter(|_| codes.len() == 1).map(|code| (*code).clone());
    catalog.semantics.currency.clone().or_else(only)
}

/// What a kind of report wants and a catalog cannot give.
pub fn missing(catalog: &Catalog, kind: ReportKind) -> Vec<Missing> {
    let wanted = words(kind);
    let unavailable = catalog.semantics.unavailable.iter();
    let of_kind = unavailable.filter(|it| {
        let is_named = || wanted.iter().any(|word| it.name.as_str().contains(word));
        if it.reports.is_empty() { is_named() } else { it.reports.contains(&kind) }
    });
    let each = of_kind.map(|it| Missing {
        what: it.label.clone(),
        labels: it.labels.clone(),
        names: it.missing.clone(),
        reason: None,
    });
    each.collect()
}

/// What a kind needs to say anything, by the name that [`Missing`] documents.
pub fn need(kind: ReportKind) -> &'static str {
    match kind {
        ReportKind::Overview | ReportKind::Sales => "sales",
        ReportKind::Customers => "customers",
        ReportKind::Products => "products",
        ReportKind::Purchasing => "purchases",
        ReportKind::Inventory => "stock",
        ReportKind::ReceivablesPayables => "receivables",
        ReportKind::Cash => "cash",
        ReportKind::People => "people",
        ReportKind::Production => "production",
        ReportKind::DataQuality => "rows",
        ReportKind::Custom => "questions",
    }
}
