use proptest::prelude::*;

use super::*;
use crate::config::{Config, ConfigSources};

/// Low, because these tests are about which bytes count.
const COST: u32 = 4;

fn hasher_with(change: impl FnOnce(&mut AuthConfig)) -> Hasher {
    let mut config = Config::load(&ConfigSources::default()).unwrap();
    config.auth.bcrypt_cost = COST;
    change(&mut config.auth);
    Hasher::new(&config.auth)
}

fn hasher() -> Hasher {
    hasher_with(|_| ())
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn verify(hasher: &Hasher, password: &str, stored: &str) -> Verified {
    wait(hasher.verify(password.to_owned(), stored)).unwrap()
}

fn matches(hasher: &Hasher, password: &str, stored: &str) -> bool {
    verify(hasher, password, stored).matches
}

fn hash(hasher: &Hasher, password: &str) -> String {
    wait(hasher.hash(password.to_owned())).unwrap()
}

/// As passlib's `bcrypt.hash` writes it.
fn passlib(password: &[u8], cost: u32) -> String {
    let parts = bcrypt::hash_with_salt(&password[..password.len().min(72)], cost, [7; 16]).unwrap();
    parts.format_for_version(bcrypt::Version::TwoB)
}

#[test]
fn statement_2_every_byte_of_a_long_password_counts() {
    let hasher = hasher();
    let long = "😀".repeat(64);
    let stored = hash(&hasher, &long);
    assert!(matches(&hasher, &long, &stored));
    let almost = format!("{}😁", "😀".repeat(63));
    assert!(!matches(&hasher, &almost, &stored));
    for length in [71, 72, 73, 1024] {
        let password = "a".repeat(length);
        let stored = hash(&hasher, &password);
        assert!(matches(&hasher, &password, &stored), "{length}");
        let other = format!("{}b", "a".repeat(length - 1));
        assert!(!matches(&hasher, &other, &stored), "{length}");
        assert!(!matches(&hasher, &format!("{password}b"), &stored), "{length}");
    }
}

#[test]
fn statement_3_a_nul_is_a_byte_like_any_other() {
    let hasher = hasher();
    let stored = hash(&hasher, "pass");
    for other in ["pass\0pass", "pass\0", "\0pass", "pas\0s"] {
        assert!(!matches(&hasher, other, &stored), "{other:?}");
        assert!(matches(&hasher, other, &hash(&hasher, other)), "{other:?}");
    }
    let legacy = passlib(b"pass", COST);
    assert!(matches(&hasher, "pass", &legacy));
    assert!(!matches(&hasher, "pass\0pass", &legacy), "bcrypt itself would take it");
}

#[test]
fn statement_4_nothing_is_trimmed_or_folded() {
    let hasher = hasher();
    let stored = hash(&hasher, " Correct Horse ");
    assert!(matches(&hasher, " Correct Horse ", &stored));
    for other in ["Correct Horse", " correct horse ", " Correct Horse", ""] {
        assert!(!matches(&hasher, other, &stored), "{other:?}");
    }
    let composed = hash(&hasher, "caf\u{e9} cr\u{e8}me");
    assert!(matches(&hasher, "cafe\u{301} cre\u{300}me", &composed), "keyboards differ");
}

#[test]
fn statement_7_the_stored_text_is_bcrypt_of_the_configured_cost() {
    let hasher = hasher_with(|auth| auth.bcrypt_cost = 10);
    let stored = hash(&hasher, "correct horse battery staple");
    assert!(stored.starts_with("$2b$10$"), "{stored}");
    assert!(stored.ends_with("$hmac-sha384.v1"), "{stored}");
    assert!(!stored.contains("correct"));
    let again = hash(&hasher, "correct horse battery staple");
    assert_ne!(stored, again, "every hash has its own salt");
    let unmarked = stored.trim_end_matches("$hmac-sha384.v1");
    let key = hasher.key(Scheme::Hmac, "correct horse battery staple");
    assert!(bcrypt::verify(&key, unmarked).unwrap(), "any bcrypt agrees");
}

#[test]
fn statement_7_an_absurd_or_damaged_hash_matches_nothing() {
    let hasher = hasher();
    let stored = hash(&hasher, "password");
    for broken in
        [stored.replace("$04$", "$31$"), stored.replace("$04$", "$17$"), String::new(), "x".into()]
    {
        assert!(!matches(&hasher, "password", &broken), "{broken}");
        assert!(!matches(&hasher, "", &broken), "{broken}");
    }
}

#[test]
fn statement_8_hashes_of_other_programs_and_of_lower_cost_verify_and_ask_to_be_replaced() {
    let hasher = hasher_with(|auth| auth.bcrypt_cost = 6);
    // Published test vectors of crypt_blowfish.
    for (password, stored) in [
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
        ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    ] {
        let verified = verify(&hasher, password, stored);
        assert_eq!(verified, Verified { matches: true, needs_upgrade: true }, "{password}");
        assert!(!matches(&hasher, "u*u", stored));
    }
    let long = "x".repeat(80);
    assert!(matches(&hasher, &long, &passlib(long.as_bytes(), 6)), "cut as passlib cut it");
    let lower = hash(&self::hasher(), "secret of lower cost");
    assert!(verify(&hasher, "secret of lower cost", &lower).needs_upgrade);
    let live = hash(&hasher, "secret of live cost");
    assert!(!verify(&hasher, "secret of live cost", &live).needs_upgrade);
    let higher = hash(&hasher_with(|auth| auth.bcrypt_cost = 7), "secret of higher cost");
    assert_eq!(
        verify(&hasher, "secret of higher cost", &higher),
        Verified { matches: true, needs_upgrade: false }
    );
}

#[test]
fn a_pepper_is_needed_once_it_was_used_and_is_taken_up_at_the_next_login() {
    let peppered = hasher_with(|auth| auth.pepper = Some("sixteen bytes or more".into()));
    let other = hasher_with(|auth| auth.pepper = Some("another pepper of some length".into()));
    let plain = hasher();
    let before = hash(&plain, "the password");
    assert_eq!(
        verify(&peppered, "the password", &before),
        Verified { matches: true, needs_upgrade: true }
    );
    let after = hash(&peppered, "the password");
    assert!(!verify(&peppered, "the password", &after).needs_upgrade);
    assert!(matches(&peppered, "the password", &after));
    assert!(!matches(&plain, "the password", &after));
    assert!(!matches(&other, "the password", &after));
}

#[test]
fn statement_12_an_over_long_password_is_not_hashed_and_matches_nothing() {
    let hasher = hasher();
    let long = "é".repeat(MAX_BYTES);
    assert_eq!(wait(hasher.hash(long.clone())), Err(HashError::TooLong));
    let cut = hash(&hasher, &"é".repeat(MAX_BYTES / 2));
    assert!(!matches(&hasher, &long, &cut), "its beginning is somebody's password");
    assert!(!matches(&hasher, &long, &passlib(long.as_bytes(), COST)));
}

/// Counted in rounds of bcrypt, which all of the time goes into; the benchmark measures the time.
#[test]
fn statement_14_unknown_and_wrong_ask_for_the_same_work() {
    let hasher = hasher_with(|auth| auth.bcrypt_cost = 7);
    let live = hash(&hasher, "the right password");
    let lower = passlib(b"the right password", 5);
    let over_long = "x".repeat(1 << 20);
    let rounds = |work: &dyn Fn()| {
        let before = hasher.pool.rounds();
        work();
        hasher.pool.rounds() - before
    };
    for password in ["wrong", "", "a\0b", &over_long] {
        let unknown = || assert!(!wait(hasher.verify_dummy(password.into())).unwrap().matches);
        assert_eq!(rounds(&unknown), 1 << 7);
        for stored in [live.as_str(), lower.as_str(), "damaged", ""] {
            let known = || assert!(!matches(&hasher, password, stored));
            assert_eq!(rounds(&known), 1 << 7, "{stored}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_password_matches_its_own_hash_and_no_other(a in "\\PC{0,80}", b in "\\PC{0,80}") {
        let hasher = hasher();
        let stored = hash(&hasher, &a);
        prop_assert!(matches(&hasher, &a, &stored));
        let same = a.nfkc().eq(b.nfkc());
        prop_assert_eq!(matches(&hasher, &b, &stored), same);
    }

    #[test]
    fn what_passlib_wrote_is_verified(password in "[^\\x00]{0,60}") {
        let hasher = hasher();
        prop_assert!(matches(&hasher, &password, &passlib(password.as_bytes(), COST)));
    }

    #[test]
    fn bcrypt_is_given_64_characters(password: String) {
        let key = hasher().key(Scheme::Hmac, &password);
        prop_assert_eq!(key.len(), 64);
        prop_assert!(key.iter().all(u8::is_ascii_graphic));
    }
}
