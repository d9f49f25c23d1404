//! Server programs of Debian packages, run as the user that they are installed for.

use std::{
    net::TcpListener,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Where a program is: on PATH, or in one of these folders.
pub(crate) fn find(program: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).collect::<Vec<_>>();
    let at = folders.iter().chain(&on_path).map(|folder| folder.join(program));
    at.into_iter().find(|program| program.exists())
}

/// A command that runs as `user` where we are root, since these servers refuse to be root.
pub(crate) fn command(program: &Path, user: &str) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", user, "--clear-groups", "--"]).arg(program);
    command
}

/// A folder that the server may write, and nobody else.
pub(crate) fn folder(user: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    if is_root() {
        run(Command::new("chown").arg(format!("{user}:{user}")).arg(folder.path()));
    }
    folder
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Says aloud that nothing was tested; in CI that is a failure.
#[expect(clippy::print_stderr, reason = "a test that was not run must be heard of")]
pub(crate) fn skipped(what: &str) {
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{what} is not installed");
    eprintln!("SKIPPED: {what} is not installed: nothing was tested on it");
}

/// Runs a preparation to its end.
pub(crate) fn run(command: &mut Command) {
    let done = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {said}");
}

/// Asks a process to end, and waits until it has.
pub(crate) fn end(mut process: Child, signal: &str) {
    let id = process.id().to_string();
    let _sent = Command::new("kill").args([signal, &id]).status();
    let _gone = process.wait();
}

/// A certificate for 127.0.0.1 that only those know who are given it: `cert.pem` and `key.pem`.
pub(crate) fn certify(folder: &Path, user: &str) {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]);
    openssl.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    openssl.args(["-keyout", "key.pem", "-out", "cert.pem"]).current_dir(folder);
    run(&mut openssl);
    run(Command::new("chmod").args(["600", "key.pem"]).current_dir(folder));
    if is_root() {
        let owner = format!("{user}:{user}");
        run(Command::new("chown").args([&owner, "key.pem", "cert.pem"]).current_dir(folder));
    }
}
