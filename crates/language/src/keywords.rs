//! The closed list of words that carry the shape of a question. A word that is not here, in the
//! calendar or in the catalog is not understood.

use pacioli_model::{Aggregate, Comparison, Direction, TimeGrain};

/// What a word of the closed list does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Keyword {
    /// Nothing: articles, politeness, the verbs of asking.
    Stop,
    /// `in`, `for`, `of`: what follows narrows what came before.
    Preposition,
    /// `by`, `grouped by`: what follows groups.
    By,
    /// `per`, `each`: groups, and makes an average ambiguous.
    Each,
    And,
    Or,
    Not,
    /// `with`, `having`: introduces a condition or a rank.
    With,
    Where,
    /// `which`, `what`: a column that follows is listed.
    Which,
    HowMany,
    List,
    Distinct,
    Aggregate(Aggregate),
    /// `top`, `lowest`.
    Rank(Direction),
    Compare(Comparison),
    Between,
    Grain(TimeGrain),
    /// `monthly`: groups wherever it stands.
    Every(TimeGrain),
    /// `over time`.
    Trend,
    Sort,
    /// `descending`, `lowest first`.
    Towards(Direction),
    /// `alphabetically`.
    Alphabetical,
    /// `rows`, `records`.
    Rows,
    /// A verb for something that happened: understood where the table records it.
    Event(&'static [&'static str]),
    /// ISO 4217 code.
    Currency(&'static str),
    /// Understood, and out of reach.
    Beyond(&'static str),
}

use Keyword::{
    Aggregate as Agg, Alphabetical, And, Between, Beyond, By, Compare, Currency, Distinct, Each,
    Event, Every, Grain, HowMany, List, Not, Or, Preposition, Rank, Rows, Sort, Stop, Towards,
    Trend, Where, Which, With,
};

const SHARES: &str = "Shares and ratios cannot be computed yet.";
const COMPARISONS: &str =
    "Comparing two periods or groups cannot be computed yet: ask for each, or for a breakdown.";
const GROWTH: &str =
    "Growth and change cannot be computed yet: ask for the figures by month or year.";
const FORECASTS: &str = "Forecasts cannot be computed yet.";
const REASONS: &str = "Pacioli cannot say why something happened yet.";
const RUNNING: &str = "Running and moving totals cannot be computed yet.";
const STATISTICS: &str = "Of statistics, Pacioli knows sum, average, minimum, maximum and counts.";
const FISCAL: &str = "Fiscal periods are not known: name calendar dates.";
const WRITING: &str = "Pacioli reads data and never changes it.";

const PHRASES: &[(Keyword, &[&str])] = &[
    (
        Stop,
        &[
            "a",
            "an",
            "the",
            "is",
            "are",
            "was",
            "were",
            "be",
            "been",
            "do",
            "does",
            "did",
            "there",
            "our",
            "we",
            "us",
            "me",
            "my",
            "i",
            "you",
            "your",
            "please",
            "show",
            "give",
            "tell",
            "get",
            "find",
            "see",
            "want",
            "need",
            "like",
            "know",
            "can",
            "could",
            "would",
            "display",
            "let",
            "that",
            "who",
            "it",
            "its",
            "this",
            "these",
            "those",
            "whats",
            "calculate",
            "compute",
            "report",
            "view",
            "all",
            "any",
            "hi",
            "hello",
            "thanks",
            "thank",
            "came",
            "come",
            "make",
            "made",
            "into",
            "just",
            "only",
            "may i",
            "as",
            "out",
            "their",
            "they",
            "id",
            "id like",
            "much",
            "how much",
            "together",
            "figure",
            "figures",
            "data",
            "result",
            "results",
            "overall",
            "also",
            "so",
            "got",
            "belonging",
            "located",
            "based",
            "using",
            "chart",
            "graph",
            "table",
            "named",
            "called",
            "about",
            "sorted",
        ],
    ),
    (Preposition, &["in", "for", "from", "at", "during", "within", "on", "of", "to"]),
    (
        By,
        &[
            "by",
            "grouped by",
            "group by",
            "split by",
            "broken down by",
            "breakdown by",
            "across",
            "according to",
        ],
    ),
    (Each, &["per", "each", "every", "for each", "for every", "in each"]),
    (And, &["and", "plus", "as well as", "along with", "and also"]),
    (Or, &["or"]),
    (
        Not,
        &[
            "not",
            "without",
            "excluding",
            "except",
            "except for",
            "other than",
            "but not",
            "exclude",
            "outside",
            "outside of",
            "apart from",
            "isnt",
            "arent",
            "wasnt",
            "werent",
            "not in",
            "is not",
            "are not",
            "non",
            "no",
            "leaving out",
        ],
    ),
    (With, &["with", "having", "whose", "had", "has", "have"]),
    (Where, &["where", "when", "filtered by", "filter by", "filter"]),
    (Which, &["which", "what"]),
    (
        HowMany,
        &[
            "how many",
            "number of",
            "no of",
            "count",
            "count of",
            "the number of",
            "counts of",
            "total number of",
        ],
    ),
    (List, &["list", "list of", "names of", "list all"]),
    (Distinct, &["distinct", "different", "unique"]),
    (
        Agg(Aggregate::Sum),
        &["total", "sum", "sum of", "total of", "totals", "sum up", "overall total"],
    ),
    (Agg(Aggregate::Average), &["average", "avg", "mean", "averages", "on average", "average of"]),
    (Agg(Aggregate::Min), &["minimum", "min", "earliest", "oldest", "first"]),
    (Agg(Aggregate::Max), &["maximum", "max", "latest", "newest", "most recent", "last"]),
    (
        Rank(Direction::Descending),
        &[
            "top",
            "best",
            "highest",
            "largest",
            "biggest",
            "most",
            "greatest",
            "leading",
            "strongest",
            "best selling",
            "bestselling",
            "top selling",
            "the most",
        ],
    ),
    (
        Rank(Direction::Ascending),
        &[
            "bottom",
            "worst",
            "lowest",
            "smallest",
            "least",
            "fewest",
            "weakest",
            "worst selling",
            "poorest",
            "the least",
        ],
    ),
    (
        Compare(Comparison::Greater),
        &[
            ">",
            "over",
            "above",
            "more than",
            "greater than",
            "larger than",
            "higher than",
            "exceeding",
            "bigger than",
        ],
    ),
    (Compare(Comparison::GreaterOrEqual), &[">=", "at least", "no less than", "not less than"]),
    (
        Compare(Comparison::Less),
        &["<", "under", "below", "less than", "fewer than", "lower than", "smaller than"],
    ),
    (
        Compare(Comparison::LessOrEqual),
        &["<=", "at most", "no more than", "not more than", "up to"],
    ),
    (Compare(Comparison::Equal), &["=", "equals", "equal to", "exactly", "is equal to"]),
    (Compare(Comparison::NotEqual), &["!=", "<>", "not equal to"]),
    (Between, &["between"]),
    (Grain(TimeGrain::Day), &["day", "days", "date"]),
    (Grain(TimeGrain::Week), &["week", "weeks"]),
    (Grain(TimeGrain::Month), &["month", "months"]),
    (Grain(TimeGrain::Quarter), &["quarter", "quarters"]),
    (Grain(TimeGrain::Year), &["year", "years"]),
    (Every(TimeGrain::Day), &["daily", "day by day"]),
    (Every(TimeGrain::Week), &["weekly", "week by week"]),
    (Every(TimeGrain::Month), &["monthly", "month by month"]),
    (Every(TimeGrain::Quarter), &["quarterly", "quarter by quarter"]),
    (Every(TimeGrain::Year), &["yearly", "annual", "annually", "year by year"]),
    (Trend, &["over time", "trend", "timeline", "development of", "trend of"]),
    (
        Sort,
        &["sorted by", "sort by", "ordered by", "order by", "ranked by", "rank by", "ranking by"],
    ),
    (
        Towards(Direction::Descending),
        &[
            "descending",
            "desc",
            "highest first",
            "largest first",
            "biggest first",
            "best first",
            "newest first",
            "from highest to lowest",
            "high to low",
            "in descending order",
        ],
    ),
    (
        Towards(Direction::Ascending),
        &[
            "ascending",
            "asc",
            "lowest first",
            "smallest first",
            "worst first",
            "oldest first",
            "from lowest to highest",
            "low to high",
            "in ascending order",
        ],
    ),
    (
        Alphabetical,
        &[
            "alphabetically",
            "sorted alphabetically",
            "ordered alphabetically",
            "in alphabetical order",
        ],
    ),
    (
        Rows,
        &["rows", "records", "entries", "row", "record", "transactions", "transaction", "lines"],
    ),
    (
        Event(&["sale", "sales", "order", "invoice", "revenue"]),
        &["sold", "sell", "selling", "sells"],
    ),
    (
        Event(&["sale", "sales", "order", "invoice", "purchase"]),
        &["bought", "buy", "buying", "purchased", "purchase"],
    ),
    (Event(&["order"]), &["ordered", "placed"]),
    (Event(&["invoice"]), &["invoiced", "billed"]),
    (Event(&["ship", "shipping", "shipment", "shipped"]), &["shipped", "ship"]),
    (Event(&["delivery", "deliver", "delivered"]), &["delivered"]),
    (Event(&["payment", "paid"]), &["paid"]),
    (Event(&["hire", "hired", "joining", "joined", "start"]), &["hired", "joined"]),
    (Event(&["created", "create", "creation"]), &["created"]),
    (Event(&["due"]), &["due"]),
    (
        Event(&["revenue", "sale", "sales", "amount", "order"]),
        &["earn", "earned", "generated", "generate", "generates", "brought in"],
    ),
    (Currency("EUR"), &["€", "euro", "euros", "eur"]),
    (Currency("USD"), &["$", "dollar", "dollars", "usd", "us dollars"]),
    (Currency("GBP"), &["£", "pound", "pounds", "gbp", "sterling"]),
    (Currency("CHF"), &["francs", "chf"]),
    (Currency("JPY"), &["¥", "yen", "jpy"]),
    (
        Beyond(SHARES),
        &[
            "share",
            "percentage",
            "percent",
            "%",
            "proportion",
            "contribution",
            "ratio",
            "fraction",
            "rate",
            "relative to",
            "divided by",
        ],
    ),
    (
        Beyond(COMPARISONS),
        &[
            "vs",
            "versus",
            "compare",
            "compared",
            "compared to",
            "compared with",
            "comparison",
            "difference",
            "difference between",
            "than",
            "against",
        ],
    ),
    (
        Beyond(GROWTH),
        &[
            "growth",
            "grew",
            "grow",
            "grown",
            "growing",
            "increase",
            "increased",
            "decrease",
            "decreased",
            "decline",
            "declined",
            "dropped",
            "fell",
            "fall",
            "rose",
            "rise",
            "changed",
            "change",
            "change in",
            "yoy",
            "mom",
            "qoq",
            "year over year",
            "year on year",
            "month over month",
            "month on month",
            "quarter over quarter",
        ],
    ),
    (
        Beyond(FORECASTS),
        &[
            "forecast",
            "forecasts",
            "predict",
            "prediction",
            "projection",
            "projected",
            "next",
            "will",
            "expected",
            "expect",
            "future",
            "tomorrow",
        ],
    ),
    (
        Beyond(REASONS),
        &["why", "reason", "reasons", "cause", "caused", "because", "explain", "drivers", "driver"],
    ),
    (Beyond(RUNNING), &["running", "cumulative", "moving average", "rolling", "running total"]),
    (
        Beyond(STATISTICS),
        &[
            "median",
            "percentile",
            "deviation",
            "standard deviation",
            "variance",
            "correlation",
            "mode",
            "quartile",
        ],
    ),
    (Beyond(FISCAL), &["fiscal", "fiscal year", "fiscal quarter", "financial year"]),
    (Beyond(WRITING), &["delete", "update", "insert", "drop", "alter", "truncate", "remove"]),
];

/// How many words the longest phrase has.
pub(crate) const LONGEST: usize = 4;

/// What a phrase of folded words does.
pub(crate) fn keyword(phrase: &str) -> Option<Keyword> {
    PHRASES.iter().find(|(_, phrases)| phrases.contains(&phrase)).map(|(keyword, _)| *keyword)
}

/// All single words, for mending slips and for leaving right words alone.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    PHRASES
        .iter()
        .flat_map(|(_, phrases)| phrases.iter().copied())
        .filter(|phrase| !phrase.contains(' '))
}

/// A count written as a word.
pub(crate) fn count_word(word: &str) -> Option<u32> {
    let words = [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve",
    ];
    let found = words.iter().position(|candidate| *candidate == word)?;
    u32::try_from(found + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_phrase_does_two_things() {
        let mut seen = std::collections::BTreeSet::new();
        for (_, phrases) in PHRASES {
            for phrase in *phrases {
                assert!(seen.insert(*phrase), "{phrase}");
                assert!(phrase.split(' ').count() <= LONGEST, "{phrase}");
            }
        }
    }
}
