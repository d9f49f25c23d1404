//! Words of everyday English that stand for one another when people ask about data, and what
//! adjectives measure.

use std::{collections::HashMap, sync::LazyLock};

use pacioli_model::Direction;

/// Each line: words that may be taken for one another, as stems.
const ALIKE: &[&str] = &[
    "person|people|individual|human",
    "man|men", "woman|women", "child|children|kid",
    "employee|staff|worker|personnel|clerk",
    "customer|client|buyer|consumer|guest|patron",
    "student|pupil|learner|undergraduate",
    "teacher|instructor|professor|lecturer|educator|tutor",
    "doctor|physician",
    "player|athlete|sportsman",
    "singer|vocalist|musician|artist|performer",
    "author|writer",
    "car|auto|automobile|vehicle",
    "maker|manufacturer|producer|brand",
    "company|firm|corporation|business|enterprise|organization|organisation",
    "country|nation|state",
    "nationality|citizenship|country|citizen|nation",
    "city|town|municipality",
    "hometown|home town|home city|birthplace|birth place|home|town",
    "location|place|venue|site|locate",
    "address|residence",
    "airport|airfield",
    "airline|carrier|air company",
    "flight|plane trip",
    "aircraft|airplane|plane",
    "movie|film",
    "song|track|tune",
    "album|record|disc",
    "book|publication|title",
    "name|title|called",
    "full name|name|complete name",
    "course|class|subject|lesson",
    "department|division|faculty",
    "school|college|university|institution|academy",
    "program|programme",
    "degree program|degree|program",
    "semester|term",
    "grade|mark|score",
    "salary|wage|pay|income|earning|earn",
    "price|cost|expense|fee|charge",
    "amount|quantity|sum|total",
    "number|amount|count|quantity",
    "revenue|sale|turnover",
    "profit|earning|gain",
    "budget|fund|funding",
    "market value|value|worth",
    "net worth|worth|wealth|money",
    "age|old|aged|year old|oldness",
    "birthday|birth date|date of birth|birthdate|born|dob",
    "birth year|year of birth|born",
    "weight|weigh|weighs|weighed|weighing|weighted|heaviness|mass",
    "height|tall|stature",
    "length|long|distance",
    "area|size|surface|surface area|land area",
    "size|dimension|capacity",
    "capacity|seat|seating",
    "population|inhabitant|people|resident",
    "duration|length|running time|runtime",
    "speed|velocity|pace",
    "horsepower|power|hp",
    "accelerate|acceleration|speed up",
    "type|kind|category|sort|class|style",
    "style|genre|theme",
    "gender|sex",
    "phone|phone number|telephone|telephone number|contact number|cell phone|mobile",
    "email|email address|e mail|mail",
    "description|detail|information|describe|described|summary",
    "date|day|time",
    "time|hour",
    "year|time",
    "start|begin|open|opening",
    "start date|begin date|starting date",
    "end|finish|close",
    "open|found|establish|launch",
    "founded|established|set up",
    "rank|ranking|position|place",
    "rating|score|rate|rated|star",
    "level|rank|tier",
    "membership|member",
    "attendance|audience|attendee|spectator|turnout|attend",
    "participant|participation|participate|attendee",
    "enrollment|enrolment|registration|enroll|enrolled|register|registered",
    "visit|visited|trip|visiting",
    "match|game|contest",
    "tournament|tourney|competition|championship",
    "competition|contest|race|championship",
    "concert|show|performance|gig",
    "show|performance",
    "stadium|arena|venue",
    "team|club|squad|side",
    "coach|trainer",
    "friend|buddy",
    "pet|animal",
    "dog|puppy",
    "hand|handed|handedness",
    "winner|victor|champion|win|won",
    "loser|lose|lost|defeated",
    "abbreviation|abbr|short name|short form|shorthand",
    "code|id|identifier|identity|number",
    "id|identification|identifier|identity number|identification number",
    "zip|zip code|postcode|postal code|zip postcode|post code",
    "source|origin|departure|depart|from|departing|leave|leaving",
    "destination|arrival|arrive|to|arriving|land|landing|dest|reach",
    "result|outcome",
    "language|tongue",
    "official|formal",
    "republic|democracy",
    "government form|form of government|government",
    "life expectancy|lifespan|life span",
    "paragraph|passage",
    "document|file|paper",
    "template|layout",
    "version|edition",
    "channel|station|network",
    "series|show|program",
    "cartoon|animation",
    "director|directed|direct",
    "written|writer|author",
    "conductor|conducted|conduct",
    "orchestra|band|ensemble",
    "record company|label",
    "instrument|equipment",
    "property|real estate|home|house",
    "room|bedroom",
    "owner|holder|own",
    "professional|specialist|expert",
    "treatment|therapy|cure",
    "breed|species",
    "shop|store|branch|outlet",
    "product|item|article|good|merchandise",
    "order|purchase",
    "supplier|vendor|provider",
    "invoice|bill",
    "account|acct",
    "balance|saldo",
    "loan|credit|mortgage",
    "transaction|operation|deal",
    "payment|pay",
    "manager|boss|head|supervisor|lead",
    "bonus|award|prize",
    "hire|hired|employ|employed|employment",
    "section|part",
    "line|row",
    "street|road|avenue",
    "county|district|province|state",
    "region|area|zone|territory",
    "continent|landmass",
    "poker|card game",
    "earnings|money|income|winning",
    "made|make|created|produced|built|develop",
    "release|released|publish|published|issue|issued",
    "left|leave|leaving|quit",
    "graduate|graduation|graduated",
    "transcript|report card",
    "car model|model",
    "mpg|mile per gallon|fuel economy",
    "cylinder|cylinders",
    "engine size|displacement|edispl",
    "battle|fight|war",
    "killed|death|dead|casualty|die|died",
    "injured|injury|wounded",
    "ship|vessel|boat",
    "bridge|crossing",
    "mountain|peak|hill",
    "river|stream",
    "lake|pond",
    "border|neighbor|neighbour|adjacent",
    "station|stop",
    "train|rail",
    "route|path",
    "driver|chauffeur",
    "staff number|number of staff|num of staff|num staff|staff",
    "nickname|alias",
    "status|state|condition",
    "comment|remark|note|review",
    "reason|cause",
    "advisor|adviser|mentor",
    "major|specialty|field of study|specialization",
    "election|vote|poll",
    "vote|ballot",
    "party|political party",
    "contestant|competitor|participant|candidate",
    "area code|phone area code",
    "killed|kill",
    "color|colour",
    "catalog|catalogue",
    "center|centre",
];

/// Abbreviations that headers use.
const SHORT: &[(&str, &str)] = &[
    ("fname", "first name"), ("lname", "last name"), ("mname", "middle name"), ("firstname", "first name"),
    ("lastname", "last name"), ("surname", "last name"), ("dob", "date of birth"), ("addr", "address"),
    ("dept", "department"), ("num", "number"), ("no", "number"), ("nbr", "number"), ("qty", "quantity"), ("amt", "amount"),
    ("desc", "description"), ("tourney", "tournament"), ("dest", "destination"), ("src", "source"),
    ("avg", "average"), ("acct", "account"), ("emp", "employee"), ("cust", "customer"), ("prod", "product"),
    ("stu", "student"), ("fac", "faculty"), ("prof", "professor"), ("inst", "institution"), ("uni", "university"),
    ("ht", "height"), ("wt", "weight"), ("lat", "latitude"), ("lng", "longitude"), ("long", "longitude"),
    ("abbr", "abbreviation"), ("pct", "percent"), ("tel", "telephone"), ("hs", "high school"), ("ref", "reference"),
    ("mgr", "manager"), ("org", "organization"), ("yr", "year"), ("loc", "location"), ("pop", "population"),
    ("gov", "government"), ("hrs", "hours"), ("bldg", "building"), ("dob", "birth date"), ("advisor", "adviser"),
    ("enr", "enrollment"), ("cred", "credit"), ("crs", "course"), ("sec", "section"), ("bday", "birthday"),
];

/// What an adjective measures, greatest first: the word, the direction its superlative points to, and
/// the words of columns that hold it, best first.
const ADJECTIVES: &[(&str, Direction, &str)] = &[
    ("old", Direction::Descending, "age|date of birth|birth date|birthday|birth year|year of birth|open year|founded|year|date"),
    ("young", Direction::Ascending, "age|date of birth|birth date|birthday|birth year|year of birth"),
    ("tall", Direction::Descending, "height|highness"),
    ("short", Direction::Ascending, "height|length|duration|distance|time"),
    ("long", Direction::Descending, "length|duration|distance|time|running time|hour"),
    ("heavy", Direction::Descending, "weight"),
    ("light", Direction::Ascending, "weight"),
    ("large", Direction::Descending, "size|area|surface area|capacity|population|square foot|enrollment|amount"),
    ("big", Direction::Descending, "size|area|surface area|capacity|population|square foot|enrollment|amount"),
    ("great", Direction::Descending, "size|area|capacity|population"),
    ("small", Direction::Ascending, "size|area|surface area|capacity|population|square foot|enrollment|amount"),
    ("expensive", Direction::Descending, "price|cost|rate|fee|rent|charge|amount"),
    ("costly", Direction::Descending, "price|cost|rate|fee|rent|charge"),
    ("cheap", Direction::Ascending, "price|cost|rate|fee|rent|charge"),
    ("fast", Direction::Descending, "speed|pace|horsepower"),
    ("slow", Direction::Ascending, "speed|pace"),
    ("rich", Direction::Descending, "net worth|money|wealth|income|salary|assets|gnp"),
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
    ("early", Direction::Ascending, "date|year|time"),
    ("first", Direction::Ascending, "date|year|time"),
    ("last", Direction::Descending, "date|year|time"),
];

static BY_WORD: LazyLock<HashMap<&'static str, Vec<&'static str>>> = LazyLock::new(|| {
    let mut known: HashMap<&str, Vec<&str>> = HashMap::new();
    for line in ALIKE {
        for word in line.split('|') {
            let others = known.entry(word).or_default();
            others.extend(line.split('|').filter(|other| *other != word));
        }
    }
    known
});

/// What else may be meant by a phrase of stems.
pub(crate) fn alike(phrase: &str) -> &'static [&'static str] {
    BY_WORD.get(phrase).map_or(&[], Vec::as_slice)
}

/// An abbreviation in full.
pub(crate) fn in_full(word: &str) -> Option<&'static str> {
    SHORT.iter().find(|(short, _)| *short == word).map(|(_, full)| *full)
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
        word == name || stems.iter().filter(|stem| !stem.is_empty()).any(|stem| {
            word.strip_prefix(stem.as_str()).is_some_and(|tail| tail == "er" || tail == "est")
        })
    };
    ADJECTIVES.iter().map(|(name, ..)| *name).find(|name| forms(name))
}

/// Irregular plurals, and verbs in the forms that questions use, to the word that headers use.
const IRREGULAR: &[(&str, &str)] = &[
    ("ids", "id"), ("people", "person"), ("men", "man"), ("women", "woman"), ("children", "child"), ("feet", "foot"),
    ("mice", "mouse"), ("teeth", "tooth"), ("lives", "life"), ("wives", "wife"), ("leaves", "leaf"),
    ("theses", "thesis"), ("analyses", "analysis"), ("indices", "index"), ("matrices", "matrix"),
    ("criteria", "criterion"), ("buses", "bus"), ("statuses", "status"), ("bonuses", "bonus"),
    ("campuses", "campus"), ("movies", "movie"), ("series", "series"), ("species", "species"),
    ("shoes", "shoe"), ("heroes", "hero"), ("addresses", "address"), ("classes", "class"),
    ("businesses", "business"), ("cookies", "cookie"), ("courses", "course"), ("houses", "house"),
    ("caches", "cache"), ("aches", "ache"), ("prix", "prix"), ("aliases", "alias"), ("gases", "gas"),
    ("viruses", "virus"), ("menus", "menu"), ("taxes", "tax"), ("axes", "axis"),
];

/// One word as it is looked up: singular.
pub(crate) fn lemma(word: &str) -> String {
    let irregular = IRREGULAR.iter().find(|(form, _)| *form == word).map(|(_, base)| (*base).to_owned());
    irregular.unwrap_or_else(|| crate::spelling::stem(word))
}
