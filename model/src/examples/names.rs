//! What made-up companies keep, how they write it, and what is in it.

use pacioli_model::ColumnType;

use crate::random::Random;

const DOMAINS: &str = include_str!("domains.txt");
/// Values of a text column that are kept for questions.
pub(super) const CATEGORY_LIMIT: usize = 200;

const FIRST: [&str; 24] = [
    "Anna", "Bruno", "Carla", "David", "Elena", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Keiko",
    "Luca", "Maria", "Nadia", "Omar", "Paula", "Quentin", "Rosa", "Stefan", "Tara", "Umar", "Vera",
    "Walter", "Yara",
];
const LAST: [&str; 24] = [
    "Adler", "Brandt", "Conti", "Diaz", "Eriksen", "Ferrari", "Garcia", "Haas", "Ito", "Jansen",
    "Keller", "Lopez", "Meyer", "Novak", "Okafor", "Petrov", "Quinn", "Rossi", "Sato", "Tanaka",
    "Ullman", "Vogel", "Weber", "Zhang",
];
const CITIES: [&str; 20] = [
    "Berlin", "Bologna", "Boston", "Bremen", "Cairo", "Denver", "Dublin", "Florence", "Geneva",
    "Hamburg", "Kyoto", "Lagos", "Lima", "Lyon", "Milan", "Oslo", "Porto", "Seoul", "Turin",
    "Vienna",
];
const COUNTRIES: [&str; 16] = [
    "Argentina",
    "Austria",
    "Brazil",
    "Canada",
    "Egypt",
    "France",
    "Germany",
    "India",
    "Ireland",
    "Italy",
    "Japan",
    "Mexico",
    "Nigeria",
    "Norway",
    "Portugal",
    "Spain",
];
const QUALITIES: [&str; 16] = [
    "Blue", "Bright", "Classic", "Compact", "Deluxe", "Eastern", "Golden", "Grand", "Green",
    "Heavy", "Northern", "Plain", "Prime", "Quiet", "Royal", "Silver",
];
const THINGS: [&str; 20] = [
    "Anchor", "Arrow", "Bridge", "Cedar", "Cloud", "Comet", "Falcon", "Forest", "Garden", "Harbor",
    "Lantern", "Maple", "Meadow", "Mill", "Orchid", "Pearl", "River", "Star", "Summit", "Valley",
];

/// What an attribute holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Person,
    Thing,
    Code,
    City,
    Country,
    Date,
    Money,
    Count,
    Year,
    Rate,
    Flag,
    /// One of these.
    List(Vec<String>),
}

impl Kind {
    pub(super) fn column_type(&self) -> ColumnType {
        match self {
            Self::Date => ColumnType::Date,
            Self::Money => ColumnType::Decimal { scale: 2 },
            Self::Count | Self::Year => ColumnType::Integer,
            Self::Rate => ColumnType::Float,
            Self::Flag => ColumnType::Boolean,
            Self::Person
            | Self::Thing
            | Self::Code
            | Self::City
            | Self::Country
            | Self::List(_) => ColumnType::Text,
        }
    }

    fn parse(text: &str) -> Self {
        match text {
            "person" => Self::Person,
            "thing" => Self::Thing,
            "code" => Self::Code,
            "city" => Self::City,
            "country" => Self::Country,
            "date" => Self::Date,
            "money" => Self::Money,
            "count" => Self::Count,
            "year" => Self::Year,
            "rate" => Self::Rate,
            "flag" => Self::Flag,
            list => Self::List(list.split('|').map(str::to_owned).collect()),
        }
    }
}

/// One and many of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noun {
    /// `order line`.
    pub one: String,
    /// `order lines`.
    pub many: String,
}

impl Noun {
    /// `text` is a noun, with its plural in brackets where it is no regular one.
    fn parse(text: &str) -> Self {
        match text.trim_end_matches(')').split_once('(') {
            Some((one, many)) => Self { one: one.to_owned(), many: many.to_owned() },
            None => Self { one: text.to_owned(), many: plural(text) },
        }
    }
}

fn plural(word: &str) -> String {
    if let Some(stem) = word.strip_suffix('y')
        && !stem.ends_with(['a', 'e', 'o'])
    {
        return format!("{stem}ies");
    }
    let hisses = ["s", "x", "ch", "sh"].iter().any(|end| word.ends_with(end));
    if hisses { format!("{word}es") } else { format!("{word}s") }
}

/// Something that a company keeps a table of.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    pub(super) nouns: Vec<Noun>,
    /// First nouns of what its rows belong to.
    pub(super) belongs: Vec<String>,
    pub(super) attributes: Vec<Described>,
}

/// An attribute: words for it, and what it holds.
#[derive(Debug, Clone)]
pub(super) struct Described {
    pub(super) words: Vec<String>,
    pub(super) kind: Kind,
}

/// All kinds of company of the list.
pub(super) fn kinds_of_company() -> Vec<Vec<Thing>> {
    let mut kinds: Vec<Vec<Thing>> = vec![Vec::new()];
    for line in DOMAINS.lines().filter(|line| !line.starts_with('#')) {
        if line.is_empty() {
            kinds.push(Vec::new());
        } else if let Some(kind) = kinds.last_mut() {
            kind.push(thing(line));
        }
    }
    kinds.retain(|kind| !kind.is_empty());
    kinds
}

fn thing(line: &str) -> Thing {
    let (head, rest) = line.split_once(": ").unwrap_or((line, ""));
    let (nouns, belongs) = head.split_once(" > ").unwrap_or((head, ""));
    let attributes = rest.split("; ").filter_map(|text| {
        let (words, kind) = text.split_once('=')?;
        let words = words.split('/').map(str::to_owned).collect();
        Some(Described { words, kind: Kind::parse(kind) })
    });
    Thing {
        nouns: nouns.split('/').map(Noun::parse).collect(),
        belongs: belongs.split(", ").filter(|it| !it.is_empty()).map(str::to_owned).collect(),
        attributes: attributes.collect(),
    }
}

/// How a company writes the names of its tables and columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    plural: bool,
    prefix: &'static str,
    /// `customer_city` for `city`.
    qualified: bool,
    /// `cust_cty` for `customer_city`.
    short: bool,
    key: &'static str,
}

impl Style {
    pub(super) fn draw(random: &mut Random) -> Self {
        Self {
            plural: random.happens(60),
            prefix: if random.happens(15) {
                *random.pick(&["tbl_", "app_", "erp_", "dim_"])
            } else {
                ""
            },
            qualified: random.happens(20),
            short: random.happens(20),
            key: *random.pick(&["id", "id", "no", "key", "code"]),
        }
    }

    pub(super) fn table(self, noun: &Noun) -> String {
        let word = if self.plural { &noun.many } else { &noun.one };
        format!("{}{}", self.prefix, self.written(word))
    }

    /// The key of a table's own rows.
    pub(super) fn key(self, noun: &str) -> String {
        if self.key == "id" && !self.qualified { "id".to_owned() } else { self.reference(noun) }
    }

    /// A key of another table's rows.
    pub(super) fn reference(self, noun: &str) -> String {
        format!("{}_{}", self.written(noun), self.key)
    }

    /// Name and label of a column.
    pub(super) fn column(self, noun: &str, words: &str) -> (String, String) {
        let text = if self.qualified { format!("{noun} {words}") } else { words.to_owned() };
        let name = self.written(&text);
        let label = if self.short { text } else { name.clone() };
        (name, label)
    }

    fn written(self, text: &str) -> String {
        let words = text
            .split([' ', '-'])
            .map(|word| if self.short { shortened(word) } else { word.to_owned() });
        words.collect::<Vec<_>>().join("_")
    }
}

/// `cstmr` for `customer`, as old systems have it: at most five letters, vowels out first.
fn shortened(word: &str) -> String {
    if word.len() <= 4 {
        return word.to_owned();
    }
    let letters = word.char_indices().filter(|(at, c)| *at == 0 || !"aeiou".contains(*c));
    letters.map(|(_, c)| c).take(5).collect()
}

/// The texts that a column holds, sorted, where they are few enough to be known.
pub(super) fn values(kind: &Kind, random: &mut Random) -> Option<Vec<String>> {
    let some = |pool: &[&str], random: &mut Random| {
        let mut pool: Vec<String> = pool.iter().map(|text| (*text).to_owned()).collect();
        random.shuffle(&mut pool);
        pool.truncate(random.between(5, pool.len()));
        pool
    };
    let pairs = |one: &[&str], two: &[&str], random: &mut Random| {
        let count = random.between(8, 60);
        (0..count).map(|_| format!("{} {}", random.pick(one), random.pick(two))).collect()
    };
    let mut values: Vec<String> = match kind {
        Kind::Person => pairs(&FIRST, &LAST, random),
        Kind::Thing => pairs(&QUALITIES, &THINGS, random),
        Kind::City => some(&CITIES, random),
        Kind::Country => some(&COUNTRIES, random),
        Kind::List(list) => {
            let case = random.below(3);
            let write = |text: &String| match case {
                0 => text.clone(),
                1 => text.to_uppercase(),
                _ => text
                    .chars()
                    .take(1)
                    .flat_map(char::to_uppercase)
                    .chain(text.chars().skip(1))
                    .collect(),
            };
            list.iter().map(write).collect()
        }
        // So many that no load keeps them.
        Kind::Code
        | Kind::Date
        | Kind::Money
        | Kind::Count
        | Kind::Year
        | Kind::Rate
        | Kind::Flag => {
            return None;
        }
    };
    values.sort();
    values.dedup();
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_whole() {
        let kinds = kinds_of_company();
        assert!(kinds.len() >= 12);
        for kind in &kinds {
            assert!(kind.len() >= 3 && kind.iter().any(|thing| !thing.belongs.is_empty()));
            for thing in kind {
                assert!(!thing.attributes.is_empty(), "{thing:?}");
                for owner in &thing.belongs {
                    assert!(kind.iter().any(|one| one.nouns[0].one == *owner), "{owner}");
                }
            }
        }
    }

    #[test]
    fn words_are_written_as_companies_write_them() {
        assert_eq!(plural("category"), "categories");
        assert_eq!(plural("day"), "days");
        assert_eq!(plural("branch"), "branches");
        assert_eq!(shortened("customer"), "cstmr");
        assert_eq!(shortened("city"), "city");
        let style = Style { plural: true, prefix: "", qualified: true, short: false, key: "no" };
        let noun = Noun::parse("order line");
        assert_eq!(style.table(&noun), "order_lines");
        assert_eq!(style.reference(&noun.one), "order_line_no");
        assert_eq!(style.column("order", "date").0, "order_date");
    }
}
