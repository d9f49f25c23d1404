use std::{fs, os::unix::fs::PermissionsExt as _, sync::Arc};

use secrecy::{ExposeSecret as _, SecretString};

use super::{env_example::env_example, layers::Layer, weakness::weakness, *};
use crate::clock::Random;

const CANARY: &str = "cAnArY-9f3b7a61d2e84c05b1-Qx7Zk2";

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(&ConfigSources { environment: variables(pairs), ..ConfigSources::default() })
}

fn layer_of<'a>(config: &'a Config, key: &str) -> &'a Layer {
    &config.describe().iter().find(|setting| setting.key == key).unwrap().layer
}

#[test]
fn the_defaults_are_a_whole_configuration() {
    let config = load(&[]).unwrap();
    assert_eq!(config.auth.bcrypt_cost, 12);
    assert_eq!(config.auth.access_token(), chrono::Duration::minutes(15));
    assert_eq!(config.server.body_limit_bytes, 1024 * 1024);
    assert!(config.auth.jwt_secret.is_none());
    assert!(config.describe().iter().all(|setting| setting.layer == Layer::Default));
}

#[test]
fn every_default_is_explained() {
    let mut before = "";
    for line in DEFAULTS.lines() {
        if !line.starts_with(['#', '[']) && line.contains(" = ") {
            assert!(before.starts_with("# "), "no reason above: {line}");
        }
        before = line;
    }
}

#[test]
fn later_layers_win() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("pacioli.toml"),
        "[auth]\nissuer = \"file\"\naudience = \"file\"\nbcrypt_cost = 11\n[store]\ndatabase = \"file\"\n",
    )
    .unwrap();
    fs::write(
        dir.path().join(".env"),
        "PACIOLI_AUTH__AUDIENCE=dotenv\nPACIOLI_AUTH__BCRYPT_COST=13\nMONGODB_URI='mongodb://dot.env/$x'\n",
    )
    .unwrap();
    let sources = ConfigSources {
        working_dir: Some(dir.path().to_owned()),
        environment: variables(&[
            ("PACIOLI_AUTH__BCRYPT_COST", "14"),
            ("PACIOLI_SERVER__TRUSTED_PROXIES", "10.0.0.0/8, ::1/128"),
            ("PACIOLI_SERVER__LISTEN", "0.0.0.0:80"),
            ("PACIOLI_PORT", "tcp://10.0.0.1:80"),
        ]),
        listen: Some("127.0.0.1:0".to_owned()),
        data_dir: Some("/srv/pacioli".into()),
        ..ConfigSources::default()
    };
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.auth.issuer, "file");
    assert_eq!(config.auth.audience, "dotenv");
    assert_eq!(config.auth.bcrypt_cost, 14);
    assert_eq!(config.server.listen.port(), 0);
    assert_eq!(config.server.trusted_proxies.len(), 2);
    assert_eq!(config.data_dir, Path::new("/srv/pacioli"));
    assert!(config.store.mongodb_uri.is_some());
    for (key, layer) in [
        ("auth.issuer", Layer::File(dir.path().join("pacioli.toml").display().to_string())),
        ("auth.audience", Layer::DotEnv("PACIOLI_AUTH__AUDIENCE".into())),
        ("auth.bcrypt_cost", Layer::Environment("PACIOLI_AUTH__BCRYPT_COST".into())),
        ("store.mongodb_uri", Layer::DotEnv("MONGODB_URI".into())),
        ("server.listen", Layer::CommandLine("--listen")),
        ("log.level", Layer::Default),
    ] {
        assert_eq!(*layer_of(&config, key), layer, "{key}");
    }
}

#[test]
fn a_named_file_must_exist_and_comes_before_the_variable() {
    let dir = tempfile::tempdir().unwrap();
    let (given, named) = (dir.path().join("given.toml"), dir.path().join("named.toml"));
    fs::write(&named, "[auth]\nissuer = \"named\"\n").unwrap();
    let mut sources = ConfigSources {
        environment: variables(&[("PACIOLI_CONFIG", named.to_str().unwrap())]),
        ..ConfigSources::default()
    };
    assert_eq!(Config::load(&sources).unwrap().auth.issuer, "named");
    sources.file = Some(given.clone());
    assert_eq!(Config::load(&sources).unwrap_err().0[0].key, given.display().to_string());
    fs::write(&given, "[auth]\nissuer = \"given\"\n").unwrap();
    assert_eq!(Config::load(&sources).unwrap().auth.issuer, "given");
}

#[test]
fn all_problems_are_listed_at_once() {
    let error = load(&[
        ("PACIOLI_AUTH__BCRYPT_COSTS", "12"),
        ("PACIOLI_AUTH__BCRYPT_COST", "9"),
        ("PACIOLI_AUTH__PASSWORD_MIN_LENGTH", "twelve"),
        ("PACIOLI_SERVER__DOCS", "yes"),
        ("PACIOLI_SERVER__LISTEN", "localhost"),
        ("PACIOLI_SERVER__TRUSTED_PROXIES", "10.0.0.0/8,everybody"),
        ("PACIOLI_SERVER__CORS_ORIGINS", "https://a.example,*"),
        ("PACIOLI_SERVER__PUBLIC_URL", "https://books.example.com/path"),
        ("PACIOLI_LIMITS__LOGIN_PER_ACCOUNT", "often"),
        ("PACIOLI_LOG__FORMAT", "xml"),
        ("PACIOLI_AUTH__REFRESH_IDLE_DAYS", "30"),
        ("PACIOLI_AUTH__REFRESH_ABSOLUTE_DAYS", "20"),
        ("MONGODB_URI", "localhost:27017"),
        ("REDIS_URL", "redis://"),
        ("JWT_SECRET", "changethis"),
    ])
    .unwrap_err();
    let mut keys: Vec<_> = error.0.iter().map(|problem| problem.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "auth.bcrypt_cost",
            "auth.bcrypt_costs",
            "auth.jwt_secret",
            "auth.password_min_length",
            "auth.refresh_idle_days",
            "cache.redis_url",
            "limits.login_per_account",
            "log.format",
            "server.cors_origins",
            "server.docs",
            "server.listen",
            "server.public_url",
            "server.trusted_proxies",
            "store.mongodb_uri",
        ],
        "{error}"
    );
    assert!(error.to_string().contains("did you mean `auth.bcrypt_cost`?"), "{error}");
}

#[test]
fn an_unknown_key_of_a_file_names_the_nearest() {
    let dir = tempfile::tempdir().unwrap();
    for (text, hint) in [
        ("[server]\nlisten_on = \"127.0.0.1:1\"\n", "server.listen"),
        ("[auth]\nlisten = \"127.0.0.1:1\"\n", "server.listen"),
        ("datadir = \"x\"\n", "data_dir"),
        ("[limit]\nenabled = true\n", "limits.enabled"),
    ] {
        fs::write(dir.path().join("pacioli.toml"), text).unwrap();
        let working_dir = Some(dir.path().to_owned());
        let sources = ConfigSources { working_dir, ..ConfigSources::default() };
        let error = Config::load(&sources).unwrap_err().to_string();
        assert!(error.contains(&format!("did you mean `{hint}`?")), "{text}: {error}");
    }
}

#[test]
fn statement_28_a_weak_secret_stops_the_start() {
    for weak in
        ["short", "secret", &"\0".repeat(32), &"x".repeat(40), "changethis-changethis-changethis"]
    {
        let error = load(&[("JWT_SECRET", weak)]).unwrap_err();
        assert_eq!(error.0[0].key, "auth.jwt_secret", "{weak:?}");
        let error = load(&[("PACIOLI_AUTH__PREVIOUS_SECRETS", weak)]).unwrap_err();
        assert_eq!(error.0[0].key, "auth.previous_secrets", "{weak:?}");
    }
    let strong = "j6Zr0Xt9Qm2Wv8Ln4Kd7Bs1Gy5Hc3Pf-_aEuTo";
    assert!(load(&[("JWT_SECRET", strong)]).is_ok());
}

#[test]
fn what_the_example_file_shows_is_no_usable_secret() {
    let example = env_example(DEFAULTS).replace("\n#", "\n");
    let values = example.lines().filter_map(|line| line.strip_prefix("JWT_SECRET="));
    let values: Vec<_> = values.collect();
    assert_eq!(values.len(), 1);
    assert!(weakness(values[0]).is_some());
}

/// Whatever goes wrong, and whatever is printed, a secret is not in it.
#[test]
fn statement_11_secrets_are_never_shown() {
    let secrets = [
        ("JWT_SECRET", CANARY.to_owned()),
        ("MONGODB_URI", format!("mongodb://user:{CANARY}@host")),
        ("REDIS_URL", format!("redis://:{CANARY}@host")),
        ("PACIOLI_AUTH__PEPPER", CANARY.to_owned()),
        ("PACIOLI_AUTH__PREVIOUS_SECRETS", format!("{CANARY}1,{CANARY}2")),
        ("PACIOLI_MAIL__USERNAME", "books".to_owned()),
        ("PACIOLI_MAIL__PASSWORD", CANARY.to_owned()),
    ];
    let pairs: Vec<_> = secrets.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let config = load(&pairs).unwrap();
    let described: Vec<_> = config.describe().iter().map(Setting::to_string).collect();
    assert!(described.contains(&"auth.jwt_secret = (set)  # environment JWT_SECRET".to_owned()));
    let kept = config.secrets(Random).unwrap();
    assert_eq!(kept.all().len(), 3);
    let shown = format!("{config:?} {config:#?} {described:?} {kept:?}");
    assert!(!shown.contains(CANARY), "{shown}");

    let dir = tempfile::tempdir().unwrap();
    for (file, text) in [
        (".env", format!("JWT_SECRET=\"{CANARY}")),
        (".env", format!("JWT SECRET {CANARY}")),
        (".env", format!("JWT_SECRET={CANARY} {CANARY}")),
        (".env", format!("MONGODB_URI={CANARY}")),
        (".env", format!("REDIS_URL=http://{CANARY}")),
        (".env", format!("PACIOLI_AUTH__PEPPER={}", &CANARY[..12])),
        ("pacioli.toml", format!("[auth]\njwt_secret = {CANARY}\n")),
        ("pacioli.toml", format!("[auth]\njwt_secret = [\"{CANARY}\"]\n")),
        ("pacioli.toml", format!("[auth]\njwt_secret = \"{CANARY}\n")),
        ("pacioli.toml", format!("[auth]\nprevious_secrets = [1, \"{CANARY}\"]\n")),
        ("pacioli.toml", format!("[auth]\nprevious_secrets = [[\"{CANARY}\"]]\n")),
    ] {
        let path = dir.path().join(file);
        fs::write(&path, &text).unwrap();
        let working_dir = Some(dir.path().to_owned());
        let error = Config::load(&ConfigSources { working_dir, ..ConfigSources::default() });
        let error = error.expect_err(&text);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(&CANARY[..12]), "{text}: {shown}");
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn with_nothing_configured_a_secret_is_made_once_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("new/data");
    let sources = ConfigSources { data_dir: Some(data_dir.clone()), ..ConfigSources::default() };
    let config = Arc::new(Config::load(&sources).unwrap());
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let config = Arc::clone(&config);
            std::thread::spawn(move || config.secrets(Random).unwrap().all()[0].to_vec())
        })
        .collect();
    let secrets: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(secrets.iter().all(|secret| *secret == secrets[0]), "every process has the same one");
    assert!(secrets[0].len() >= 32);
    let files: Vec<_> = fs::read_dir(&data_dir).unwrap().map(|file| file.unwrap().path()).collect();
    let path = data_dir.join("secrets.toml");
    assert_eq!(files, std::slice::from_ref(&path), "no draft is left");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(config.secrets(Random).unwrap().all()[0], secrets[0]);
}

#[test]
fn a_damaged_weak_or_open_secrets_file_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let sources = ConfigSources { data_dir: Some(dir.path().into()), ..ConfigSources::default() };
    let config = Config::load(&sources).unwrap();
    let path = dir.path().join("secrets.toml");
    for text in ["", &format!("jwt_secret = {CANARY}"), "jwt_secret = \"changethis\"", "other = 1"]
    {
        fs::write(&path, text).unwrap();
        let error = config.secrets(Random).unwrap_err().to_string();
        assert!(error.contains("secrets.toml") && !error.contains(CANARY), "{error}");
    }
    fs::remove_file(&path).unwrap();
    config.secrets(Random).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(config.secrets(Random).unwrap_err().to_string().contains("chmod 600"));
}

#[test]
fn the_encryption_key_that_is_kept_is_replaced_and_read_until_it_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let sources = ConfigSources { data_dir: Some(dir.path().into()), ..ConfigSources::default() };
    let config = Config::load(&sources).unwrap();
    let keys = || {
        let keys = config.encryption_keys(Random).unwrap();
        let text = |key: &SecretString| key.expose_secret().to_owned();
        (text(&keys.current), keys.previous.iter().map(text).collect::<Vec<_>>())
    };
    let (first, previous) = keys();
    assert!(first.len() >= 32 && previous.is_empty());
    assert_eq!(keys().0, first);
    config.renew_encryption_key(Random).unwrap();
    let (second, previous) = keys();
    assert_ne!(second, first);
    assert_eq!(previous, std::slice::from_ref(&first));
    let path = dir.path().join("encryption.toml");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    config.forget_previous_keys(Random).unwrap();
    assert_eq!(keys(), (second, Vec::new()));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left");
    fs::write(&path, "encryption_key = 1").unwrap();
    let error = config.encryption_keys(Random).unwrap_err().to_string();
    assert!(error.contains("encryption.toml") && error.contains("damaged"), "{error}");
}

#[test]
fn env_example_lists_every_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.env.example");
    let made = env_example(DEFAULTS);
    if std::env::var_os("PACIOLI_UPDATE").is_some() {
        fs::write(&path, &made).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap(), made, "make it anew with PACIOLI_UPDATE=1");
    let config = load(&[]).unwrap();
    let name = |key: &str| match key {
        "store.mongodb_uri" => "MONGODB_URI".to_owned(),
        "cache.redis_url" => "REDIS_URL".to_owned(),
        "auth.jwt_secret" => "JWT_SECRET".to_owned(),
        _ => format!("PACIOLI_{}", key.replace('.', "__").to_uppercase()),
    };
    for setting in config.describe() {
        let name = format!("\n#{}=", name(&setting.key));
        assert_eq!(made.matches(&name).count(), 1, "{name}");
    }
    // Uncommented as it stands it changes nothing.
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(".env"), made.replace("\n#PACIOLI_", "\nPACIOLI_")).unwrap();
    let working_dir = Some(dir.path().to_owned());
    let same = Config::load(&ConfigSources { working_dir, ..ConfigSources::default() }).unwrap();
    let values = |config: &Config| -> Vec<_> {
        config.describe().iter().map(|setting| setting.value.clone()).collect()
    };
    assert_eq!(values(&same), values(&config));
}

#[test]
fn a_cluster_needs_an_address_a_build_that_knows_it_and_an_object_store() {
    let told = |pairs: &[(&str, &str)]| -> Vec<String> {
        let Err(error) = load(pairs) else { return Vec::new() };
        assert!(error.0.iter().all(|problem| problem.key == "engine.cluster"), "{error}");
        error.0.into_iter().map(|problem| problem.message).collect()
    };
    let store = [
        ("PACIOLI_FILES__STORE", "s3://books"),
        ("PACIOLI_FILES__ACCESS_KEY_ID", "somebody"),
        ("PACIOLI_FILES__SECRET_ACCESS_KEY", "of tests only"),
    ];
    assert_eq!(told(&store), [""; 0]);
    let build = (!pacioli_engine::CLUSTERS)
        .then_some("is not taken by this build: it needs the cargo feature `cluster`");
    let build: Vec<&str> = build.into_iter().collect();
    let with =
        |address: &'static str| [&store[..], &[("PACIOLI_ENGINE__CLUSTER", address)]].concat();
    assert_eq!(told(&with("df://127.0.0.1:50050")), build);
    let expected = [&["must be like `df://10.0.0.5:50050`"], &build[..]].concat();
    assert_eq!(told(&with("http://127.0.0.1:50050")), expected);
    let alone = [("PACIOLI_ENGINE__CLUSTER", "df://127.0.0.1:50050")];
    let store = "needs files.store, an object store: executors read tables from there";
    assert_eq!(told(&alone), [&build[..], &[store]].concat());
}
