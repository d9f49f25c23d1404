use super::others::Pair;

/// What is asked back, and why a question is refused.
pub(super) const QUESTIONS: &[Pair] = &[
    ("Which of these is meant?", "Was davon ist gemeint?"),
    ("Which of these do you mean?", "Was davon meinen Sie?"),
    ("Is this what you mean?", "Ist das gemeint?"),
    (
        "A language model reads this differently. Is this what you mean?",
        "Ein Sprachmodell liest das anders. Ist das gemeint?",
    ),
    (
        "Only a language model understands this. Is this what you mean?",
        "Nur ein Sprachmodell versteht das. Ist das gemeint?",
    ),
    (
        "This can be read in two ways. Which do you mean?",
        "Das lässt sich auf zwei Weisen lesen. Welche meinen Sie?",
    ),
    (
        "This can be read in several ways. Which do you mean?",
        "Das lässt sich auf mehrere Weisen lesen. Welche meinen Sie?",
    ),
    ("No row has {values}.", "Keine Zeile hat {values}."),
    ("By which of these?", "Auf welchem dieser Wege?"),
    ("By which figure?", "Nach welcher Kennzahl?"),
    ("By which figure should they be ranked?", "Nach welcher Kennzahl soll die Rangfolge gehen?"),
    (
        "Is a single row of each meant, or the one with the extreme total?",
        "Ist jeweils eine einzelne Zeile gemeint, oder wer die extreme Summe hat?",
    ),
    (
        "Should they be counted, or an amount added up?",
        "Soll gezählt oder ein Betrag addiert werden?",
    ),
    (
        "The amounts are in several currencies. Which one should be ranked?",
        "Die Beträge sind in mehreren Währungen. Welche soll zählen?",
    ),
    ("Which date is meant?", "Welches Datum ist gemeint?"),
    ("There are no tables to ask yet.", "Noch gibt es keine Tabellen zu befragen."),
    ("The question is empty.", "Die Frage ist leer."),
    (
        "No table, column, value or date here is called {words}.",
        "Keine Tabelle, keine Spalte, kein Wert und kein Datum heißt hier {words}.",
    ),
    (
        "No column, value or date of any table is called that.",
        "Keine Spalte, kein Wert und kein Datum einer Tabelle heißt so.",
    ),
    (
        "The table {table} has no column called {word}, nor such a value.",
        "Die Tabelle {table} hat keine Spalte {word} und keinen solchen Wert.",
    ),
    (
        "No table and no column is called that: here it is only a value of {column} in {table}.",
        "Keine Tabelle und keine Spalte heißt so: hier ist es nur ein Wert von {column} in {table}.",
    ),
    (
        "The rows of {owner} have no such column, and nothing leads from them to {column} of {table}.",
        "Die Zeilen von {owner} haben keine solche Spalte, und nichts führt von ihnen zu {column} von {table}.",
    ),
    (
        "Every word is known, but not in one table, and nothing relates these tables.",
        "Jedes Wort ist bekannt, aber nicht in einer Tabelle, und nichts verbindet diese Tabellen.",
    ),
    (
        "These words are known, but not how they belong together here.",
        "Diese Wörter sind bekannt, aber nicht, wie sie hier zusammengehören.",
    ),
    (
        "These words are known, but not what is denied of what.",
        "Diese Wörter sind bekannt, aber nicht, was wovon verneint wird.",
    ),
    ("Nothing relates these tables.", "Nichts verbindet diese Tabellen."),
    (
        "Nothing relates what is counted and what it is counted for.",
        "Nichts verbindet, was gezählt wird und wofür.",
    ),
    (
        "These tables belong together in several ways, and the question does not say which.",
        "Diese Tabellen gehören auf mehreren Wegen zusammen, und die Frage sagt nicht, auf welchem.",
    ),
    (
        "These are rows of two tables: ask for each of them by itself.",
        "Das sind Zeilen zweier Tabellen: fragen Sie nach jeder für sich.",
    ),
    (
        "A row has several of these, so that they cannot stand in one list.",
        "Eine Zeile hat mehrere davon, sodass sie nicht in einer Liste stehen können.",
    ),
    ("No one column has these values.", "Keine einzelne Spalte hat diese Werte."),
    ("This column holds no such value.", "Diese Spalte hat keinen solchen Wert."),
    ("This column holds no such number.", "Diese Spalte hat keine solche Zahl."),
    ("This column holds no numbers.", "Diese Spalte hat keine Zahlen."),
    ("The column holds whole numbers only.", "Die Spalte hat nur ganze Zahlen."),
    (
        "This column holds days: only a year is a number of them.",
        "Diese Spalte hat Tage: nur ein Jahr ist eine Zahl davon.",
    ),
    ("A yes or no is no number.", "Ein Ja oder Nein ist keine Zahl."),
    ("Only columns are compared with columns.", "Nur Spalten werden mit Spalten verglichen."),
    (
        "These columns cannot be compared with each other.",
        "Diese Spalten lassen sich nicht miteinander vergleichen.",
    ),
    (
        "Only numbers have a mean or a total.",
        "Nur Zahlen haben einen Durchschnitt oder eine Summe.",
    ),
    (
        "Only when somebody was born is known, and no age.",
        "Bekannt ist nur, wann jemand geboren ist, und kein Alter.",
    ),
    ("This table has no column to show.", "Diese Tabelle hat keine Spalte, die zu zeigen wäre."),
    (
        "These rows have no key to count by.",
        "Diese Zeilen haben keinen Schlüssel, nach dem zu zählen wäre.",
    ),
    ("These rows have no key.", "Diese Zeilen haben keinen Schlüssel."),
    ("A row is not counted for itself.", "Eine Zeile wird nicht für sich selbst gezählt."),
    ("Rows have no count.", "Zeilen haben keine Anzahl."),
    ("Periods are not counted.", "Zeiträume werden nicht gezählt."),
    ("A key is not added up.", "Ein Schlüssel wird nicht addiert."),
    ("A total has no rank.", "Eine Summe hat keinen Rang."),
    ("Two ranks at once are not understood.", "Zwei Rangfolgen zugleich werden nicht verstanden."),
    (
        "A column by itself is no figure of a group.",
        "Eine Spalte allein ist keine Kennzahl einer Gruppe.",
    ),
    ("Nothing here says how much that is.", "Nichts sagt hier, wie viel das ist."),
    ("Nothing here has a date.", "Nichts hat hier ein Datum."),
    ("The table has no dates.", "Die Tabelle hat kein Datum."),
    ("The table {table} has no dates.", "Die Tabelle {table} hat kein Datum."),
    ("The days are out of range.", "Die Tage liegen außerhalb dessen, was es gibt."),
    ("This figure is not declared.", "Diese Kennzahl ist nicht festgelegt."),
    ("This figure has no day before.", "Diese Kennzahl hat keinen Tag davor."),
    (
        "This figure does not belong to one row.",
        "Diese Kennzahl gehört nicht zu einer einzelnen Zeile.",
    ),
    (
        "This figure is not known by what the last one was shown by.",
        "Diese Kennzahl gibt es nicht nach dem, wonach die letzte gezeigt wurde.",
    ),
    (
        "This part of the question is not understood after the last one.",
        "Dieser Teil der Frage wird nach der letzten nicht verstanden.",
    ),
    (
        "What is ranked stays that of the last question.",
        "Die Rangfolge bleibt die der letzten Frage.",
    ),
    (
        "A running total needs periods: ask for it by month.",
        "Eine laufende Summe braucht Zeiträume: fragen Sie nach Monaten.",
    ),
    ("The question does not say what is asked for.", "Die Frage sagt nicht, wonach gefragt ist."),
    (
        "The question names nothing to count, add up or list.",
        "Die Frage nennt nichts, was zu zählen, zu addieren oder aufzulisten wäre.",
    ),
    ("The question does not say what is counted.", "Die Frage sagt nicht, was gezählt wird."),
    ("The question does not say what is compared.", "Die Frage sagt nicht, was verglichen wird."),
    ("The question does not say what changed.", "Die Frage sagt nicht, was sich verändert hat."),
    (
        "The question does not say what should be ranked.",
        "Die Frage sagt nicht, wovon die Rangfolge gesucht ist.",
    ),
    (
        "The question does not say which days are compared.",
        "Die Frage sagt nicht, welche Tage verglichen werden.",
    ),
    (
        "The question does not say which column the number limits.",
        "Die Frage sagt nicht, welche Spalte die Zahl begrenzt.",
    ),
    (
        "The question does not say where this text stands.",
        "Die Frage sagt nicht, wo dieser Text steht.",
    ),
    ("The question does not say whose share.", "Die Frage sagt nicht, wessen Anteil."),
    ("The question does not say by which figure.", "Die Frage sagt nicht, nach welcher Kennzahl."),
    (
        "It is not clear which amount is asked for.",
        "Es ist nicht klar, nach welchem Betrag gefragt ist.",
    ),
    ("It is not clear of what.", "Es ist nicht klar, wovon."),
    ("It is not clear of what nothing is left.", "Es ist nicht klar, wovon nichts übrig ist."),
    (
        "It is not declared which figures are the cost of what was sold and the value of stock.",
        "Es ist nicht festgelegt, welche Kennzahlen die Kosten des Verkauften und der Wert des Bestands sind.",
    ),
    (
        "It is not declared which figures are the stock on hand and the pieces sold.",
        "Es ist nicht festgelegt, welche Kennzahlen der Bestand und die verkauften Stücke sind.",
    ),
    (
        "It is not declared which figure is the stock on hand.",
        "Es ist nicht festgelegt, welche Kennzahl der Bestand ist.",
    ),
    (
        "It is not known here by when these should have come, or whether they did.",
        "Hier ist nicht bekannt, bis wann sie kommen sollten, oder ob sie kamen.",
    ),
    (
        "The table {table} has no column that says by when its rows are due.",
        "Die Tabelle {table} hat keine Spalte, die sagt, wann ihre Zeilen fällig sind.",
    ),
    (
        "The table {table} has no column that says which of its rows are done.",
        "Die Tabelle {table} hat keine Spalte, die sagt, welche ihrer Zeilen erledigt sind.",
    ),
    (
        "Which rows of {table} are late is known, but not how the rest of the question belongs to them.",
        "Welche Zeilen von {table} verspätet sind, ist bekannt, aber nicht, wie der Rest der Frage dazu gehört.",
    ),
    (
        "One of these may have several of the others, so that there is no one day between.",
        "Davon kann eines mehrere der anderen haben, sodass es keinen einen Tag dazwischen gibt.",
    ),
    (
        "These amounts stand in other currencies, and are not converted: ask without it.",
        "Diese Beträge sind in anderen Währungen und werden nicht umgerechnet: fragen Sie ohne.",
    ),
    (
        "The amounts are kept in {other}, and converting is not possible yet.",
        "Die Beträge sind in {other}, und umgerechnet wird noch nicht.",
    ),
    (
        "The table does not say that its amounts are in this currency.",
        "Die Tabelle sagt nicht, dass ihre Beträge in dieser Währung sind.",
    ),
    (
        "What stood on a past day is known here only of figures that are kept day by day.",
        "Was an einem vergangenen Tag war, ist hier nur von Kennzahlen bekannt, die Tag für Tag geführt werden.",
    ),
    (
        "Each row is only a part of it, so the average would need a total first, which is not possible yet.",
        "Jede Zeile ist nur ein Teil davon; der Durchschnitt bräuchte zuerst eine Summe, was noch nicht geht.",
    ),
    ("Leaving out a period is not possible yet.", "Einen Zeitraum auszulassen geht noch nicht."),
    (
        "A figure of figures cannot be computed yet.",
        "Eine Kennzahl von Kennzahlen lässt sich noch nicht berechnen.",
    ),
    (
        "Of statistics, Pacioli knows sum, average, minimum, maximum and counts.",
        "An Statistik kennt Pacioli Summe, Durchschnitt, Minimum, Maximum und Anzahl.",
    ),
    ("Pacioli reads data and never changes it.", "Pacioli liest Daten und verändert sie nie."),
    (
        "Fiscal periods are not known: name calendar dates.",
        "Das Geschäftsjahr ist nicht bekannt: nennen Sie Kalendertage.",
    ),
    (
        "Which share or ratio is meant is not understood.",
        "Welcher Anteil oder welches Verhältnis gemeint ist, wird nicht verstanden.",
    ),
    (
        "What is compared with what is not understood: ask for each, or for a breakdown.",
        "Was womit verglichen wird, ist nicht klar: fragen Sie nach jedem, oder nach einer Aufgliederung.",
    ),
    (
        "Which growth or change is meant is not understood: ask for the figures by month or year.",
        "Welches Wachstum oder welche Veränderung gemeint ist, wird nicht verstanden: fragen Sie nach den Zahlen je Monat oder Jahr.",
    ),
    (
        "What is to be forecast is not understood: name one figure.",
        "Was vorhergesagt werden soll, wird nicht verstanden: nennen Sie eine Kennzahl.",
    ),
    (
        "Of what the reasons are asked for is not understood: name one figure and its days.",
        "Wovon die Gründe gesucht sind, wird nicht verstanden: nennen Sie eine Kennzahl und ihre Tage.",
    ),
    (
        "Which running or moving total is meant is not understood.",
        "Welche laufende oder gleitende Summe gemeint ist, wird nicht verstanden.",
    ),
    ("Single rows cannot be listed yet.", "Einzelne Zeilen lassen sich noch nicht auflisten."),
    (
        "Single rows cannot be listed yet: ask how many, or for a figure.",
        "Einzelne Zeilen lassen sich noch nicht auflisten: fragen Sie, wie viele, oder nach einer Kennzahl.",
    ),
    (
        "It is not clear whether the limit is for single rows or for totals, and limits on totals are not possible yet.",
        "Es ist nicht klar, ob die Grenze für einzelne Zeilen oder für Summen gilt; Grenzen für Summen gibt es noch nicht.",
    ),
    (
        "An average of totals cannot be computed yet. Is the average of single rows meant, or the total of each?",
        "Ein Durchschnitt von Summen lässt sich noch nicht berechnen. Ist der Durchschnitt einzelner Zeilen gemeint, oder die Summe je?",
    ),
];
