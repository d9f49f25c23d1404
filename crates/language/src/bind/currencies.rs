//! Which currency an answer is in, and that amounts of two are never added up.

use pacioli_model::OrderBy;

use super::{Binder, ascending, fail};
use crate::{
    draft::{Condition, Draft, Group, GroupKey, GroupOrigin, Target, Unplaced},
    variants::{is_mixed, is_money},
};

impl Binder<'_> {
    /// Settles which currency is meant: a filter, the measure's own, or one group for each.
    pub(super) fn currency(&mut self, draft: &mut Draft) -> Result<(), Vec<Unplaced>> {
        let amounts: Vec<usize> = draft
            .measures
            .iter()
            .filter_map(|wanted| match wanted.target {
                Target::Column(column) => Some(column),
                Target::Rows => None,
            })
            .chain(draft.conditions.iter().filter_map(|condition| match condition {
                Condition::Numbers { column, .. } => Some(*column),
                _ => None,
            }))
            .collect();
        let own: Vec<&'static str> =
            amounts.iter().filter_map(|column| self.table.columns[*column].currency).collect();
        if let Some((code, tokens)) = draft.currency.take() {
            self.named_currency(code, tokens, &own, draft)?;
        }
        if is_mixed(draft, self.table)
            && let Some(column) = self.table.currency_column
        {
            let key = GroupKey::Column(column);
            if !draft.groups.iter().any(|group| group.key == key) {
                let origin = GroupOrigin::By;
                draft.groups.push(Group { key, origin, plural: false, tokens: 0..0 });
            }
            self.apart = Some(column);
            self.note(
                "Amounts of different currencies are never added up: one line for each.".to_owned(),
            );
            return Ok(());
        }
        self.interpretation.currency = own.first().map(|code| (*code).to_owned()).or_else(|| {
            let money = amounts.iter().any(|column| is_money(self.table, *column));
            self.only_currency(draft).filter(|_| money)
        });
        Ok(())
    }

    pub(super) fn named_currency(
        &mut self,
        code: &'static str,
        tokens: std::ops::Range<usize>,
        own: &[&'static str],
        draft: &mut Draft,
    ) -> Result<(), Vec<Unplaced>> {
        if let Some(other) = own.iter().find(|own| **own != code) {
            let reason =
                format!("The amounts are kept in {other}, and converting is not possible yet.");
            return fail(tokens, &reason);
        }
        if !own.is_empty() {
            return Ok(());
        }
        let known = self.table.currency_column.and_then(|column| {
            let values = self.table.columns[column].column.profile.values.as_deref()?;
            Some((column, values.iter().find(|value| value.eq_ignore_ascii_case(code))?.clone()))
        });
        let Some((column, value)) = known else {
            return fail(tokens, "The table does not say that its amounts are in this currency.");
        };
        draft.conditions.push(Condition::Values { column, values: vec![value], negated: false });
        Ok(())
    }

    /// The one currency that rows can be in.
    pub(super) fn only_currency(&self, draft: &Draft) -> Option<String> {
        let currency = self.table.currency_column?;
        let filtered = draft.conditions.iter().find_map(|condition| match condition {
            Condition::Values { column, values, negated: false } if *column == currency => {
                Some(values.as_slice())
            }
            _ => None,
        });
        let values = filtered.or(self.table.columns[currency].column.profile.values.as_deref())?;
        let [only] = values else { return None };
        Some(only.clone())
    }

    /// Amounts of different currencies are not ranked against each other.
    pub(super) fn currencies_first(&self, timed: bool) -> Vec<OrderBy> {
        let apart = self.apart.map(|column| self.name(column)).filter(|_| !timed);
        let group =
            self.ask.group_by.iter().find(|group| group.column().map(|of| &of.column) == apart);
        group.map(|group| ascending(&group.name)).into_iter().collect()
    }
}
