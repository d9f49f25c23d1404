/// The known name that `key` is most likely a slip of: the same last part behind another first one
/// (`orders.total` for `order.total`), or one of which at most a third of the letters differ.
pub fn nearest<'a>(key: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let last = |key: &'a str| key.rsplit('.').next().unwrap_or(key);
    let name = key.rsplit('.').next().unwrap_or(key);
    let moved = known.clone().filter(|candidate| last(candidate) == name);
    let steps = |candidate| (distance(key, candidate), candidate);
    let moved = moved.map(steps).min();
    let near = known.map(steps).min().filter(|(steps, _)| *steps <= key.len() / 3);
    moved.or(near).map(|(_, candidate)| candidate)
}

/// How many letters must be added, removed or replaced to make `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_find_their_key() {
        let known = [
            "data_dir",
            "auth.bcrypt_cost",
            "auth.jwt_secret",
            "server.listen",
            "log.level",
            "metrics.listen",
        ];
        for (slip, expect) in [
            ("auth.bcrypt_costs", Some("auth.bcrypt_cost")),
            ("auth.jwt_secert", Some("auth.jwt_secret")),
            ("server.level", Some("log.level")),
            ("listen", Some("server.listen")),
            ("datadir", Some("data_dir")),
            ("billing.currency", None),
            ("servr.listen", Some("server.listen")),
        ] {
            assert_eq!(nearest(slip, known.into_iter()), expect, "{slip}");
        }
    }
}
