use std::fmt;

use unicode_normalization::UnicodeNormalization as _;
use zxcvbn::{Entropy, matching::patterns::MatchPattern, zxcvbn};

use super::MAX_BYTES;

/// A password that is guessed within so many tries is common: it stands on zxcvbn's list of 30,000
/// leaked ones, perhaps with capitals, digits for letters or backwards, or is put together from
/// listed words, keyboard rows, dates and the like as people most often do.
const COMMON_GUESSES: u64 = 1_000_000;

/// As much of a password as zxcvbn reads.
const READ_CHARS: usize = 100;

/// The longest word of the context that is too short to matter.
const SHORT_WORD: usize = 3;

/// Names that everybody knows of.
const OWN_NAMES: [&str; 1] = ["pacioli"];

/// What a person's password should not be made of.
#[derive(Debug, Clone, Copy)]
pub struct PasswordContext<'a> {
    /// The company's name.
    pub company_name: &'a str,
    /// The person's.
    pub full_name: &'a str,
    /// Their e-mail address.
    pub email: &'a str,
}

/// Why a password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Fewer characters than configured.
    TooShort {
        /// As many are asked for.
        min: usize,
    },
    /// More than 1 KiB.
    TooLong,
    /// A NUL, which other programs cut passwords at.
    Nul,
    /// One piece over and over.
    Repeated,
    /// Neighbours of the alphabet or of the digits.
    Sequential,
    /// On the lists that are tried first, or one of their usual variations.
    Common,
    /// Little more than the names of the company, the person or their address.
    Context,
}

impl Reason {
    /// For programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooShort { .. } => "too_short",
            Self::TooLong => "too_long",
            Self::Nul => "nul",
            Self::Repeated => "repeated",
            Self::Sequential => "sequential",
            Self::Common => "common",
            Self::Context => "context",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooShort { min } => return write!(f, "Use at least {min} characters."),
            Self::TooLong => "Use at most 1024 bytes.",
            Self::Nul => "Leave the NUL character out.",
            Self::Repeated => "Do not repeat one piece.",
            Self::Sequential => "Do not count or run through the alphabet.",
            Self::Common => {
                "This is one of the first passwords that are tried. Use several unrelated words."
            }
            Self::Context => "Do not build it from your name, your address or your company's name.",
        })
    }
}

/// How hard a taken password is to guess; shown, not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strength {
    /// zxcvbn's score, 0 to 4.
    pub score: u8,
}

/// Which passwords are taken: long ones that are neither common nor made of what everybody knows.
/// Nothing is asked of their composition, and nothing is trimmed or folded.
#[derive(Debug, Clone, Copy)]
pub struct PasswordPolicy {
    min_length: usize,
}

impl PasswordPolicy {
    /// `min_length` in code points.
    pub fn new(min_length: usize) -> Self {
        Self { min_length }
    }

    /// How strong `password` is, or every reason not to take it.
    pub fn check(
        self,
        password: &str,
        context: &PasswordContext<'_>,
    ) -> Result<Strength, Vec<Reason>> {
        if password.len() > MAX_BYTES {
            return Err(vec![Reason::TooLong]);
        }
        let normal: String = password.nfkc().collect();
        let words = context.words();
        let hints: Vec<&str> = words.iter().map(String::as_str).collect();
        // Without the context, so that its words do not take the place of listed ones.
        let entropy = read(&normal, &[]);
        let is_short = normal.chars().count() < self.min_length;
        let reasons: Vec<Reason> = [
            (Reason::TooShort { min: self.min_length }, is_short),
            (Reason::Nul, normal.contains('\0')),
            (Reason::Repeated, is_all(&entropy, |piece| matches!(piece, MatchPattern::Repeat(_)))),
            (
                Reason::Sequential,
                is_all(&entropy, |piece| matches!(piece, MatchPattern::Sequence(_))),
            ),
            (Reason::Common, !is_short && entropy.guesses() < COMMON_GUESSES),
            (Reason::Context, is_context(&normal, &words, self.min_length)),
        ]
        .into_iter()
        .filter_map(|(reason, holds)| holds.then_some(reason))
        .collect();
        if reasons.is_empty() {
            Ok(Strength { score: read(&normal, &hints).score().into() })
        } else {
            Err(reasons)
        }
    }
}

impl PasswordContext<'_> {
    /// Each name as a whole and each of its words, as letters and digits in lower case.
    fn words(&self) -> Vec<String> {
        let names = [self.company_name, self.full_name, self.email].into_iter().chain(OWN_NAMES);
        let mut words: Vec<String> = names
            .flat_map(|name| {
                let parts = name.split(|c: char| !c.is_alphanumeric()).map(folded);
                parts.chain([folded(name)]).collect::<Vec<_>>()
            })
            .filter(|word| word.chars().count() > SHORT_WORD)
            .collect();
        // The longest first: a whole name is taken out before the words that it is made of.
        words.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
        words.dedup();
        words
    }
}

fn folded(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()).collect()
}

/// zxcvbn reads a hundred characters. Of a longer password it is given both ends, and the harder
/// one counts.
fn read(password: &str, hints: &[&str]) -> Entropy {
    let beginning = zxcvbn(password, hints);
    let unread = password.chars().count().saturating_sub(READ_CHARS);
    let Some((end, _)) = password.char_indices().nth(unread).filter(|_| unread > 0) else {
        return beginning;
    };
    let ending = zxcvbn(&password[end..], hints);
    if ending.guesses() > beginning.guesses() { ending } else { beginning }
}

fn is_all(entropy: &Entropy, wanted: impl Fn(&MatchPattern) -> bool) -> bool {
    let pieces = entropy.sequence();
    !pieces.is_empty() && pieces.iter().all(|piece| wanted(&piece.pattern))
}

/// Whether less than half of a good length is left when the known words are taken out.
fn is_context(password: &str, words: &[String], min_length: usize) -> bool {
    let letters = folded(password);
    let rest = words.iter().fold(letters.clone(), |rest, word| rest.replace(word.as_str(), ""));
    rest.len() < letters.len() && rest.chars().count() * 2 < min_length
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOBODY: PasswordContext<'static> =
        PasswordContext { company_name: "", full_name: "", email: "" };

    const LUCA: PasswordContext<'static> = PasswordContext {
        company_name: "Summa Trading GmbH & Co. KG",
        full_name: "Luca de' Borgo",
        email: "luca.borgo@summa-trading.example",
    };

    fn check(password: &str, context: &PasswordContext<'_>, expect: &[&str]) {
        let result = PasswordPolicy::new(12).check(password, context);
        let reasons: Vec<_> =
            result.err().unwrap_or_default().iter().map(|reason| reason.as_str()).collect();
        assert_eq!(reasons, expect, "{password:?}");
    }

    #[test]
    fn statement_1_length_is_counted_in_code_points() {
        for (password, expect) in [
            ("", &["too_short"][..]),
            ("zQ7#kfw", &["too_short"]),
            ("zQ7#kfwLm2p", &["too_short"]),
            ("zQ7#kfwLm2p!", &[]),
            // Eleven letters, twenty-two bytes.
            ("жщюэфъхбыям", &["too_short"]),
            ("жщюэфъхбыямц", &[]),
            // One letter, however it was typed.
            ("zQ7#kfwLm2e\u{301}", &["too_short"]),
        ] {
            check(password, &NOBODY, expect);
        }
        check(&"zQ7#kfwL".repeat(129), &NOBODY, &["too_long"]);
        check("zQ7#kfw\0Lm2p!", &NOBODY, &["nul"]);
    }

    #[test]
    fn statement_4_nothing_is_asked_of_composition() {
        for password in [
            "correct horse battery staple",
            "correcthorsebatterystaple",
            "tres tristes tigres tragaban trigo",
            " leading and trailing spaces ",
            "кошка сидит на заборе",
            "馬電池正解留金具青空散歩猫",
            "😀🐎🔋📎🌧️🎷🧭🥐🛰️🦑🪁🧵",
        ] {
            check(password, &NOBODY, &[]);
        }
    }

    #[test]
    fn patterns_are_refused_by_name() {
        for (password, expect) in [
            ("aaaaaaaaaaaa", &["repeated", "common"][..]),
            ("passwordpassword", &["repeated", "common"]),
            ("123456789012", &["sequential", "common"]),
            ("abcdefghijkl", &["sequential", "common"]),
            ("qwertyuiopasdf", &["common"]),
            ("iloveyou1234", &["common"]),
            ("Password1234", &["common"]),
            ("P@ssw0rd1234", &["common"]),
            ("administrator", &["common"]),
            ("1q2w3e4r5t6y", &["common"]),
            ("y6t5r4e3w2q1", &["common"]),
        ] {
            check(password, &NOBODY, expect);
        }
    }

    #[test]
    fn statement_6_names_that_everybody_knows_are_refused() {
        for password in [
            "Summa Trading",
            "summatrading",
            "SummaTrading1",
            "summa-trading.example",
            "luca de borgo",
            "Luca.Borgo.2026",
            "luca.borgo@summa-trading.example",
            "borgoborgoborgo",
            "Pacioli-Pacioli",
        ] {
            let refused = PasswordPolicy::new(12).check(password, &LUCA).unwrap_err();
            assert!(refused.contains(&Reason::Context), "{password}: {refused:?}");
        }
        check("luca wrote down what merchants knew", &LUCA, &[]);
        let kg = PasswordContext { company_name: "KG", ..NOBODY };
        check("vkgorkglmwkgt", &kg, &[]);
    }

    fn cargo(arguments: &[&str]) -> String {
        let output = std::process::Command::new(env!("CARGO")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The passwords that zxcvbn knows, the most frequent first. Its list is private, so this reads
    /// its source where cargo keeps it.
    fn listed() -> Vec<String> {
        // Other platforms' crates are not here: a build fetches only its own.
        let version = cargo(&["-vV"]);
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let asked = ["metadata", "--format-version=1", "--offline", "--filter-platform", host];
        let metadata = cargo(&[&asked[..], &["--manifest-path", manifest]].concat());
        let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
        let packages = metadata["packages"].as_array().unwrap();
        let package = packages.iter().find(|package| package["name"] == "zxcvbn").unwrap();
        let manifest = std::path::Path::new(package["manifest_path"].as_str().unwrap());
        let source = manifest.with_file_name("src").join("frequency_lists.rs");
        let source = std::fs::read_to_string(source).unwrap();
        let (_, list) = source.split_once("const PASSWORDS: &str = \"").unwrap();
        list.split('"').next().unwrap().split(',').map(str::to_owned).collect()
    }

    #[test]
    fn statement_5_each_of_the_most_common_passwords_is_refused() {
        let listed = listed();
        assert_eq!(listed.len(), 30_000);
        // The first 3,000 at the lowest length that can be configured, the rest at the default one.
        for (min, listed, at_least) in [(8, &listed[..3000], 500), (12, &listed[..], 200)] {
            let policy = PasswordPolicy::new(min);
            let long: Vec<_> = listed.iter().filter(|password| password.len() >= min).collect();
            assert!(long.len() > at_least, "{}", long.len());
            for password in long {
                let reasons = policy.check(password, &NOBODY).err().unwrap_or_default();
                assert!(reasons.contains(&Reason::Common), "{password}: {reasons:?}");
            }
        }
    }

    #[test]
    fn both_ends_of_a_long_password_are_read() {
        let end = "zQ7#kfwLm2p!";
        check(&"a".repeat(200), &NOBODY, &["repeated", "common"]);
        check(&format!("{}{end}", "a".repeat(200)), &NOBODY, &[]);
        check(&format!("{end}{}", "a".repeat(200)), &NOBODY, &[]);
        check(&"é".repeat(150), &NOBODY, &["repeated", "common"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_text_is_too_odd(password: String, name: String) {
            let context = PasswordContext { company_name: &name, full_name: &name, email: &name };
            let _ = PasswordPolicy::new(12).check(&password, &context);
        }

        #[test]
        fn random_passwords_are_taken(password in "[!-~]{20,40}") {
            prop_assert!(PasswordPolicy::new(12).check(&password, &LUCA).is_ok());
        }
    }
}
