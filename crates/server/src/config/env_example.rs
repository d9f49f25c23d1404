//! `.env.example`, made from `config.default.toml` so that the two cannot drift apart.

#![cfg(test)]

use std::fmt::Write as _;

use super::layers::WELL_KNOWN;

/// Every key as a variable that is commented out, under the words that explain it.
pub(super) fn env_example(defaults: &str) -> String {
    let mut text = String::from(
        "# Copy to `.env` and uncomment what differs. Made from config.default.toml.\n\
         # Lists are separated by commas. Put a value with `#`, `$`, quotes or spaces in single\n\
         # quotes. Never commit `.env`.\n",
    );
    let mut section = String::new();
    let keys = defaults.lines().skip_while(|line| !line.is_empty());
    for line in keys {
        if let Some(name) = line.strip_prefix('[') {
            section = format!("{}__", name.trim_end_matches(']'));
            let _ = writeln!(text, "# --- {line} ---");
        } else if let Some((key, value)) = line.split_once(" = ").filter(|_| !line.starts_with('#'))
        {
            let name = format!("{section}{key}").to_uppercase();
            let key = format!("{}{key}", section.replace("__", "."));
            let usual = WELL_KNOWN.iter().find(|(_, known)| *known == key);
            let name = usual.map_or(format!("PACIOLI_{name}"), |(name, _)| (*name).to_owned());
            let value = value.trim_matches(['"', '[', ']']);
            let _ = writeln!(text, "#{name}={value}");
        } else {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}
