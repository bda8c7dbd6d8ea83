//! The `keyward` program: hands its arguments to `keyward::cli` and ends with its exit code.

fn main() -> std::process::ExitCode {
    keyward::cli::main()
}
