//! Countries by more than one name, so that "Germany" finds rows that say `DE`.

/// Each line is one country. The first names may stand in a question; codes after the bar stand
/// only in data, where `IN` is not a preposition.
const COUNTRIES: &[(&[&str], &[&str])] = &[
    (&["argentina"], &["ar", "arg"]),
    (&["australia"], &["au", "aus"]),
    (&["austria", "osterreich"], &["at", "aut"]),
    (&["belgium", "belgien", "belgique"], &["be", "bel"]),
    (&["brazil", "brasil"], &["br", "bra"]),
    (&["bulgaria"], &["bg", "bgr"]),
    (&["canada"], &["ca", "can"]),
    (&["chile"], &["cl", "chl"]),
    (&["china"], &["cn", "chn"]),
    (&["croatia"], &["hr", "hrv"]),
    (&["czech republic", "czechia"], &["cz", "cze"]),
    (&["denmark", "danmark"], &["dk", "dnk"]),
    (&["estonia"], &["ee", "est"]),
    (&["finland"], &["fi", "fin"]),
    (&["france", "frankreich"], &["fr", "fra"]),
    (&["germany", "deutschland", "allemagne"], &["de", "deu", "ger"]),
    (&["greece"], &["gr", "grc"]),
    (&["hungary"], &["hu", "hun"]),
    (&["india"], &["in", "ind"]),
    (&["indonesia"], &["id", "idn"]),
    (&["ireland"], &["ie", "irl"]),
    (&["israel"], &["il", "isr"]),
    (&["italy", "italia", "italien"], &["it", "ita"]),
    (&["japan"], &["jp", "jpn"]),
    (&["latvia"], &["lv", "lva"]),
    (&["lithuania"], &["lt", "ltu"]),
    (&["luxembourg"], &["lu", "lux"]),
    (&["mexico"], &["mx", "mex"]),
    (&["netherlands", "holland", "niederlande", "the netherlands"], &["nl", "nld"]),
    (&["new zealand"], &["nz", "nzl"]),
    (&["norway", "norge"], &["no", "nor"]),
    (&["poland", "polska", "polen"], &["pl", "pol"]),
    (&["portugal"], &["pt", "prt"]),
    (&["romania"], &["ro", "rou"]),
    (&["saudi arabia"], &["sa", "sau"]),
    (&["singapore"], &["sg", "sgp"]),
    (&["slovakia"], &["sk", "svk"]),
    (&["slovenia"], &["si", "svn"]),
    (&["south africa"], &["za", "zaf"]),
    (&["south korea", "korea"], &["kr", "kor"]),
    (&["spain", "espana", "spanien"], &["es", "esp"]),
    (&["sweden", "sverige"], &["se", "swe"]),
    (&["switzerland", "schweiz", "suisse"], &["ch", "che"]),
    (&["turkey", "turkiye"], &["tr", "tur"]),
    (&["ukraine"], &["ua", "ukr"]),
    (&["united arab emirates", "uae"], &["ae", "are"]),
    (&["united kingdom", "uk", "great britain", "britain"], &["gb", "gbr"]),
    (&["united states", "usa", "united states of america", "america"], &["us"]),
];

/// The other ways to write the country that a question calls `phrase`.
pub(crate) fn other_names(phrase: &str) -> Vec<&'static str> {
    let line = COUNTRIES.iter().find(|(names, _)| names.contains(&phrase));
    let all = line.into_iter().flat_map(|(names, codes)| names.iter().chain(codes.iter()));
    all.copied().filter(|name| *name != phrase).collect()
}

/// Whether a word names a country, which is then no slip for another one.
pub(crate) fn is_country(word: &str) -> bool {
    COUNTRIES.iter().any(|(names, _)| names.contains(&word))
}
