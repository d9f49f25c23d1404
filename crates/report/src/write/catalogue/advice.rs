use super::Text;

pub(super) const ADVICE: &[Text] = &[
    (
        "advice.change.bad",
        "Look at where the change lies before acting: by customer, product and region.",
        "Vor dem Handeln klären, wo die Veränderung liegt: nach Kunde, Produkt und Region.",
    ),
    (
        "advice.trend.bad",
        "Decide whether this trend is wanted; if not, name somebody who is to turn it and a figure to watch.",
        "Entscheiden, ob dieser Trend gewollt ist; wenn nicht, eine verantwortliche Person und eine Zielgröße festlegen.",
    ),
    (
        "advice.season",
        "Plan stock, staff and cash for the high and the low part of the cycle.",
        "Lager, Personal und Liquidität auf den hohen und den niedrigen Abschnitt ausrichten.",
    ),
    (
        "advice.change_point",
        "Ask what changed around that date: prices, customers, suppliers, or how it is recorded.",
        "Prüfen, was sich um dieses Datum geändert hat: Preise, Kunden, Lieferanten oder die Erfassung.",
    ),
    (
        "advice.outlier_point",
        "Open the documents of that period and check for single large items and for errors.",
        "Die Belege dieses Zeitraums ansehen und auf einzelne große Posten und Fehler prüfen.",
    ),
    (
        "advice.burst",
        "Read the documents of these days for {member} and look for what they have in common.",
        "Die Belege dieser Tage zu {member} lesen und nach Gemeinsamkeiten suchen.",
    ),
    (
        "advice.outlier_member",
        "Talk to whoever is responsible for {member}: the others did not move like this.",
        "Mit den Verantwortlichen für {member} sprechen: die übrigen haben sich nicht so bewegt.",
    ),
    (
        "advice.outstanding_last",
        "Check whether {member} is worth keeping as it is.",
        "Prüfen, ob {member} so fortgeführt werden soll.",
    ),
    (
        "advice.concentration",
        "Work out how the company would stand without {member}, and widen the base.",
        "Durchrechnen, wie das Unternehmen ohne {member} dasteht, und die Basis verbreitern.",
    ),
    (
        "advice.concentration.bad",
        "Begin with {member}: the largest part lies there.",
        "Bei {member} beginnen: dort liegt der größte Teil.",
    ),
    (
        "advice.drivers",
        "Begin with {member}: the largest part of the change lies there.",
        "Bei {member} beginnen: dort liegt der größte Teil der Veränderung.",
    ),
    (
        "advice.price_volume_mix",
        "Look at the largest of the three first: price lists, quantities sold, or what is sold.",
        "Zuerst den größten der drei Teile ansehen: Preislisten, Mengen oder Sortiment.",
    ),
    (
        "advice.new_lost.customers",
        "Call those who were lost, the largest first; the rows name them.",
        "Die Verlorenen ansprechen, die größten zuerst; die Zeilen nennen sie.",
    ),
    (
        "advice.new_lost",
        "Look at what is no longer there, the largest first, and decide whether that is wanted.",
        "Was nicht mehr da ist ansehen, das Größte zuerst, und entscheiden, ob das gewollt ist.",
    ),
    (
        "advice.pace.below",
        "There is still time: list what can be closed before the period ends.",
        "Noch ist Zeit: auflisten, was vor Ende des Zeitraums abgeschlossen werden kann.",
    ),
    (
        "advice.ageing.receivable",
        "Send reminders, the largest and oldest first, and hold deliveries where terms allow.",
        "Mahnen, die größten und ältesten zuerst, und Lieferungen anhalten, wo es die Bedingungen erlauben.",
    ),
    (
        "advice.ageing.payable",
        "Check which of these are disputed, and pay what is late before it costs fees or discounts.",
        "Prüfen, was strittig ist, und Überfälliges zahlen, bevor Gebühren entstehen oder Skonti verfallen.",
    ),
    (
        "advice.days_outstanding.receivable",
        "Compare with the agreed terms and look at the slowest payers.",
        "Mit den vereinbarten Zahlungszielen vergleichen und die langsamsten Zahler ansehen.",
    ),
    (
        "advice.days_outstanding.payable",
        "Compare with the agreed terms: use them in full, and no longer.",
        "Mit den vereinbarten Zahlungszielen vergleichen: ausnutzen, aber nicht überziehen.",
    ),
    (
        "advice.stock_cover",
        "Reorder what runs out soon, and sell off or return what nobody takes.",
        "Nachbestellen, was bald ausgeht, und verkaufen oder zurückgeben, was niemand entnimmt.",
    ),
    (
        "advice.forecast.bad",
        "Plan for the lower end of the range until the figure turns.",
        "Bis zur Wende mit dem unteren Ende der Spanne planen.",
    ),
    (
        "advice.data_quality",
        "Look at these rows in the source system; where they are wrong, mend them there and load again.",
        "Diese Zeilen im Quellsystem ansehen; wo sie falsch sind, dort beheben und neu laden.",
    ),
];

pub(super) const TESTS: &[Text] = &[
    (
        "p.very_rare",
        "Chance alone would hardly ever show this",
        "Zufall allein würde das so gut wie nie zeigen",
    ),
    ("p.rare", "Chance alone would rarely show this", "Zufall allein würde das selten zeigen"),
    (
        "p.uncommon",
        "Chance alone would not often show this",
        "Zufall allein würde das nicht oft zeigen",
    ),
    ("p.common", "Chance alone could well show this", "Zufall allein könnte das durchaus zeigen"),
    (
        "test.body",
        "{hedge} ({test}, p {p}, {n} observations).",
        "{hedge} ({test}, p {p}, {n} Beobachtungen).",
    ),
    ("test.mann_kendall", "Mann-Kendall test", "Mann-Kendall-Test"),
    ("test.welch_t", "Welch's t-test", "Welch-t-Test"),
    ("test.student_t", "Student's t-test", "Student-t-Test"),
    ("test.f_test", "F-test", "F-Test"),
    ("test.robust_z", "robust z-score", "robuster z-Wert"),
    ("test.gamma_poisson", "gamma-Poisson model", "Gamma-Poisson-Modell"),
    ("test.spearman", "Spearman's rank correlation", "Spearmans Rangkorrelation"),
    ("test.pelt", "PELT change-point search", "PELT-Strukturbruchsuche"),
    ("test.wilcoxon", "Wilcoxon test", "Wilcoxon-Test"),
    ("test.kruskal_wallis", "Kruskal-Wallis test", "Kruskal-Wallis-Test"),
    ("test.f", "F-test", "F-Test"),
    ("test.power_law", "power-law gap test", "Potenzgesetz-Abstandstest"),
    ("test.mann_whitney", "Mann-Whitney test", "Mann-Whitney-Test"),
];

pub(super) const CAVEATS: &[Text] = &[
    (
        "caveat.few_points",
        "There are few periods or members to go by.",
        "Es gibt nur wenige Zeiträume oder Mitglieder.",
    ),
    (
        "caveat.data_ends_early",
        "The data ends before the period does.",
        "Die Daten enden vor dem Zeitraum.",
    ),
    (
        "caveat.naive_not_beaten",
        "Forecasts were no better on the past than repeating the season.",
        "Prognosen waren bisher nicht besser, als die Saison zu wiederholen.",
    ),
    (
        "caveat.doubtful_data",
        "This rests on data that is doubtful: see data quality.",
        "Das beruht auf zweifelhaften Daten: siehe Datenqualität.",
    ),
    (
        "caveat.part_of_rows",
        "Only the rows that the reader may see are counted.",
        "Gezählt sind nur Zeilen, die der Leser sehen darf.",
    ),
    (
        "caveat.one_currency",
        "Amounts in other currencies are left out.",
        "Beträge in anderen Währungen sind ausgelassen.",
    ),
    (
        "caveat.members_cut",
        "More members exist than were looked at.",
        "Es gibt mehr Mitglieder, als untersucht wurden.",
    ),
    (
        "caveat.as_of_now",
        "Open amounts are as the tables stand now, not as of the day.",
        "Offene Beträge sind nach jetzigem Stand der Tabellen, nicht zum Stichtag.",
    ),
];

/// Term: title and meaning, in pairs of texts.
pub(super) const GLOSSARY: &[Text] = &[
    ("term.trend", "Trend", "Trend"),
    (
        "term.trend.text",
        "The Mann-Kendall test asks whether later values tend to be higher (or lower) than earlier ones; Sen's slope is the middle of all slopes between two values.",
        "Der Mann-Kendall-Test fragt, ob spätere Werte eher höher (oder niedriger) sind als frühere; Sens Steigung ist die mittlere aller Steigungen zwischen zwei Werten.",
    ),
    ("term.season", "Season", "Saison"),
    (
        "term.season.text",
        "What repeats from cycle to cycle, apart from the trend. Strength: 0 is none, 1 is nothing else.",
        "Was sich von Zyklus zu Zyklus wiederholt, vom Trend getrennt. Stärke: 0 ist keine, 1 ist nichts anderes.",
    ),
    ("term.hhi", "HHI", "HHI"),
    (
        "term.hhi.text",
        "Herfindahl-Hirschman index: the sum of the squared shares. 1 is one alone; above 0.18 counts as highly concentrated.",
        "Herfindahl-Hirschman-Index: die Summe der quadrierten Anteile. 1 ist einer allein; über 0,18 gilt als stark konzentriert.",
    ),
    ("term.p", "p", "p"),
    (
        "term.p.text",
        "How often chance alone would show at least as much, after allowing for how many tests were made (Benjamini and Hochberg 1995). Small is sure.",
        "Wie oft Zufall allein mindestens so viel zeigen würde, bereinigt um die Zahl der Tests (Benjamini und Hochberg 1995). Klein ist sicher.",
    ),
    ("term.forecast", "Forecast", "Prognose"),
    (
        "term.forecast.text",
        "The median of methods that were best on the past. Its error (MASE) is measured against a plain guess: below 1 is better.",
        "Der Median der Verfahren, die in der Vergangenheit am besten waren. Der Fehler (MASE) wird an einer einfachen Schätzung gemessen: unter 1 ist besser.",
    ),
    ("term.mix", "Price, volume, mix", "Preis, Menge, Mix"),
    (
        "term.mix.text",
        "A change of value in three parts: other prices, other quantity in all, and other shares of dear and cheap items. They add up to the change.",
        "Eine Wertveränderung in drei Teilen: andere Preise, andere Gesamtmenge, andere Anteile teurer und billiger Artikel. Zusammen ergeben sie die Veränderung.",
    ),
    ("term.days", "Days outstanding", "Laufzeit in Tagen"),
    (
        "term.days.text",
        "Open amounts divided by turnover a day: how long money is outstanding.",
        "Offene Beträge geteilt durch den Tagesumsatz: wie lange Geld aussteht.",
    ),
    ("term.cover", "Days of cover", "Reichweite"),
    (
        "term.cover.text",
        "Stock divided by what is taken a day.",
        "Bestand geteilt durch den Abgang je Tag.",
    ),
];

pub(super) const MISSING: &[Text] = &[
    (
        "missing.sales",
        "Sales: no table of sales was found",
        "Verkäufe: keine Verkaufstabelle gefunden",
    ),
    (
        "missing.customers",
        "Customers: no column that tells customers apart",
        "Kunden: keine Spalte, die Kunden unterscheidet",
    ),
    (
        "missing.products",
        "Products: no column that tells products apart",
        "Produkte: keine Spalte, die Produkte unterscheidet",
    ),
    (
        "missing.purchases",
        "Purchases: no table of purchases was found",
        "Einkäufe: keine Einkaufstabelle gefunden",
    ),
    (
        "missing.stock",
        "Stock: no table of stock was found",
        "Lager: keine Bestandstabelle gefunden",
    ),
    (
        "missing.receivables",
        "Receivables: no open customer invoices were found",
        "Forderungen: keine offenen Kundenrechnungen gefunden",
    ),
    (
        "missing.payables",
        "Payables: no open supplier invoices were found",
        "Verbindlichkeiten: keine offenen Lieferantenrechnungen gefunden",
    ),
    (
        "missing.cash",
        "Cash: no payments or balances were found",
        "Zahlungsmittel: keine Zahlungen oder Salden gefunden",
    ),
    (
        "missing.people",
        "People: no table of employees was found",
        "Personal: keine Personaltabelle gefunden",
    ),
    (
        "missing.production",
        "Production: no production orders were found",
        "Produktion: keine Fertigungsaufträge gefunden",
    ),
    (
        "missing.dates",
        "Dates: no date to follow figures over time by",
        "Daten: kein Datum, dem die Zahlen im Zeitverlauf folgen",
    ),
    ("missing.rows", "No rows in this period", "Keine Zeilen in diesem Zeitraum"),
    ("missing.questions", "No saved questions", "Keine gespeicherten Fragen"),
    (
        "missing.more_questions",
        "Saved questions that are left out, for a report answers the newest unless it names others: {names}.",
        "Gespeicherte Fragen, die fehlen, da ein Bericht die neuesten beantwortet, wenn er keine anderen nennt: {names}.",
    ),
    (
        "missing.muted",
        "Somebody of the company has muted findings that would stand here: {names}.",
        "Jemand im Unternehmen hat Befunde stummgeschaltet, die hier stünden: {names}.",
    ),
    (
        "missing.unanswered",
        "It is not answered: ask it to see why.",
        "Sie wird nicht beantwortet: stellen Sie sie, um zu sehen, warum.",
    ),
    (
        "missing.metric",
        "{what}: not computable from these tables",
        "{what}: aus diesen Tabellen nicht zu berechnen",
    ),
    ("missing.names", " (not there: {names})", " (fehlt: {names})"),
];
