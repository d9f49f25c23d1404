use crate::number::median;

/// How much of an item there is and how fast it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// In stock, in its own unit.
    pub on_hand: f64,
    /// Taken in the days that were looked at; not negative.
    pub taken: f64,
}

impl Item {
    /// Days that the stock lasts if it goes on as in the last `days`; empty where nothing goes.
    pub fn cover(&self, days: f64) -> Option<f64> {
        (self.taken > 0.0).then(|| self.on_hand.max(0.0) * days / self.taken)
    }
}

/// What the cover of all items says.
#[derive(Debug, Clone, PartialEq)]
pub struct Cover {
    /// Items in stock or asked for.
    pub items: usize,
    /// Items that are asked for and run out within `within` days, or have run out.
    pub short: usize,
    /// Items in stock that nobody took.
    pub dead: usize,
    /// Median days of cover of the items that go.
    pub median_days: Option<f64>,
}

/// Counts what lasts and what does not; empty without anything in stock. `days` is the span that
/// `taken` is of; `within` is what counts as soon, in days.
pub fn cover(items: &[Item], days: f64, within: f64) -> Option<Cover> {
    let count = |of: fn(&Item) -> bool| items.iter().filter(|item| of(item)).count();
    if count(|item| item.on_hand > 0.0) == 0 || days <= 0.0 {
        return None;
    }
    let covers: Vec<f64> = items.iter().filter_map(|item| item.cover(days)).collect();
    Some(Cover {
        items: count(|item| item.on_hand > 0.0 || item.taken > 0.0),
        short: covers.iter().filter(|cover| **cover < within).count(),
        dead: count(|item| item.on_hand > 0.0 && item.taken <= 0.0),
        median_days: (!covers.is_empty()).then(|| median(&covers)),
    })
}

/// Days that money is outstanding: open amount over what is billed in a day (days sales or payables
/// outstanding, the balance method). Empty where nothing is billed.
pub fn days_outstanding(open: f64, billed: f64, days: f64) -> Option<f64> {
    (billed > 0.0 && open >= 0.0).then(|| open / billed * days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_out_and_what_nobody_takes_is_counted() {
        let item = |on_hand, taken| Item { on_hand, taken };
        let items =
            [item(10.0, 90.0), item(900.0, 90.0), item(5.0, 0.0), item(0.0, 3.0), item(0.0, 0.0)];
        let found = cover(&items, 90.0, 14.0).unwrap();
        assert_eq!((found.items, found.short, found.dead), (4, 2, 1));
        assert_eq!(found.median_days, Some(10.0));
        assert_eq!(cover(&[], 90.0, 14.0), None);
        assert_eq!(days_outstanding(50.0, 100.0, 30.0), Some(15.0));
        assert_eq!(days_outstanding(50.0, 0.0, 30.0), None);
    }
}
