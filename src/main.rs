//! The program: starts the runtime, runs the shell, ends with its code.

use std::process::ExitCode;

use bylaws::cli;
use bylaws::cli::exit::Exit;

fn main() -> ExitCode {
    // A panic is a bug here; say so, with a code of its own.
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        default(panic);
        std::process::exit(i32::from(Exit::Bug.code()));
    }));
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(_) => return ExitCode::from(Exit::Bug.code()),
    };
    ExitCode::from(runtime.block_on(cli::run()).code())
}
