//! What a company's figures and people are called in everyday speech, beside what it declares: takings
//! are revenue, clients are customers. Each holds only where one declared figure alone is meant.

use std::collections::BTreeSet;

use super::lexicon::name_words;

/// Each line: what one figure is called.
const FIGURES: &[&str] = &[
    "revenue|sales|turnover|takings|net sales|sales revenue|sales turnover|sales figure|top line|topline",
    "units sold|quantity sold|units|pieces sold|items sold|sold quantity|sold units|unit sales|number of units sold|number of pieces sold|sales quantity",
    "orders|orders taken|number of orders|order count|sales orders|order intake|incoming orders|orders received",
    "average order value|aov|order value|average basket|basket size|basket value|average basket size|average basket value|average order size|average ticket",
    "gross margin|margin|profit margin|margin rate|margin percentage|percentage margin",
    "gross profit|profit|margin amount|contribution|profit contribution",
    "cost of goods sold|cogs|cost of sales|cost of goods",
    "new customers|customers won|customers acquired|customer acquisition|customers gained|newly won customers|new accounts",
    "active customers|buying customers|ordering customers",
    "receivables|open receivables|accounts receivable|outstanding amount|amount outstanding|outstanding|unpaid amount|amount owed by customers|owed by customers|customers owe us|customers owe|owed to us|money owed to us|open amount|outstanding receivables|debtors|customer debt",
    "payables|accounts payable|owed to suppliers|we owe suppliers|creditors|supplier debt|owed to our suppliers|amount we owe",
    "cash collected|payments received|cash received|collections|cash in|customer payments|incoming payments|money received|money collected|money in|cash intake",
    "days to pay|payment time|average days to pay|collection days|payment days|time to pay|average payment time|payment duration",
    "invoiced amount|billed amount|amount invoiced|invoiced revenue|amount billed|billings|total invoiced|invoice amount|invoiced sales",
    "spend|spending|purchase volume|purchasing volume|purchase spend|purchase value|procurement spend|purchasing spend|amount purchased|purchased amount|procurement volume",
    "lead time|average lead time|supplier lead time|delivery lead time|replenishment time",
    "on time delivery rate|on time rate|on time delivery|delivery reliability|punctuality|on time performance",
    "delivery time|days to deliver|days from order to delivery|time to deliver|delivery duration|shipping time",
    "returns|refunds|value of returns|returned value|refunded amount|value of returned goods|amount refunded|money refunded|credit given for returns",
    "refund rate|return rate|share of returns",
    "stock value|inventory value|value of stock|value of inventory|stock worth|inventory worth|worth of stock|value of goods in stock",
    "stock on hand|units in stock|pieces in stock|stock level|inventory level|stock quantity|inventory|stock|on hand|quantity on hand|pieces on hand|units on hand|quantity in stock|available stock",
    "operating expenses|expenses|opex|running costs|overheads|running expenses|operating costs",
    "operating profit|operating result|ebit|profit and loss|operating income",
    "headcount|number of employees|staff count|head count|workforce|number of staff|staff size|size of the workforce",
    "sick days|sick leave|days of sick leave|days sick|sickness days|sickness|sickness absence|days off sick|sick time",
    "days of absence|absence days|days absent|absence|days off|time off",
    "produced quantity|units produced|production output|produced units|output|quantity produced|pieces produced",
    "scrapped quantity|scrap|scrapped units|units scrapped|waste|rejects",
    "scrap rate|reject rate|share of scrap|waste rate",
    "average discount|discount rate|discount|mean discount|average rebate|rebate",
    "shortages|units short|short quantity|stockouts|missing units",
];

/// Each line: the same people or things, first as what names of figures say.
const PARTIES: &[(&str, &[&str])] = &[
    ("customer", &["client", "buyer"]),
    ("supplier", &["vendor"]),
    ("product", &["item", "article"]),
    ("employee", &["staff", "people"]),
    ("discount", &["rebate"]),
    ("stock", &["inventory"]),
    ("amount", &["value"]),
];

/// A name as the lexicon keeps it.
pub(super) type Words = Vec<String>;

/// What figures with these names are called besides, one set for each of `figures`. What two of them
/// could be called is left out.
pub(super) fn other_names(figures: &[BTreeSet<Words>]) -> Vec<BTreeSet<Words>> {
    let lines: Vec<BTreeSet<Words>> =
        FIGURES.iter().map(|line| line.split('|').map(name_words).collect()).collect();
    let mut others: Vec<BTreeSet<Words>> = vec![BTreeSet::new(); figures.len()];
    for line in &lines {
        let mut known = (0..figures.len()).filter(|at| !figures[*at].is_disjoint(line));
        if let (Some(only), None) = (known.next(), known.next()) {
            others[only].extend(line.iter().cloned());
        }
    }
    for (own, others) in figures.iter().zip(&mut others) {
        let all: Vec<Words> = own.iter().chain(others.iter()).cloned().collect();
        others.extend(all.iter().flat_map(with_parties));
        others.retain(|words| !own.contains(words));
    }
    let taken = |at: usize, words: &Words| {
        figures.iter().enumerate().any(|(other, known)| other != at && known.contains(words))
            || others.iter().enumerate().any(|(other, known)| other != at && known.contains(words))
    };
    let free = |at: usize| others[at].iter().filter(|words| !taken(at, words)).cloned().collect();
    (0..figures.len()).map(free).collect()
}

/// "New customers" with clients in their place.
fn with_parties(words: &Words) -> Vec<Words> {
    let mut found = Vec::new();
    for (place, word) in words.iter().enumerate().filter(|_| words.len() > 1) {
        for (_, same) in PARTIES.iter().filter(|(first, _)| first == word) {
            for other in *same {
                let mut changed = words.clone();
                (*other).clone_into(&mut changed[place]);
                found.push(changed);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<Words> {
        names.iter().map(|name| name_words(name)).collect()
    }

    #[test]
    fn one_figure_takes_everyday_names_and_two_take_none() {
        let alone = other_names(&[set(&["Umsatz", "turnover"]), set(&["new customers"])]);
        assert!(alone[0].contains(&name_words("takings")), "{alone:?}");
        assert!(alone[1].contains(&name_words("new clients")), "{alone:?}");
        let two = other_names(&[set(&["gross sales", "sales"]), set(&["net sales"])]);
        assert!(two.iter().all(|names| !names.contains(&name_words("takings"))), "{two:?}");
    }

    #[test]
    fn no_name_is_of_two_figures() {
        let mut seen = BTreeSet::new();
        for name in FIGURES.iter().flat_map(|line| line.split('|')) {
            assert!(seen.insert(name_words(name)), "{name}");
        }
    }
}
