//! The command line, as people type it.

use std::process::Output;

use tempfile::TempDir;

use crate::{
    program::{Program, QUICK, run, text},
    sales::{Sales, euros},
    server::PASSWORD,
    tiny::write_model,
};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        run(self.0.path(), arguments, &QUICK, "").await
    }

    /// What a command that succeeds prints.
    async fn prints(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments).await;
        assert!(ended.status.success(), "{arguments:?}: {}", text(&ended.stderr));
        text(&ended.stdout)
    }

    /// What a command that fails says.
    async fn fails(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments).await;
        assert!(!ended.status.success(), "{arguments:?}: {}", text(&ended.stdout));
        text(&ended.stderr)
    }
}

#[tokio::test]
async fn ask_needs_no_server_and_no_account() {
    let folder = Folder::new();
    let sales = Sales::of(300, 4);
    std::fs::write(folder.0.path().join("sales.csv"), sales.csv()).unwrap();
    let printed = folder.prints(&["ask", "sales.csv", "total revenue by region"]).await;
    for (region, cents) in sales.revenue_by(|sale| sale.region) {
        let line =
            printed.lines().find(|line| line.starts_with(region) && line.ends_with(&euros(cents)));
        assert!(line.is_some(), "{region} {}: {printed}", euros(cents));
    }
    assert!(
        printed.contains("Understood as: sum of revenue") && printed.contains("GROUP BY"),
        "{printed}"
    );
    let sql = folder.prints(&["ask", "--sql", "sales.csv", "total revenue"]).await;
    assert!(sql.starts_with("SELECT") && !sql.contains("Understood"), "{sql}");
    let month = sales.only(|sale| sale.date.starts_with("2025-11"));
    let printed =
        folder.prints(&["ask", "--today", "2025-12-24", "sales.csv", "revenue last month"]).await;
    assert!(printed.contains(&euros(month.revenue())), "{printed}");
    // What lies behind figures is found out here as it is on a server.
    let why = ["ask", "--today", "2025-12-24", "sales.csv", "forecast revenue"];
    let printed = folder.prints(&why).await;
    assert!(printed.contains("Computed from the rows of:\nSELECT"), "{printed}");
    assert!(printed.contains("Understood as: sum of revenue"), "{printed}");
    let sql = folder.prints(&["ask", "--sql", "sales.csv", "forecast revenue"]).await;
    assert!(sql.starts_with("SELECT") && !sql.contains("Understood"), "{sql}");
    // Nothing is left behind where it was asked.
    let left: Vec<_> = std::fs::read_dir(folder.0.path()).unwrap().collect();
    assert_eq!(left.len(), 1);

    for (arguments, says) in [
        (&["ask", "sales.csv", "revenue by store"][..], "store"),
        (&["ask", "missing.csv", "total revenue"], "missing.csv"),
        (&["ask", "sales.csv", "./sales.csv", "total revenue"], "both"),
        (&["ask", "total revenue"], "QUESTION"),
        (&["ask", "--today", "tomorrow", "sales.csv", "revenue"], "tomorrow"),
    ] {
        let said = folder.fails(arguments).await;
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
    std::fs::write(folder.0.path().join("ragged.csv"), "a,b\n1\n").unwrap();
    let said = folder.fails(&["ask", "ragged.csv", "how many rows"]).await;
    assert!(said.contains("ragged.csv") && said.contains("Line 2"), "{said}");
}

#[tokio::test]
async fn ask_reads_every_kind_of_file() {
    let folder = Folder::new();
    let path = |name: &str| folder.0.path().join(name);
    std::fs::write(path("sales.json"), r#"[{"revenue": 1.5}, {"revenue": 2.25}]"#).unwrap();
    rusqlite::Connection::open(path("shop.db"))
        .unwrap()
        .execute_batch("CREATE TABLE costs (price REAL); INSERT INTO costs VALUES (7.5), (0.25);")
        .unwrap();
    let arguments = ["ask", "sales.json", "shop.db", "total revenue"];
    let printed = folder.prints(&arguments).await;
    assert!(printed.contains("3.75"), "{printed}");
    let printed = folder.prints(&["ask", "shop.db", "average price"]).await;
    assert!(printed.contains("3.875"), "{printed}");
    assert_eq!(std::fs::read_dir(folder.0.path()).unwrap().count(), 2, "nothing is left behind");
}

#[tokio::test]
async fn demo_writes_the_same_company_again_and_loads_it() {
    let folder = Folder::new();
    let printed = folder.prints(&["demo", "one", "--scale", "0.01"]).await;
    folder.prints(&["demo", "two", "--scale", "0.01"]).await;
    let mut files = 0;
    for entry in std::fs::read_dir(folder.0.path().join("one")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "csv") {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(printed.contains(&name), "{name}: {printed}");
        let twin = folder.0.path().join("two").join(&name);
        assert!(std::fs::read(&path).unwrap() == std::fs::read(twin).unwrap(), "{name} differs");
        files += 1;
    }
    assert!(files >= 8, "{printed}");
    folder.prints(&["demo", "other", "--scale", "0.01", "--seed", "7"]).await;
    let sales = |folder_name: &str| {
        std::fs::read(folder.0.path().join(folder_name).join("customers.csv")).unwrap()
    };
    assert_ne!(sales("one"), sales("other"));
    assert!(folder.fails(&["demo", "--scale", "0"]).await.contains("--scale"));

    let program = Program::start(folder.0.path(), &QUICK).await;
    let token = program.sign_up("owner@example.com").await;
    program.kill().await;
    let load =
        ["demo", "one", "--scale", "0.01", "--load-for", "owner@example.com", "--data-dir", "data"];
    let printed = folder.prints(&load).await;
    assert_eq!(printed.matches("rows loaded into").count(), files, "{printed}");
    let program = Program::start(folder.0.path(), &QUICK).await;
    let tables = program.get(&token, "/tables").await;
    assert_eq!(tables.body["items"].as_array().unwrap().len(), files, "{}", tables.text);
    program.kill().await;
    let nobody = [
        "demo",
        "one",
        "--scale",
        "0.01",
        "--load-for",
        "nobody@example.com",
        "--data-dir",
        "data",
    ];
    assert!(folder.fails(&nobody).await.contains("nobody has the address"));
}

#[tokio::test]
async fn config_says_what_is_in_force_and_where_from_but_no_secret() {
    let folder = Folder::new();
    assert_eq!(folder.prints(&["config", "check"]).await.trim(), "The configuration is good.");
    std::fs::write(folder.0.path().join("pacioli.toml"), "[log]\nlevel = \"debug\"\n").unwrap();
    std::fs::write(folder.0.path().join(".env"), "JWT_SECRET=gX3wq0Zk7uJ5s9Lr2Tn8Vd4Bf6Hy1Mc-Pz\n")
        .unwrap();
    let shown = folder.prints(&["config", "show", "--data-dir", "elsewhere"]).await;
    let line = |key: &str| shown.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    assert!(
        line("log.level").contains("\"debug\"") && line("log.level").contains("pacioli.toml"),
        "{shown}"
    );
    assert!(
        line("auth.bcrypt_cost").contains("10")
            && line("auth.bcrypt_cost").contains("PACIOLI_AUTH__BCRYPT_COST"),
        "{shown}"
    );
    assert!(
        line("data_dir").contains("elsewhere") && line("data_dir").contains("--data-dir"),
        "{shown}"
    );
    assert!(line("auth.jwt_secret").contains("(set)"), "{shown}");
    assert!(!shown.contains("gX3wq0Zk"), "{shown}");
    std::fs::write(folder.0.path().join("pacioli.toml"), "[log]\nlevle = \"debug\"\n").unwrap();
    let said = folder.fails(&["config", "check"]).await;
    assert!(said.contains("levle") && said.contains("level"), "{said}");
    assert!(
        folder.fails(&["config", "check", "--config", "none.toml"]).await.contains("none.toml")
    );
}

#[tokio::test]
async fn accounts_are_looked_after_from_the_command_line() {
    let folder = Folder::new();
    let program = Program::start(folder.0.path(), &QUICK).await;
    let token = program.sign_up("owner@example.com").await;
    let body = serde_json::json!({"full_name": "Some Employee", "email": "employee@example.com", "password": "a first password to change"});
    program.post(&token, "/auth/add-user", body).await;
    let company = program.get(&token, "/company").await.body["id"].as_str().unwrap().to_owned();
    program.kill().await;

    let companies = folder.prints(&["company", "list"]).await;
    assert_eq!(companies, format!("{company}  active    Some Company\n"));
    let users = folder.prints(&["user", "list", &company]).await;
    assert!(users.contains("superuser  active    owner@example.com  Some Owner"), "{users}");
    assert!(users.contains("user       active    employee@example.com  Some Employee"), "{users}");
    let doctor = folder.prints(&["doctor"]).await;
    assert!(
        doctor.contains("ok    store (sqlite)") && doctor.contains("ok    table files"),
        "{doctor}"
    );

    assert!(folder.fails(&["user", "disable", "owner@example.com"]).await.contains("superuser"));
    assert!(
        folder
            .fails(&["user", "disable", "nobody@example.com"])
            .await
            .contains("nobody has the address")
    );
    folder.prints(&["user", "disable", "employee@example.com"]).await;
    let users = folder.prints(&["user", "list", &company]).await;
    assert!(users.contains("user       disabled  employee@example.com"), "{users}");
    folder.prints(&["user", "enable", "employee@example.com"]).await;
    folder.prints(&["user", "set-role", "employee@example.com", "superuser"]).await;
    let reset = ["user", "reset-password", "owner@example.com"];
    let ended = run(folder.0.path(), &reset, &QUICK, "short\n").await;
    assert!(!ended.status.success() && !text(&ended.stderr).contains("short\n"), "{ended:?}");
    let ended = run(folder.0.path(), &reset, &QUICK, "a wholly new password 77\n").await;
    assert!(ended.status.success(), "{ended:?}");
    assert!(!text(&ended.stdout).contains("new password 77"));

    let program = Program::start(folder.0.path(), &QUICK).await;
    assert_eq!(
        program.get(&token, "/auth/me").await.code(),
        "invalid_token",
        "its session has ended"
    );
    assert_eq!(program.log_in("owner@example.com", PASSWORD).await.code(), "invalid_credentials");
    let answer = program.log_in("owner@example.com", "a wholly new password 77").await;
    let token = answer.body["access_token"].as_str().unwrap();
    let me = program.get(token, "/auth/me").await;
    assert_eq!(me.body["user"]["must_change_password"], true, "{}", me.text);
    program.kill().await;
    folder.prints(&["company", "disable", &company]).await;
    assert!(folder.prints(&["company", "list"]).await.contains("disabled"));
    let program = Program::start(folder.0.path(), &QUICK).await;
    let answer = program.log_in("owner@example.com", "a wholly new password 77").await;
    assert_eq!(answer.code(), "invalid_credentials", "{}", answer.text);
}

#[tokio::test]
async fn doctor_says_whether_an_adapter_is_for_the_model() {
    let folder = Folder::new();
    let path = |name: &str| folder.0.path().join(name);
    let config = "[language]\nmodel = \"tiny.gguf\"\nadapter = \"tiny.safetensors\"\n";
    std::fs::write(path("pacioli.toml"), config).unwrap();
    write_model(&path("tiny.gguf"), 1);
    let other = pacioli_llm::Adapter::new("Huge 700B".to_owned(), 4, 8.0);
    other.save(&path("tiny.safetensors")).unwrap();
    let told = folder.fails(&["doctor"]).await;
    assert!(told.contains("trained for Huge 700B, and the model is Tiny 64"), "{told}");
    let own = pacioli_llm::Adapter::new("Tiny 64".to_owned(), 4, 8.0);
    own.save(&path("tiny.safetensors")).unwrap();
    let told = folder.prints(&["doctor"]).await;
    assert!(told.contains("ok    language model (file, adapted)"), "{told}");
    std::fs::write(path("pacioli.toml"), "[language]\nadapter = \"tiny.safetensors\"\n").unwrap();
    let told = folder.fails(&["doctor"]).await;
    assert!(told.contains("language.adapter") && told.contains("language.model"), "{told}");
}

#[tokio::test]
async fn catalogs_are_written_as_a_server_has_them() {
    let folder = Folder::new();
    let path = |name: &str| folder.0.path().join(name);
    std::fs::create_dir(path("shop")).unwrap();
    std::fs::write(path("shop/customers.csv"), "id,city\n1,Oslo\n2,Bonn\n").unwrap();
    std::fs::write(path("shop/orders.csv"), "id,customer_id,total\n1,1,5.50\n2,1,7.25\n").unwrap();
    let questions = "{\"db_id\": \"shop\"}\n{\"db_id\": \"gone\"}\n{\"db_id\": \"shop\"}\n";
    std::fs::write(path("train.jsonl"), questions).unwrap();
    let command =
        ["catalogs", "--databases", ".", "--questions", "train.jsonl", "--out", "catalogs"];
    let ended = folder.run(&command).await;
    assert!(ended.status.success(), "{ended:?}");
    assert!(text(&ended.stderr).contains("no database gone"), "{ended:?}");
    let catalog = std::fs::read(path("catalogs/shop.json")).unwrap();
    let catalog: pacioli_model::Catalog = serde_json::from_slice(&catalog).unwrap();
    let names: Vec<&str> = catalog.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["customers", "orders"]);
    assert_eq!(catalog.relationships[0].to.as_str(), "customers");
    let city = catalog.tables[0].column(&"city".parse().unwrap()).unwrap();
    assert_eq!(city.profile.values.as_deref().unwrap(), ["Bonn", "Oslo"]);
    assert!(!path("catalogs/gone.json").exists());
}

#[tokio::test]
async fn the_reference_is_printed_as_it_is_served() {
    let folder = Folder::new();
    let printed: serde_json::Value =
        serde_json::from_str(&folder.prints(&["openapi"]).await).unwrap();
    let program = Program::start(folder.0.path(), &QUICK).await;
    let served = program.get("", "/openapi.json").await;
    assert_eq!(served.body, printed);
    assert!(printed["openapi"].as_str().unwrap().starts_with("3.1"));
    let errors = folder.prints(&["openapi", "--errors"]).await;
    for code in pacioli_server::Code::ALL {
        assert!(errors.contains(&format!("`{}`", code.as_str())), "{}", code.as_str());
    }
    let version = folder.prints(&["--version"]).await;
    assert!(version.starts_with("pacioli "), "{version}");
    let help = folder.prints(&["--help"]).await;
    for command in ["serve", "demo", "ask", "user", "company", "config", "doctor", "openapi"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}: {help}");
    }
    assert!(!help.contains("engine-worker"), "{help}");
}
