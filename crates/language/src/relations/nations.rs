//! Nationalities as adjectives.

const ADJECTIVES: &[(&str, &[&str])] = &[
    ("american", &["usa", "united states", "us", "united states of america", "american"]),
    ("us", &["usa", "united states"]), ("british", &["united kingdom", "uk", "great britain"]), ("english", &["england"]),
    ("french", &["france", "fra"]), ("german", &["germany", "ger"]), ("italian", &["italy", "ita"]), ("spanish", &["spain", "esp"]),
    ("dutch", &["netherlands"]), ("belgian", &["belgium"]), ("swiss", &["switzerland"]), ("austrian", &["austria"]),
    ("polish", &["poland"]), ("czech", &["czech republic", "czechia"]), ("swedish", &["sweden"]), ("norwegian", &["norway"]),
    ("danish", &["denmark"]), ("finnish", &["finland"]), ("irish", &["ireland"]), ("scottish", &["scotland"]),
    ("welsh", &["wales"]), ("portuguese", &["portugal"]), ("greek", &["greece"]), ("turkish", &["turkey"]),
    ("russian", &["russia", "russian federation", "rus"]), ("ukrainian", &["ukraine"]), ("hungarian", &["hungary"]),
    ("romanian", &["romania"]), ("bulgarian", &["bulgaria"]), ("serbian", &["serbia"]), ("croatian", &["croatia"]),
    ("chinese", &["china", "chn"]), ("japanese", &["japan", "jpn"]), ("korean", &["south korea", "korea"]), ("indian", &["india"]),
    ("pakistani", &["pakistan"]), ("indonesian", &["indonesia"]), ("thai", &["thailand"]), ("vietnamese", &["vietnam"]),
    ("australian", &["australia", "aus"]), ("canadian", &["canada", "can"]), ("mexican", &["mexico"]), ("brazilian", &["brazil"]),
    ("argentinian", &["argentina"]), ("argentine", &["argentina"]), ("chilean", &["chile"]), ("colombian", &["colombia"]),
    ("peruvian", &["peru"]), ("egyptian", &["egypt"]), ("moroccan", &["morocco"]), ("nigerian", &["nigeria"]),
    ("kenyan", &["kenya"]), ("south african", &["south africa"]), ("israeli", &["israel"]), ("iranian", &["iran"]),
    ("iraqi", &["iraq"]), ("saudi", &["saudi arabia"]), ("european", &["europe"]), ("asian", &["asia"]), ("african", &["africa"]),
    ("north american", &["north america"]), ("south american", &["south america"]), ("left", &["l"]), ("right", &["r"]),
    ("left handed", &["l", "left"]), ("right handed", &["r", "right"]), ("male", &["m", "male", "man"]), ("female", &["f", "female", "woman"]),
    ("woman", &["f", "female"]), ("man", &["m", "male"]), ("men", &["m", "male"]), ("women", &["f", "female"]), ("males", &["m", "male"]), ("females", &["f", "female"]),
    ("girl", &["f", "female"]), ("boy", &["m", "male"]), ("girls", &["f", "female"]), ("boys", &["m", "male"]),
    ("yes", &["y", "t", "true"]), ("no", &["n", "f", "false"]), ("true", &["t", "y"]), ("false", &["f", "n"]),
];

/// What values an adjective may stand for.
pub(crate) fn of_adjective(phrase: &str) -> &'static [&'static str] {
    ADJECTIVES.iter().find(|(name, _)| *name == phrase).map_or(&[], |(_, values)| values)
}
