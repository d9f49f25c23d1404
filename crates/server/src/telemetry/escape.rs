use std::fmt::{self, Write};

/// Writes text into a JSON string. Control characters, line and direction marks are escaped too,
/// so that no value can begin a new line of the log, move a terminal's cursor, or change the order
/// in which a line is read.
pub(super) struct Escaped<'a>(pub(super) &'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        if text.as_bytes().iter().all(plain) {
            self.0.push_str(text);
            return Ok(());
        }
        for character in text.chars() {
            self.write_char(character)?;
        }
        Ok(())
    }

    fn write_char(&mut self, character: char) -> fmt::Result {
        match character {
            '"' => self.0.push_str("\\\""),
            '\\' => self.0.push_str("\\\\"),
            '\n' => self.0.push_str("\\n"),
            '\t' => self.0.push_str("\\t"),
            '\u{0}'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => write!(self.0, "\\u{:04x}", u32::from(character))?,
            other => self.0.push(other),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(text: &str) -> String {
        let mut line = String::from("\"");
        Escaped(&mut line).write_str(text).unwrap();
        line.push('"');
        line
    }

    #[test]
    fn statement_53_nothing_moves_the_line_or_the_cursor() {
        for (text, expect) in [
            ("plain", r#""plain""#),
            ("a\r\nb", r#""a\u000d\nb""#),
            ("\u{1b}[31mred", r#""\u001b[31mred""#),
            ("\u{9b}31m", r#""\u009b31m""#),
            ("q\"\\", r#""q\"\\""#),
            ("a\u{202e}b\u{2066}c", r#""a\u202eb\u2066c""#),
            ("Müller", "\"Müller\""),
        ] {
            assert_eq!(escaped(text), expect);
        }
    }

    proptest! {
        #[test]
        fn statement_53_every_text_stays_itself_on_one_line(text in any::<String>()) {
            let line = escaped(&text);
            prop_assert!(!line.chars().any(char::is_control));
            prop_assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
        }
    }
}
