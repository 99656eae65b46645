//! What the contract names and is not built yet: refused by name, never accepted and ignored.

use crate::args::{Command, Run};
use crate::error::Failure;

/// Makes the refusal of `name`; `instead` is the hint, what serves in the meantime.
fn refusal(name: &str, instead: Option<&str>) -> Failure {
    Failure::input(format!("`mailhaul {name}` is not built yet"), instead)
}

/// Returns the refusal of a command that is not built yet.
pub(crate) fn command(command: &Command) -> Option<Failure> {
    let (name, instead) = match command {
        Command::Certificate(_) => (
            "certificate",
            Some("`mailhaul verify --depth full`, then `mailhaul report --format html --out report.html`"),
        ),
        Command::Signoff(_) => (
            "signoff",
            Some("`mailhaul report --format html --out report.html` is what a client can look at"),
        ),
        Command::Cutover(_) => (
            "cutover",
            Some("change MX at your DNS provider, then repeat `mailhaul run` until it copies nothing more"),
        ),
        Command::Serve(_) => ("serve", Some("`mailhaul status --watch` follows the project on a terminal")),
        Command::Init(_)
        | Command::Assess(_)
        | Command::Check(_)
        | Command::Plan(_)
        | Command::Provision(_)
        | Command::Run(_)
        | Command::Retry(_)
        | Command::Verify(_)
        | Command::Undo(_)
        | Command::Report(_)
        | Command::Status(_)
        | Command::Secrets(_)
        | Command::Passwords(_)
        | Command::Plugin(_)
        | Command::Completions(_)
        | Command::Man(_) => return None,
    };
    Some(refusal(name, instead))
}

/// Returns the refusal of an option of `run` that is not built yet.
pub(crate) fn run(run: &Run) -> Option<Failure> {
    if run.dashboard.is_some() {
        return Some(refusal(
            "run --dashboard",
            Some("`mailhaul status --watch` in a second terminal follows the run"),
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;
    use crate::exit::Exit;

    #[test]
    fn every_unbuilt_name_of_the_contract_is_refused_as_input() {
        for line in "certificate signoff cutover serve run:--dashboard".split_whitespace() {
            let words: Vec<_> = line.split(':').collect();
            let cli = Cli::try_parse_from(["mailhaul"].iter().chain(&words)).unwrap();
            let failure = match &cli.command {
                Command::Run(args) => run(args),
                command => super::command(command),
            };
            let failure = failure.unwrap_or_else(|| panic!("{line} is not refused"));
            assert_eq!(failure.exit, Exit::Input);
            let name = words.join(" ");
            assert_eq!(failure.causes[0].sentence, format!("`mailhaul {name}` is not built yet"));
        }
    }
}
