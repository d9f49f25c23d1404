//! Words that businesses use for the same thing.

use std::{collections::HashMap, sync::LazyLock};

/// Each line is one thing: its name here, then what people call it in questions and in headers.
/// Several words are matched as a phrase.
const SYNONYMS: &[&[&str]] = &[
    &["revenue", "sales", "turnover", "takings", "sales revenue", "revenues", "net sales"],
    &["amount", "value", "amounts", "values"],
    &["quantity", "units", "qty", "pieces", "quantities", "volume", "pcs"],
    &["cost", "costs", "expense", "expenses", "spend", "spending", "expenditure"],
    &["profit", "profits", "earnings"],
    &["margin", "gross margin", "margins"],
    &["price", "prices"],
    &["discount", "discounts", "rebate", "rebates"],
    &["tax", "vat", "taxes"],
    &["customer", "client", "buyer", "cust", "customers", "clients", "buyers"],
    &["supplier", "vendor", "suppliers", "vendors"],
    &["product", "item", "article", "sku", "products", "items", "articles", "skus", "goods"],
    &[
        "category",
        "product group",
        "product category",
        "categories",
        "product groups",
        "product categories",
    ],
    &["country", "nation", "countries", "nations"],
    &["region", "territory", "regions", "territories"],
    &["city", "town", "cities", "towns"],
    &[
        "salesperson",
        "sales rep",
        "sales reps",
        "sales representative",
        "sales representatives",
        "sales person",
        "sales people",
        "salespeople",
        "salespersons",
        "salesman",
        "salesmen",
        "rep",
        "reps",
        "seller",
        "sellers",
        "sales agent",
        "account manager",
    ],
    &["employee", "staff", "staff member", "staff members", "employees", "workers", "worker"],
    &["department", "dept", "departments"],
    &["order", "sales order", "orders", "sales orders"],
    &["invoice", "bill", "invoices", "bills"],
    &["payment", "payments"],
    &["warehouse", "warehouses"],
    &["stock", "inventory", "stock on hand"],
    &["channel", "sales channel", "channels", "sales channels"],
    &["segment", "customer segment", "segments", "customer segments"],
    &["salary", "wage", "salaries", "wages"],
    &["brand", "brands"],
    &["project", "projects"],
    &["store", "shop", "branch", "stores", "shops", "branches"],
    &["balance", "balances"],
    &["type", "kind", "types", "kinds"],
];

/// Abbreviations and German and French words that only headers use: in a question, `no` and `land`
/// are English.
const IN_HEADERS: &[(&str, &[&str])] = &[
    ("revenue", &["umsatz", "umsatze", "erlos", "erlose", "umsatzerlose", "ventes", "ca", "rev"]),
    ("amount", &["amt", "betrag", "montant", "wert", "valeur", "summe", "nettobetrag"]),
    ("quantity", &["menge", "anzahl", "stuck", "stuckzahl", "quantite", "qte"]),
    ("cost", &["kosten", "aufwand", "cout", "couts"]),
    ("profit", &["gewinn", "benefice"]),
    ("margin", &["marge", "deckungsbeitrag"]),
    ("price", &["preis", "prix"]),
    ("discount", &["rabatt", "remise"]),
    ("tax", &["mwst", "ust", "steuer", "tva"]),
    ("customer", &["kunde", "kunden", "debitor", "clt"]),
    ("supplier", &["lieferant", "lieferanten", "kreditor", "fournisseur"]),
    ("product", &["produkt", "artikel", "produit", "prod", "material"]),
    ("category", &["kategorie", "warengruppe", "produktgruppe", "categorie", "cat"]),
    ("country", &["land", "pays"]),
    ("region", &["gebiet"]),
    ("city", &["stadt", "ort", "ville"]),
    ("salesperson", &["verkaufer", "vertreter", "vendeur", "commercial"]),
    ("employee", &["mitarbeiter", "employe", "emp"]),
    ("department", &["abteilung", "departement"]),
    ("order", &["auftrag", "bestellung", "bestell", "commande", "ord"]),
    ("invoice", &["rechnung", "rechnungs", "facture", "inv"]),
    ("payment", &["zahlung", "zahlungs", "paiement"]),
    ("warehouse", &["lager", "lagerort", "entrepot"]),
    ("stock", &["bestand", "lagerbestand"]),
    ("channel", &["kanal", "vertriebskanal", "canal"]),
    ("salary", &["gehalt", "lohn", "salaire"]),
    ("brand", &["marke", "marque"]),
    ("project", &["projekt", "projet"]),
    ("store", &["filiale", "magasin"]),
    ("balance", &["saldo", "solde"]),
    ("date", &["datum", "dt"]),
    ("number", &["nr", "no", "num", "nummer", "numero"]),
    ("currency", &["wahrung", "devise", "curr"]),
    ("type", &["typ", "art"]),
    ("unit", &["einzel", "unitaire"]),
    ("year", &["jahr", "annee"]),
    ("month", &["monat", "mois"]),
    ("delivery", &["liefer", "livraison"]),
    ("due", &["falligkeits", "faelligkeits", "echeance"]),
];

/// Second parts of German compounds that headers run together: `rechnungsdatum`, `kundenname`.
const COMPOUND_TAILS: &[&str] = &["datum", "nummer", "name", "preis", "menge", "betrag", "gruppe"];

static BY_PHRASE: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    SYNONYMS.iter().flat_map(|line| line.iter().map(|phrase| (*phrase, line[0]))).collect()
});

/// The one name of what `phrase` (folded words, single spaces) stands for in a question.
pub(crate) fn meaning(phrase: &str) -> Option<&'static str> {
    BY_PHRASE.get(phrase).copied()
}

/// The same in a header, where abbreviations and two more languages are met.
pub(crate) fn meaning_in_header(word: &str) -> Option<&'static str> {
    let foreign = IN_HEADERS.iter().find(|(_, words)| words.contains(&word)).map(|(name, _)| *name);
    foreign.or_else(|| meaning(word))
}

/// How many words the longest phrase has.
pub(crate) const LONGEST: usize = 3;

/// All single words, for mending slips.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    SYNONYMS.iter().flat_map(|line| line.iter().copied()).filter(|phrase| !phrase.contains(' '))
}

/// Takes a German compound apart where its second part is known.
pub(crate) fn parts(word: &str) -> Vec<String> {
    for tail in COMPOUND_TAILS {
        if let Some(head) = word.strip_suffix(tail).filter(|head| head.len() > 2) {
            let known = |head: &&str| meaning_in_header(head).is_some();
            let bare = [head, head.trim_end_matches('s'), head.trim_end_matches('n')];
            if let Some(head) = bare.iter().find(|head| known(head)) {
                return vec![(*head).to_owned(), (*tail).to_owned()];
            }
        }
    }
    vec![word.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_stands_for_two_things() {
        let mut seen = std::collections::BTreeMap::new();
        for line in SYNONYMS {
            for phrase in *line {
                assert_eq!(seen.insert(*phrase, line[0]), None, "{phrase}");
                assert!(phrase.split(' ').count() <= LONGEST, "{phrase}");
            }
        }
        for (name, words) in IN_HEADERS {
            for word in *words {
                assert_eq!(seen.insert(*word, name), None, "{word}");
            }
        }
    }

    #[test]
    fn german_compounds_come_apart() {
        for (word, expect) in [
            ("rechnungsdatum", "rechnungs datum"),
            ("kundenname", "kunden name"),
            ("bestelldatum", "bestell datum"),
            ("surname", "surname"),
        ] {
            assert_eq!(parts(word).join(" "), expect);
        }
    }
}
