//! What a question quotes.

use std::ops::Range;

/// What stands between quotation marks, without them. An apostrophe inside a word opens nothing.
pub(super) fn quotes(question: &str) -> Vec<Range<usize>> {
    let letters: Vec<(usize, char)> = question.char_indices().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let (start, letter) = letters[at];
        if let Some(inner) = question[start..].strip_prefix("``")
            && let Some(end) = inner.find("''")
        {
            found.push(start + 2..start + 2 + end);
            at = letters
                .iter()
                .position(|(place, _)| *place >= start + 4 + end)
                .unwrap_or(letters.len());
            continue;
        }
        let closing: &[char] = match letter {
            '"' => &['"'],
            '“' | '”' => &['”', '“'],
            '\'' | '‘' | '`' => &['\'', '’'],
            _ => &[],
        };
        let opens = !closing.is_empty() && (at == 0 || !letters[at - 1].1.is_alphanumeric());
        let ends = |index: usize| {
            closing.contains(&letters[index].1)
                && letters.get(index + 1).is_none_or(|(_, next)| !next.is_alphanumeric())
        };
        let end = opens.then(|| (at + 1..letters.len()).find(|index| ends(*index))).flatten();
        if let Some(end) = end {
            found.push(start + letter.len_utf8()..letters[end].0);
            at = end;
        }
        at += 1;
    }
    found
}
