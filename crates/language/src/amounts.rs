//! Which columns of a table hold amounts, for analyses of tables that nothing is declared of.

use pacioli_model::{ColumnName, TableEntry};

use crate::role::{Role, currency_of, names_currencies, role_of};

/// A column whose numbers add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount {
    /// Which.
    pub column: ColumnName,
    /// Its header.
    pub label: String,
    /// The ISO 4217 code in its name.
    pub currency: Option<String>,
    /// It holds money, not units.
    pub is_money: bool,
    /// It holds money of several currencies, which another column names row by row: no total of it means
    /// anything.
    pub is_mixed: bool,
}

/// The columns of `table` whose numbers add up, money first, in the table's order.
pub fn amounts(table: &TableEntry) -> Vec<Amount> {
    let several = |column| names_currencies(column);
    let mixed = table
        .columns
        .iter()
        .filter(|column| several(column))
        .any(|column| column.profile.values.as_ref().is_some_and(|codes| codes.len() > 1));
    let each = table.columns.iter().filter_map(|column| {
        let role = role_of(column, table);
        let currency = currency_of(column).map(str::to_owned);
        role.adds_up().then(|| Amount {
            column: column.name.clone(),
            label: column.label.clone(),
            is_money: role == Role::Amount,
            is_mixed: mixed && role == Role::Amount && currency.is_none(),
            currency,
        })
    });
    let mut amounts: Vec<Amount> = each.collect();
    amounts.sort_by_key(|amount| !amount.is_money);
    amounts
}
