use pacioli_model::{
    Catalog, ColumnRef, ColumnType, Literal, Predicate, ReportFilter, Value as Valued,
};

use crate::error::{ApiError, ApiResult};

/// The filters as one condition and in words, where the catalog has what they name; they were sent as a
/// member `filters` of what stands at `place`.
pub fn filters(
    filters: &[ReportFilter],
    catalog: &Catalog,
    place: &[&str],
) -> ApiResult<Option<(Predicate, Vec<String>)>> {
    let (mut all, mut words) = (Vec::new(), Vec::new());
    for (number, filter) in filters.iter().enumerate() {
        let number = number.to_string();
        let refuse = |member: &str, text: &str| {
            let place = [place, &["filters", &number, member]].concat();
            ApiError::invalid(&place, "value_error", text.to_owned())
        };
        let table = catalog.table(&filter.table);
        let table = table.ok_or_else(|| refuse("table", "There is no such table."))?;
        let column = table.column(&filter.column);
        let column = column.ok_or_else(|| refuse("column", "The table has no such column."))?;
        let values: Option<Vec<Literal>> =
            filter.values.iter().map(|text| literal(text, column.data_type)).collect();
        let values =
            values.ok_or_else(|| refuse("values", "A value is not of the column's type."))?;
        words.push(format!("{}: {}", column.label, filter.values.join(", ")));
        let column = ColumnRef::new(table.name.clone(), column.name.clone());
        all.push(Predicate::OneOf { value: Valued::Column(column), values });
    }
    Ok((!all.is_empty()).then_some((Predicate::All(all), words)))
}

fn literal(text: &str, data_type: ColumnType) -> Option<Literal> {
    match data_type {
        ColumnType::Text => Some(Literal::Text(text.to_owned())),
        ColumnType::Integer => text.parse().ok().map(Literal::Integer),
        ColumnType::Decimal { .. } => text.parse().ok().map(Literal::Decimal),
        ColumnType::Boolean => text.parse().ok().map(Literal::Boolean),
        ColumnType::Date => text.parse().ok().map(Literal::Date),
        ColumnType::Float | ColumnType::Timestamp => None,
    }
}
