//! The `fieldpost` program.

fn main() -> std::process::ExitCode {
    fieldpost_server::command::main()
}
