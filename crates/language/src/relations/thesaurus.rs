//! Words of everyday English that stand for one another when people ask about data, and what
//! adjectives measure.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use pacioli_model::Direction;

/// What a unit counts, where the question does not say it: the words, and the columns that hold it, best
/// first.
const UNITS: &[(&str, &str)] = &[
    (
        "lb|lbs|pound|pounds|kg|kilo|kilos|kilogram|kilograms|gram|grams|ounce|ounces|ton|tons|tonnes",
        "weight",
    ),
    (
        "people|person|persons|fan|fans|spectator|spectators|viewer|viewers|inhabitant|inhabitants|resident|residents",
        "capacity|population|attendance|audience|seat",
    ),
    (
        "dollar|dollars|usd|euro|euros|eur|bucks",
        "price|cost|salary|amount|budget|revenue|net worth|money|earning|fee|value|balance|income|sale",
    ),
    ("km|kilometer|kilometers|kilometre|kilometres|mile|miles", "distance|length|range"),
    (
        "meter|meters|metre|metres|feet|foot|ft|inch|inches|cm|centimeter|centimeters",
        "height|length|elevation|altitude|depth|width|distance",
    ),
    ("minute|minutes|second|seconds|hour|hours", "duration|running time|length|time"),
    ("mph|kmh|knots", "speed"),
    ("copy|copies", "sale|copy"),
    ("degree|degrees|celsius|fahrenheit", "temperature"),
    ("percent", "percentage|percent|rate|share"),
    ("student|students|pupil|pupils", "enrollment|number of student|student"),
    ("employee|employees|worker|workers", "number of employee|employee|staff"),
    ("acre|acres|hectare|hectares", "area|size|acreage"),
    ("star|stars", "star rating|star|rating"),
    ("bed|beds", "bed|bedroom"),
];

/// The columns that a number of this unit may be of.
pub(crate) fn measured_in(unit: &str) -> Option<Vec<&'static str>> {
    let known = UNITS.iter().find(|(words, _)| words.split('|').any(|word| word == unit));
    known.map(|(_, columns)| columns.split('|').collect())
}

/// What verbs say the measure of: the words, and the columns that hold it, best first.
const VERBS: &[(&str, &str)] = &[
    ("sell|sells|sold|selling", "sale|unit sold|quantity sold|copy sold|copy"),
    ("weigh|weighs|weighed|weighing", "weight"),
    ("cost|costs|costing|priced", "price|cost|fee|rate|fare"),
    ("earn|earns|earned|earning|make|makes|making", "salary|earning|wage|income|pay|revenue"),
    ("paid", "salary|wage|pay|amount paid|payment amount|total spent"),
    ("last|lasts|lasted|lasting", "duration|length|running time|minute|hour"),
    ("spend|spends|spent|spending", "total spent|amount spent|spent|spending|expense"),
    ("hold|holds|seat|seats|accommodate|accommodates", "capacity|seat"),
    ("score|scores|scored|scoring", "score|point"),
    ("employ|employs|employing", "number of employee|employee|staff"),
];

/// Which end of something words speak of: the words, and those of columns that name it.
const ENDS: &[(&str, &str)] = &[
    (
        "from|depart|departs|departed|departing|leave|leaves|leaving|originate|originates|originating|start|starts|started|starting|begin|begins|began|beginning",
        "source|origin|departure|start|from",
    ),
    (
        "to|into|arrive|arrives|arrived|arriving|land|lands|landed|landing|reach|reaches|bound|end|ends|ended|ending|go|goes|going",
        "destination|arrival|end|to|target",
    ),
    ("won|win|wins|winning", "winner|winning"),
    ("lost|lose|loses|losing", "loser|losing"),
    ("sent|send|sends|sending", "sender|source|from"),
    ("received|receive|receives|receiving", "receiver|recipient|destination|to"),
];

/// The words of columns that name the end that a word speaks of: "arriving" of a destination.
pub(crate) fn end_of(word: &str) -> impl Iterator<Item = &'static str> {
    let known = ENDS.iter().find(|(words, _)| words.split('|').any(|known| known == word));
    known.into_iter().flat_map(|(_, columns)| columns.split('|'))
}

/// The columns that a verb says the measure of.
pub(crate) fn measured_by(verb: &str) -> Option<Vec<&'static str>> {
    let known = VERBS.iter().find(|(words, _)| words.split('|').any(|word| word == verb));
    known.map(|(_, columns)| columns.split('|').collect())
}

/// How well words of one group fit each other, and how well one that is only near.
pub(crate) const NEAR: f64 = 0.84;
const LOOSE: f64 = 0.76;
/// How well another spelling of the same word fits.
const SPELT: f64 = 0.97;
/// The heading in the file under which spellings stand.
const SPELLINGS: &str = "# Spellings";

/// The groups of words, one a line; the file says how to read it.
const ALIKE: &str = include_str!("thesaurus/alike.txt");

/// Abbreviations that headers use.
const SHORT: &[(&str, &str)] = &[
    ("fname", "first name"),
    ("lname", "last name"),
    ("mname", "middle name"),
    ("firstname", "first name"),
    ("lastname", "last name"),
    ("surname", "last name"),
    ("dob", "date of birth"),
    ("addr", "address"),
    ("apt", "apartment"),
    ("mfr", "manufacturer"),
    ("max", "maximum"),
    ("min", "minimum"),
    ("temp", "temperature"),
    ("dept", "department"),
    ("num", "number"),
    ("no", "number"),
    ("nbr", "number"),
    ("qty", "quantity"),
    ("nm", "name"),
    ("catg", "category"),
    ("rgn", "region"),
    ("ctry", "country"),
    ("dt", "date"),
    ("prc", "price"),
    ("cst", "cost"),
    ("tot", "total"),
    ("disc", "discount"),
    ("mthd", "method"),
    ("pymt", "payment"),
    ("tkt", "ticket"),
    ("vend", "vendor"),
    ("whs", "warehouse"),
    ("po", "purchase order"),
    ("oh", "on hand"),
    ("rcv", "received"),
    ("reord", "reorder"),
    ("pt", "point"),
    ("mst", "master"),
    ("hdr", "header"),
    ("ln", "line"),
    ("lvl", "level"),
    ("amt", "amount"),
    ("desc", "description"),
    ("tourney", "tournament"),
    ("dest", "destination"),
    ("src", "source"),
    ("avg", "average"),
    ("acct", "account"),
    ("emp", "employee"),
    ("cust", "customer"),
    ("prod", "product"),
    ("stu", "student"),
    ("fac", "faculty"),
    ("prof", "professor"),
    ("inst", "institution"),
    ("uni", "university"),
    ("ht", "height"),
    ("wt", "weight"),
    ("lat", "latitude"),
    ("lng", "longitude"),
    ("long", "longitude"),
    ("abbr", "abbreviation"),
    ("pct", "percent"),
    ("tel", "telephone"),
    ("hs", "high school"),
    ("ref", "reference"),
    ("mgr", "manager"),
    ("org", "organization"),
    ("yr", "year"),
    ("loc", "location"),
    ("pop", "population"),
    ("gov", "government"),
    ("hrs", "hours"),
    ("bldg", "building"),
    ("dob", "birth date"),
    ("advisor", "adviser"),
    ("enr", "enrollment"),
    ("cred", "credit"),
    ("crs", "course"),
    ("sec", "section"),
    ("bday", "birthday"),
    ("pos", "position"),
    ("lv", "level"),
    ("cyl", "cylinder"),
    ("nat", "nationality"),
    ("natl", "national"),
    ("intl", "international"),
    ("mgmt", "management"),
    ("stmt", "statement"),
    ("acc", "account"),
    ("bal", "balance"),
    ("veh", "vehicle"),
    ("mech", "mechanic"),
    ("supp", "supplier"),
    ("purch", "purchase"),
    ("grp", "group"),
    ("expct", "expected"),
    ("pref", "preferred"),
    ("sched", "scheduled"),
    ("deliv", "delivery"),
    ("pmt", "payment"),
    ("whse", "warehouse"),
    ("equip", "equipment"),
    ("maint", "maintenance"),
    ("mfg", "manufacturing"),
    ("svc", "service"),
    ("trx", "transaction"),
    ("txn", "transaction"),
    ("usr", "user"),
    ("grs", "gross"),
    ("ttl", "total"),
    ("resv", "reservation"),
    ("appt", "appointment"),
    ("proj", "project"),
];

/// What `inv` is short for beside one of these words: what is in stock, and no invoice.
const OF_STOCK: &[&str] = &["level", "item", "quantity", "location", "movement", "balance", "bin"];

/// What an adjective measures, greatest first: the word, the direction its superlative points to, and
/// the words of columns that hold it, best first.
const ADJECTIVES: &[(&str, Direction, &str)] = &[
    (
        "old",
        Direction::Descending,
        "age|date of birth|birth date|birthdate|birthday|birth year|year of birth|birth|open year|founded|year|date",
    ),
    (
        "young",
        Direction::Ascending,
        "age|date of birth|birth date|birthdate|birthday|birth year|year of birth|birth",
    ),
    ("tall", Direction::Descending, "height|highness"),
    ("short", Direction::Ascending, "height|length|duration|distance|time"),
    (
        "long",
        Direction::Descending,
        "length|duration|distance|page|time|running time|hour|minute|year of work|working year|year of service",
    ),
    ("heavy", Direction::Descending, "weight"),
    ("light", Direction::Ascending, "weight"),
    (
        "large",
        Direction::Descending,
        "size|area|surface area|capacity|population|square foot|enrollment|amount",
    ),
    (
        "big",
        Direction::Descending,
        "size|area|surface area|capacity|population|square foot|enrollment|amount",
    ),
    ("great", Direction::Descending, "size|area|capacity|population"),
    (
        "small",
        Direction::Ascending,
        "size|area|surface area|capacity|population|square foot|enrollment|amount",
    ),
    ("expensive", Direction::Descending, "price|cost|rate|fee|rent|charge|amount"),
    ("costly", Direction::Descending, "price|cost|rate|fee|rent|charge"),
    ("cheap", Direction::Ascending, "price|cost|rate|fee|rent|charge"),
    ("fast", Direction::Descending, "speed|pace|horsepower"),
    ("slow", Direction::Ascending, "speed|pace"),
    ("quick", Direction::Descending, "speed|pace"),
    ("hot", Direction::Descending, "temperature"),
    ("warm", Direction::Descending, "temperature"),
    ("cold", Direction::Ascending, "temperature"),
    ("far", Direction::Descending, "distance"),
    ("dense", Direction::Descending, "density"),
    ("thick", Direction::Descending, "thickness"),
    ("profitable", Direction::Descending, "profit|net income|margin"),
    (
        "experienced",
        Direction::Descending,
        "year of experience|experience|working year|year of work|year working",
    ),
    ("rich", Direction::Descending, "net worth|money|wealth|income|salary|assets|gnp|budget"),
    ("wealthy", Direction::Descending, "net worth|money|wealth|income"),
    ("poor", Direction::Ascending, "net worth|money|income"),
    ("populous", Direction::Descending, "population"),
    ("populated", Direction::Descending, "population"),
    ("crowded", Direction::Descending, "population|density"),
    ("strong", Direction::Descending, "strength|power|horsepower"),
    ("powerful", Direction::Descending, "power|horsepower"),
    ("deep", Direction::Descending, "depth"),
    ("wide", Direction::Descending, "width"),
    ("new", Direction::Descending, "date|year"),
    ("recent", Direction::Descending, "date|year|time"),
    ("late", Direction::Descending, "date|year|time"),
    ("high", Direction::Descending, "height|elevation|altitude|peak"),
    ("low", Direction::Ascending, "height|elevation|altitude"),
    ("early", Direction::Ascending, "date|year|time"),
    ("first", Direction::Ascending, "date|year|time"),
    ("last", Direction::Descending, "date|year|time"),
];

/// What else may be meant, and how well it fits.
type Others = Vec<(String, f64)>;

static BY_PHRASE: LazyLock<HashMap<String, Others>> = LazyLock::new(|| {
    let mut known: HashMap<String, Others> = HashMap::new();
    let mut relate = |one: &str, other: &str, fit: f64| {
        let others = known.entry(one.to_owned()).or_default();
        match others.iter_mut().find(|(phrase, _)| phrase == other) {
            Some((_, best)) => *best = best.max(fit),
            None if one != other => others.push((other.to_owned(), fit)),
            None => {}
        }
    };
    let (words, spellings) = ALIKE.split_once(SPELLINGS).unwrap_or((ALIKE, ""));
    for line in spellings.lines() {
        let spelt = phrases(line);
        for one in &spelt {
            for other in &spelt {
                relate(one, other, SPELT);
            }
        }
    }
    for line in words.lines().filter(|line| !line.starts_with('#')) {
        let (near, loose) = line.split_once('>').unwrap_or((line, ""));
        let (near, loose) = (phrases(near), phrases(loose));
        for one in &near {
            for other in &near {
                relate(one, other, NEAR);
            }
            for other in &loose {
                relate(one, other, LOOSE);
                relate(other, one, LOOSE);
            }
        }
    }
    known
});

/// The headings in the file under which words for people stand.
const PEOPLE: [&str; 2] = ["# People", "# More people"];

/// Whether a stem is a word for somebody: student, buyer.
pub(crate) fn is_person(stem: &str) -> bool {
    static KNOWN: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let mut people = false;
        let mut lines = Vec::new();
        for line in ALIKE.lines() {
            if line.starts_with('#') {
                people = PEOPLE.contains(&line);
            } else if people {
                lines.extend(phrases(line.split('>').next().unwrap_or_default()));
            }
        }
        lines.into_iter().collect()
    });
    KNOWN.contains(stem)
}

/// The phrases of a part of a line, as they are looked up.
fn phrases(part: &str) -> Vec<String> {
    let phrase = |text: &str| text.split_whitespace().map(lemma).collect::<Vec<_>>().join(" ");
    part.split(',').map(phrase).filter(|phrase| !phrase.is_empty()).collect()
}

/// What else may be meant by a phrase of stems, and how well each fits.
pub(crate) fn alike(phrase: &str) -> &'static [(String, f64)] {
    BY_PHRASE.get(phrase).map_or(&[], Vec::as_slice)
}

/// What means the same as a phrase of stems, nothing broader or narrower.
pub(crate) fn same(phrase: &str) -> impl Iterator<Item = &'static str> {
    let near = alike(phrase).iter().filter(|(_, fit)| *fit >= NEAR);
    near.map(|(other, _)| other.as_str())
}

/// An abbreviation in full.
pub(crate) fn in_full(word: &str) -> Option<&'static str> {
    static KNOWN: LazyLock<HashMap<&str, &str>> =
        LazyLock::new(|| SHORT.iter().rev().copied().collect());
    KNOWN.get(word).copied()
}

/// Abbreviations of a header whose other words say what they are short for.
pub(crate) fn in_full_beside(word: &str, place: usize, words: &[&str]) -> Option<&'static str> {
    let last = place > 0 && place + 1 == words.len();
    match word {
        "inv" => {
            let stocked = |other: &&str| OF_STOCK.contains(&in_full(other).unwrap_or(other));
            (!words.iter().any(stocked)).then_some("invoice")
        }
        "stat" if last => Some("status"),
        _ => in_full(word),
    }
}

/// Which way an adjective points, and what measures it.
pub(crate) fn adjective(word: &str) -> Option<(Direction, Vec<&'static str>)> {
    let base = if word == "recently" { "recent" } else { base_of(word)? };
    let (_, direction, columns) = ADJECTIVES.iter().find(|(name, ..)| *name == base)?;
    Some((*direction, columns.split('|').collect()))
}

/// `old` of older, oldest and old.
fn base_of(word: &str) -> Option<&'static str> {
    let forms = |name: &str| {
        let doubled = name.chars().last().map_or(String::new(), |last| format!("{name}{last}"));
        let short = name.strip_suffix('e').unwrap_or(name);
        let y = name.strip_suffix('y').map(|head| format!("{head}i"));
        let stems = [name.to_owned(), doubled, short.to_owned(), y.unwrap_or_default()];
        word == name
            || stems.iter().filter(|stem| !stem.is_empty()).any(|stem| {
                word.strip_prefix(stem.as_str()).is_some_and(|tail| tail == "er" || tail == "est")
            })
    };
    ADJECTIVES.iter().map(|(name, ..)| *name).find(|name| forms(name))
}

/// Irregular plurals, and verbs in the forms that questions use, to the word that headers use.
const IRREGULAR: &[(&str, &str)] = &[
    ("ids", "id"),
    ("people", "person"),
    ("men", "man"),
    ("women", "woman"),
    ("children", "child"),
    ("feet", "foot"),
    ("mice", "mouse"),
    ("teeth", "tooth"),
    ("lives", "life"),
    ("wives", "wife"),
    ("leaves", "leaf"),
    ("theses", "thesis"),
    ("diagnoses", "diagnosis"),
    ("lenses", "lens"),
    ("analyses", "analysis"),
    ("indices", "index"),
    ("matrices", "matrix"),
    ("criteria", "criterion"),
    ("buses", "bus"),
    ("statuses", "status"),
    ("bonuses", "bonus"),
    ("campuses", "campus"),
    ("movies", "movie"),
    ("series", "series"),
    ("species", "species"),
    ("shoes", "shoe"),
    ("heroes", "hero"),
    ("addresses", "address"),
    ("classes", "class"),
    ("businesses", "business"),
    ("cookies", "cookie"),
    ("courses", "course"),
    ("houses", "house"),
    ("caches", "cache"),
    ("aches", "ache"),
    ("prix", "prix"),
    ("aliases", "alias"),
    ("gases", "gas"),
    ("viruses", "virus"),
    ("menus", "menu"),
    ("taxes", "tax"),
    ("axes", "axis"),
];

/// One word as it is looked up: singular.
pub(crate) fn lemma(word: &str) -> String {
    static KNOWN: LazyLock<HashMap<&str, &str>> =
        LazyLock::new(|| IRREGULAR.iter().copied().collect());
    KNOWN.get(word).map_or_else(|| crate::spelling::stem(word), |base| (*base).to_owned())
}
