//! What runs out of stock, and what nobody takes.

use std::collections::BTreeMap;

use pacioli_insights::{
    Cover, Item, cover,
    study::{Cells, table},
};
use pacioli_model::{
    Ask, Catalog, Cell, ColumnType, DayRange, Dimension, Evidence, Fact, Finding, GroupKey,
    Grouping, Measure, ReportContent, ReportKind, Table, TableName, Value,
};

use super::{
    Analyst, Wanted,
    dimensions::dimensions,
    extras::{declared, finding},
    figures::Figured,
    report::column,
    rows,
};
use crate::error::ApiResult;

/// Kinds of reports that tell of stock.
const TOLD: [ReportKind; 3] = [ReportKind::Overview, ReportKind::Inventory, ReportKind::Products];
/// Days that stock is looked back over, and within which it shall not run out.
const TAKEN_DAYS: u32 = 90;
const SOON_DAYS: u32 = 14;

/// Items that run out soon or that nobody takes: for declared `stock_on_hand` and `units_sold` that share a
/// dimension of items.
pub(super) async fn stock(
    analyst: &mut Analyst<'_>,
    wanted: &Wanted,
    content: &ReportContent,
) -> ApiResult<Option<Finding>> {
    if !TOLD.contains(&wanted.spec.kind) {
        return Ok(None);
    }
    let figured = (declared(analyst, "stock_on_hand"), declared(analyst, "units_sold"));
    let ((Some(stock), Some(sold)), Some(until)) = (figured, content.data_until) else {
        return Ok(None);
    };
    let Some(item) = shared_item(&analyst.seen.visible, &stock.table, &sold.table) else {
        return Ok(None);
    };
    let to = until.min(content.today).succ_opt().unwrap_or(until);
    let from = to - chrono::Days::new(TAKEN_DAYS.into());
    let on_hand = by_item(&stock, &item, DayRange { from: None, to: Some(to) });
    let Some((on_hand_query, on_hand)) = analyst.ask(on_hand).await? else { return Ok(None) };
    let taken = by_item(&sold, &item, DayRange { from: Some(from), to: Some(to) });
    let Some((taken_query, taken)) = analyst.ask(taken).await? else { return Ok(None) };
    if on_hand.truncated || taken.truncated {
        return Ok(None);
    }
    let items = items(&on_hand, &taken);
    let each: Vec<Item> = items.values().cloned().collect();
    let found = cover(&each, f64::from(TAKEN_DAYS), f64::from(SOON_DAYS));
    let Some(found) = found.filter(|it| it.short > 0 || it.dead > 0) else { return Ok(None) };
    let evidence = Evidence { table: listed(&items), queries: vec![on_hand_query, taken_query] };
    let mut finding = finding(&stock, fact(&found), impact(&found), evidence, content);
    finding.subject.dimension = Some(item);
    Ok(Some(finding))
}

/// The items that both tables tell apart.
fn shared_item(catalog: &Catalog, stock: &TableName, sold: &TableName) -> Option<Dimension> {
    let items = |table: &TableName| dimensions(catalog, table, ReportKind::Products, 3);
    items(stock).into_iter().find(|it| {
        let is_item = ["product", "item"].iter().any(|word| {
            it.column.table.as_str().contains(word) || it.column.column.as_str().contains(word)
        });
        is_item && items(sold).contains(it)
    })
}

fn by_item(figured: &Figured, item: &Dimension, range: DayRange) -> Ask {
    let key = GroupKey::Value(Value::Column(item.column.clone()));
    Ask {
        measures: vec![Measure::new(column("value"), figured.figure.clone())],
        group_by: vec![Grouping::new(column("item"), key)],
        range: Some(range),
        ..Ask::about(figured.table.clone())
    }
}

/// Each item by its name: what there is of it, and what was taken.
fn items(on_hand: &Table, taken: &Table) -> BTreeMap<String, Item> {
    let mut items: BTreeMap<String, Item> = BTreeMap::new();
    let mut add = |table: &Table, set: fn(&mut Item, f64)| {
        for row in &table.rows {
            let [name, value] = row.as_slice() else { continue };
            let item = items.entry(rows::name(name)).or_insert(Item { on_hand: 0.0, taken: 0.0 });
            set(item, value.as_f64().unwrap_or(0.0));
        }
    };
    add(on_hand, |item, value| item.on_hand += value);
    add(taken, |item, value| item.taken += value.max(0.0));
    items
}

/// The items, those that run out first first.
fn listed(items: &BTreeMap<String, Item>) -> Table {
    let days = |item: &Item| item.cover(f64::from(TAKEN_DAYS));
    let mut listed: Vec<(&String, &Item)> = items.iter().collect();
    listed.sort_by(|(one, first), (other, second)| {
        let lasts = |item: &Item| days(item).unwrap_or(f64::MAX);
        lasts(first).total_cmp(&lasts(second)).then_with(|| one.cmp(other))
    });
    let float = |of: &dyn Fn(&Item) -> Option<f64>| {
        listed.iter().map(|(_, item)| of(item).map_or(Cell::Null, Cell::Float)).collect()
    };
    let cells: Vec<Cells<'_>> = vec![
        ("item", ColumnType::Text, listed.iter().map(|it| Cell::Text(it.0.clone())).collect()),
        ("on_hand", ColumnType::Float, float(&|item| Some(item.on_hand))),
        ("per_day", ColumnType::Float, float(&|item| Some(item.taken / f64::from(TAKEN_DAYS)))),
        ("days", ColumnType::Float, float(&days)),
    ];
    table(cells)
}

fn fact(found: &Cover) -> Fact {
    Fact::StockCover {
        items: found.items,
        short: found.short,
        within_days: SOON_DAYS,
        dead: found.dead,
        median_days: found.median_days,
    }
}

/// By the part of all items that it is about.
fn impact(found: &Cover) -> f64 {
    let count = |items: usize| f64::from(u32::try_from(items).unwrap_or(u32::MAX));
    let share = count(found.short + found.dead) / count(found.items.max(1));
    share.clamp(0.0, 1.0).sqrt()
}
