//! What other rooms say in English of questions, tables and queries, and the same in German. Each text is known by
//! its English template: what stands in its braces is taken over. Days in `{days}` are written anew.

use super::questions::QUESTIONS;
use crate::locale::Language;

/// English, German.
pub(super) type Pair = (&'static str, &'static str);

/// A text of another room in a language; as it is where it is none of those that are known.
pub fn retold(text: &str, language: Language) -> String {
    known(text, language).unwrap_or_else(|| text.to_owned())
}

/// The same, where it is known, or made of two that are: what the rules said, and what became of a model.
pub(crate) fn known(text: &str, language: Language) -> Option<String> {
    if language == Language::English {
        return Some(text.to_owned());
    }
    let ends = text.match_indices(['.', '?']).map(|(at, _)| at + 1);
    let two = |end: usize| {
        let second = text[end..].strip_prefix(' ')?;
        Some(format!("{} {}", one(&text[..end], language)?, one(second, language)?))
    };
    { ends }.find_map(two).or_else(|| one(text, language))
}

/// A text that is known as a whole.
fn one(text: &str, language: Language) -> Option<String> {
    OTHERS.iter().flat_map(|part| part.iter()).find_map(|(english, german)| {
        let values = taken(english, text)?;
        let values: Vec<(&str, String)> = values
            .into_iter()
            .map(|(name, value)| match name {
                "days" | "today" => (name, days_in(value, language)),
                "words" => (name, value.replace("\" or \"", "\" oder \"")),
                _ => (name, value.to_owned()),
            })
            .collect();
        let values: Vec<(&str, &str)> =
            values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Some(super::filled(german, &values))
    })
}

/// What stands in the braces of a template in a text that was made of it.
fn taken<'a>(template: &'static str, text: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
    let (head, mut rest) = template.split_once('{').unwrap_or((template, ""));
    let mut text = text.strip_prefix(head)?;
    let mut values = Vec::new();
    while let Some((name, after)) = rest.split_once('}') {
        let (literal, next) = after.split_once('{').map_or((after, ""), |(one, two)| (one, two));
        let end = match (literal, next) {
            (_, "") => text.len().checked_sub(literal.len()).filter(|_| text.ends_with(literal))?,
            _ => text.find(literal)?,
        };
        values.push((name, &text[..end]));
        (text, rest) = (&text[end + literal.len()..], next);
    }
    (text.is_empty() && values.iter().all(|(_, value)| !value.is_empty())).then_some(values)
}

/// `1 January 2025 to 31 March 2025` in another language.
fn days_in(text: &str, language: Language) -> String {
    let words = text.split(' ').collect::<Vec<_>>();
    let written = words.iter().enumerate().map(|(place, word)| {
        let is_day =
            words.get(place + 1).is_some_and(|next| Language::English.month(next).is_some());
        match (Language::English.month(word), *word) {
            (Some(month), _) => language.month_name(month).to_owned(),
            (None, "to" | "until") => "bis".to_owned(),
            (None, "since") => "seit".to_owned(),
            (None, day) if is_day => format!("{day}."),
            (None, word) => word.to_owned(),
        }
    });
    written.collect::<Vec<_>>().join(" ")
}

const OTHERS: &[&[Pair]] = &[QUESTIONS, REASONS, QUALITY, NOTES, MODELS, FIGURES];

/// Of the quality of data.
const QUALITY: &[Pair] = &[
    ("The table has no rows.", "Die Tabelle hat keine Zeilen."),
    ("1 row name nothing that is in {table}.", "1 Zeile verweist auf nichts in {table}."),
    (
        "{rows} rows name nothing that is in {table}.",
        "{rows} Zeilen verweisen auf nichts in {table}.",
    ),
    (
        "It refers to {table}, where {rows} rows share one value, so that it names no single row; the relationship is not used.",
        "Verwiesen wird auf {table}, wo {rows} Zeilen denselben Wert haben, sodass keine einzelne gemeint ist; die Beziehung wird nicht benutzt.",
    ),
    (
        "There are no rows of {months} and {more} more.",
        "Es gibt keine Zeilen von {months} und {more} weiteren.",
    ),
    ("There are no rows of {months}.", "Es gibt keine Zeilen von {months}."),
    ("It has no values.", "Die Spalte hat keine Werte."),
    (
        "1 row have no value, and it names rows.",
        "1 Zeile hat keinen Wert, obwohl die Spalte Zeilen benennt.",
    ),
    (
        "{rows} rows have no value, and it names rows.",
        "{rows} Zeilen haben keinen Wert, obwohl die Spalte Zeilen benennt.",
    ),
    ("{percent} % of the rows have no value.", "{percent} % der Zeilen haben keinen Wert."),
    ("Every row has the same value.", "Jede Zeile hat denselben Wert."),
    (
        "1 row repeats the key of another: sums may count them twice.",
        "1 Zeile wiederholt den Schlüssel einer anderen: Summen zählen sie vielleicht doppelt.",
    ),
    (
        "{rows} rows repeat the key of another: sums may count them twice.",
        "{rows} Zeilen wiederholen den Schlüssel einer anderen: Summen zählen sie vielleicht doppelt.",
    ),
    ("{day} is among its days.", "{day} ist unter den Tagen."),
    ("Its last day, {day}, lies ahead of today.", "Der letzte Tag, {day}, liegt in der Zukunft."),
    (
        "The same is written in several ways: {values}; and {more} more.",
        "Dasselbe ist verschieden geschrieben: {values}; und {more} weitere.",
    ),
    (
        "The same is written in several ways: {values}.",
        "Dasselbe ist verschieden geschrieben: {values}.",
    ),
    (
        "{numbers} of its {all} different texts are numbers; others are {values}.",
        "{numbers} von {all} verschiedenen Texten sind Zahlen; andere sind {values}.",
    ),
];

/// Of how a question was read, and of what an answer leaves out.
const NOTES: &[Pair] = &[
    ("\"{typed}\" was read as \"{meant}\".", "„{typed}“ wurde als „{meant}“ gelesen."),
    (
        "The period is not over: it ends on {days}, and today is {today}.",
        "Der Zeitraum ist noch nicht vorbei: er endet am {days}, heute ist der {today}.",
    ),
    ("Only complete days count: {days}.", "Nur ganze Tage zählen: {days}."),
    (
        "Only complete calendar periods count: {days}.",
        "Nur ganze Kalenderzeiträume zählen: {days}.",
    ),
    ("The fiscal period is {days}.", "Das Geschäftsjahr oder sein Teil geht über {days}."),
    ("No year was named: read as {days}.", "Kein Jahr war genannt: gelesen als {days}."),
    ("It goes on from the last question.", "Sie führt die letzte Frage fort."),
    (
        "The same as before: every answer has its chart and its table.",
        "Dasselbe wie zuvor: jede Antwort hat ihr Diagramm und ihre Tabelle.",
    ),
    ("No figure was named, so they are counted.", "Keine Kennzahl war genannt: es wird gezählt."),
    (
        "{column} does not add up, so it is averaged; each row counts once.",
        "{column} lässt sich nicht addieren, daher der Durchschnitt; jede Zeile zählt einmal.",
    ),
    (
        "Each {column} is counted once, however many rows it has.",
        "{column}: jeder Wert zählt einmal, in wie vielen Zeilen er auch steht.",
    ),
    (
        "No number was named: the first {count} are shown.",
        "Keine Anzahl war genannt: gezeigt sind die ersten {count}.",
    ),
    (
        "Amounts of different currencies are never added up: one line for each.",
        "Beträge verschiedener Währungen werden nie addiert: jede hat ihre eigene Zeile.",
    ),
    ("Rows without a {column} are left out.", "Zeilen ohne {column} sind ausgelassen."),
    (
        "The limit is compared with {column} as booked, whatever its currency.",
        "Die Grenze wird mit {column} verglichen, wie gebucht, gleich in welcher Währung.",
    ),
    ("Over time was read as by month.", "Der Zeitverlauf ist nach Monaten."),
    ("The average is that of single rows.", "Der Durchschnitt ist der einzelner Zeilen."),
    ("Dates are those of {column}.", "Maßgeblich ist das Datum {column}."),
    (
        "At the pace of the last {count} days; what was not sold then is left out.",
        "Im Tempo der letzten {count} Tage; was da nicht verkauft wurde, ist ausgelassen.",
    ),
    (
        "The cost of what was sold by the mean of the stock's values in that time.",
        "Die Kosten des Verkauften, geteilt durch den mittleren Bestandswert dieser Zeit.",
    ),
    (
        "For a file, ask for the answer as CSV, Arrow or Parquet.",
        "Als Datei gibt es die Antwort in CSV, Arrow oder Parquet.",
    ),
    ("Only the {count} with the greatest {figure}.", "Nur die {count} mit dem größten Wert."),
    ("Only the {count} with the least {figure}.", "Nur die {count} mit dem kleinsten Wert."),
    (
        "A row of {table} counts once in every group that it belongs to, so the groups can add up to more than the total.",
        "Eine Zeile von {table} zählt einmal in jeder ihrer Gruppen, sodass die Gruppen zusammen mehr als das Ganze ergeben können.",
    ),
    ("It could not be broken down by {column}.", "Ohne Aufgliederung nach {column}."),
    (
        "Computed from the rows of the query that is shown.",
        "Berechnet aus den Zeilen der gezeigten Abfrage.",
    ),
];

/// Of models of language.
const MODELS: &[Pair] = &[
    ("A language model read the question.", "Ein Sprachmodell hat die Frage gelesen."),
    (
        "A language model read the question the same way.",
        "Ein Sprachmodell hat die Frage ebenso gelesen.",
    ),
    (
        "A language model wrote this query: check the SQL.",
        "Ein Sprachmodell hat diese Abfrage geschrieben: prüfen Sie das SQL.",
    ),
    (
        "No language model was asked: too many questions wait for it.",
        "Kein Sprachmodell wurde gefragt: zu viele Fragen warten darauf.",
    ),
    (
        "A language model was asked too, and took too long.",
        "Auch ein Sprachmodell wurde gefragt und brauchte zu lange.",
    ),
    (
        "A language model was to be asked too, and cannot be used now.",
        "Auch ein Sprachmodell sollte gefragt werden und ist jetzt nicht zu benutzen.",
    ),
    (
        "A language model was asked too, and its answer cannot be read.",
        "Auch ein Sprachmodell wurde gefragt; seine Antwort ist nicht lesbar.",
    ),
    (
        "No language model was asked: the company's budget for it is used up this month.",
        "Kein Sprachmodell wurde gefragt: das Budget des Unternehmens ist für diesen Monat aufgebraucht.",
    ),
    (
        "A language model was asked too, and wrote nothing that can be run.",
        "Auch ein Sprachmodell wurde gefragt und schrieb nichts, was ausführbar ist.",
    ),
    (
        "A language model was asked too, and was not sure.",
        "Auch ein Sprachmodell wurde gefragt und war nicht sicher.",
    ),
    (
        "A language model was asked too, and looked for what no row has.",
        "Auch ein Sprachmodell wurde gefragt und suchte, was keine Zeile hat.",
    ),
    (
        "A language model was asked too, and answered with figures or words of its own.",
        "Auch ein Sprachmodell wurde gefragt und antwortete mit eigenen Zahlen oder Worten.",
    ),
    (
        "A language model was asked too, and its query failed.",
        "Auch ein Sprachmodell wurde gefragt; seine Abfrage scheiterte.",
    ),
];

/// Of why there is no answer.
const REASONS: &[Pair] = &[
    ("There is no such saved question any more.", "Diese gespeicherte Frage gibt es nicht mehr."),
    (
        "It cannot be narrowed to the rows that count in this report.",
        "Sie lässt sich nicht auf die Zeilen einschränken, die in diesem Bericht zählen.",
    ),
    (
        "Its amounts are in {is}, and this report is in {wanted}.",
        "Ihre Beträge sind in {is}, dieser Bericht ist in {wanted}.",
    ),
    (
        "The tables have changed: save this question anew.",
        "Die Tabellen haben sich geändert: speichern Sie diese Frage neu.",
    ),
    (
        "{question} Save it anew with the reading that is meant.",
        "Sie ist jetzt mehrdeutig: speichern Sie sie neu, mit der gemeinten Lesart.",
    ),
    (
        "This is found out of one figure at a time, without \"by …\".",
        "Das wird von einer Kennzahl auf einmal herausgefunden, ohne „nach …“.",
    ),
    (
        "These tables do not answer that over time.",
        "Diese Tabellen sagen das nicht im Zeitverlauf.",
    ),
    (
        "There are no days, or too many, to look at.",
        "Es gibt keine Tage, oder zu viele, um sie anzusehen.",
    ),
    (
        "There are fewer than two whole periods of it.",
        "Es gibt weniger als zwei ganze Zeiträume davon.",
    ),
    (
        "Those days are over: ask for the figure itself.",
        "Diese Tage sind vorbei: fragen Sie nach der Kennzahl selbst.",
    ),
    ("At most {count} periods are forecast.", "Höchstens {count} Zeiträume werden vorhergesagt."),
    (
        "A forecast needs 8 whole periods; there are {count}.",
        "Eine Prognose braucht 8 ganze Zeiträume; es sind {count}.",
    ),
    ("Those days are no whole periods.", "Diese Tage sind keine ganzen Zeiträume."),
    (
        "Not all of those days are over and have rows.",
        "Nicht alle diese Tage sind vorbei und haben Zeilen.",
    ),
    (
        "The days to compare with are no whole periods.",
        "Die Vergleichstage sind keine ganzen Zeiträume.",
    ),
    (
        "There are no rows of the days before to compare with.",
        "Es gibt keine Zeilen früherer Tage zum Vergleich.",
    ),
    (
        "What its change comes from cannot be told: it did not change, or nothing that tells its rows apart adds up to it.",
        "Woher die Veränderung kommt, ist nicht zu sagen: es gab keine, oder nichts, was die Zeilen unterscheidet, ergibt sie zusammen.",
    ),
    (
        "What its change comes from cannot be told.",
        "Woher die Veränderung kommt, ist nicht zu sagen.",
    ),
    (
        "Only a figure over time can be explained or carried forward.",
        "Nur eine Kennzahl im Zeitverlauf lässt sich erklären oder fortschreiben.",
    ),
];

/// Names of figures that are made of others.
const FIGURES: &[Pair] = &[
    ("share of first {count}", "Anteil der ersten {count}"),
    ("{of} of first {count}", "{of} der ersten {count}"),
    ("{of} share", "Anteil an {of}"),
    ("running {of}", "laufende Summe {of}"),
    ("{of} before", "{of} zuvor"),
    ("{of} usual", "{of} sonst"),
    ("{of} growth", "Wachstum von {of}"),
    ("{of} part", "Teil von {of}"),
    ("average days", "durchschnittliche Tage"),
    ("average number", "durchschnittliche Anzahl"),
    ("average {of}", "Durchschnitt {of}"),
    ("first {of}", "erster Wert von {of}"),
    ("sold in {count} days", "in {count} Tagen verkauft"),
    ("days of cover", "Reichweite in Tagen"),
    ("stock turns", "Lagerumschlag"),
    ("overdue bucket", "Verzug in Tagen"),
    ("divided by", "Teiler"),
    ("ratio", "Verhältnis"),
    ("counted", "gezählt"),
    ("count", "Anzahl"),
    ("times", "Male"),
    ("value", "Wert"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_text_is_known_by_its_template_and_by_no_other() {
        let mut seen = BTreeSet::new();
        for (english, german) in OTHERS.iter().flat_map(|part| part.iter()) {
            assert!(seen.insert(english), "{english} twice");
            let filled = |text: &str| text.replace('{', "‹").replace('}', "›");
            let told = known(&filled(english), Language::German);
            assert_eq!(told.as_deref(), Some(filled(german).as_str()), "{english}");
            assert_eq!(retold(english, Language::English), *english);
        }
        assert_eq!(known("Something else.", Language::German), None);
        assert_eq!(retold("Something else.", Language::German), "Something else.");
    }

    #[test]
    fn two_texts_in_one_are_each_known() {
        for (english, german) in [
            (
                "No table, column, value or date here is called \"a\" or \"b\". A language model was asked too, and was not sure.",
                "Keine Tabelle, keine Spalte, kein Wert und kein Datum heißt hier \"a\" oder \"b\". Auch ein Sprachmodell wurde gefragt und war nicht sicher.",
            ),
            (
                "A language model was asked too, and took too long. Which of these do you mean?",
                "Auch ein Sprachmodell wurde gefragt und brauchte zu lange. Was davon meinen Sie?",
            ),
        ] {
            assert_eq!(retold(english, Language::German), german);
        }
        assert_eq!(known("Is this what you mean? Something else.", Language::German), None);
    }

    #[test]
    fn days_are_written_anew() {
        for (english, german) in [
            (
                "Only complete days count: 1 January 2025 to 31 March 2025.",
                "Nur ganze Tage zählen: 1. Januar 2025 bis 31. März 2025.",
            ),
            ("The fiscal period is {days}.", "Das Geschäftsjahr oder sein Teil geht über {days}."),
            (
                "No year was named: read as May 2026.",
                "Kein Jahr war genannt: gelesen als Mai 2026.",
            ),
        ] {
            assert_eq!(retold(english, Language::German), german);
        }
    }
}
