use super::rng::Rng;

const STARTS: [&str; 24] = [
    "Bra", "Cor", "Del", "Dro", "Fen", "Gal", "Hol", "Jas", "Kel", "Lum", "Mor", "Nav", "Ost",
    "Pel", "Quin", "Ros", "Sel", "Tam", "Tor", "Ul", "Vel", "Wen", "Yar", "Zem",
];
const MIDDLES: [&str; 12] =
    ["ba", "da", "de", "li", "lo", "mi", "na", "ri", "ro", "ta", "vi", "zo"];
const PLACE_ENDS: [&str; 10] =
    ["bruck", "dorf", "feld", "gard", "ham", "lund", "mont", "stad", "val", "wick"];
const GIVEN_ENDS: [&str; 8] = ["an", "ea", "el", "ena", "ik", "is", "o", "wyn"];
const BRAND_ENDS: [&str; 8] = ["ax", "ero", "ix", "ona", "or", "ux", "via", "yl"];
const FIRMS: [&str; 10] = [
    "& Daughters",
    "Bazaar",
    "Collective",
    "Depot",
    "Emporium",
    "Group",
    "Mercantile",
    "Stores",
    "Supply",
    "Traders",
];

/// Makes names that belong to nobody, and gives none of them twice.
pub(super) struct Names {
    rng: Rng,
    given_out: Vec<String>,
}

impl Names {
    pub(super) fn new(seed: u64, purpose: &str) -> Self {
        Self { rng: Rng::new(seed, purpose), given_out: Vec::new() }
    }

    pub(super) fn person(&mut self) -> String {
        self.fresh(|rng| format!("{} {}", word(rng, &GIVEN_ENDS), word(rng, &PLACE_ENDS)))
    }

    pub(super) fn firm(&mut self) -> String {
        self.fresh(|rng| format!("{} {}", word(rng, &PLACE_ENDS), rng.pick(&FIRMS)))
    }

    pub(super) fn brand(&mut self) -> String {
        self.fresh(|rng| word(rng, &BRAND_ENDS))
    }

    /// A town; firms may share one.
    pub(super) fn town(&mut self) -> String {
        word(&mut self.rng, &PLACE_ENDS)
    }

    fn fresh(&mut self, make: impl Fn(&mut Rng) -> String) -> String {
        loop {
            let name = make(&mut self.rng);
            if !self.given_out.contains(&name) {
                self.given_out.push(name.clone());
                return name;
            }
        }
    }
}

fn word(rng: &mut Rng, ends: &[&str]) -> String {
    let middle = if rng.chance(500) { *rng.pick(&MIDDLES) } else { "" };
    format!("{}{middle}{}", rng.pick(&STARTS), rng.pick(ends))
}
