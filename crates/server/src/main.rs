//! The `pacioli` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    pacioli_server::main()
}
