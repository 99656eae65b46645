//! What the contract names and is not built yet: refused by name, never accepted and ignored.

use crate::args::{Command, Plugin, Run};
use crate::error::Failure;

/// The refusal of `name`, with what serves in the meantime.
fn refusal(name: &str, instead: Option<&str>) -> Failure {
    Failure::input(format!("`mailhaul {name}` is not built yet"), instead)
}

/// Returns the refusal of a command that is not built yet.
pub(crate) fn command(command: &Command) -> Option<Failure> {
    let (name, instead) = match command {
        Command::Provision(_) => (
            "provision",
            Some(
                "create the mailboxes in the new host's own panel; `mailhaul check` tells which are missing",
            ),
        ),
        Command::Retry(_) => ("retry", Some("`mailhaul run` tries again whatever failed before")),
        Command::Certificate(_) => (
            "certificate",
            Some("`mailhaul verify --depth full`, then `mailhaul report --format html --out report.html`"),
        ),
        Command::Signoff(_) => (
            "signoff",
            Some("`mailhaul report --format html --out report.html` is what a client can look at"),
        ),
        Command::Passwords(_) => ("passwords", None),
        Command::Undo(_) => ("undo", None),
        Command::Cutover(_) => (
            "cutover",
            Some("change MX at your DNS provider, then repeat `mailhaul run` until it copies nothing more"),
        ),
        Command::Serve(_) => ("serve", Some("`mailhaul status --watch` follows the project on a terminal")),
        Command::Completions(_) => ("completions", Some("`mailhaul help COMMAND` lists the options")),
        Command::Man(_) => ("man", Some("`mailhaul help COMMAND` says the same")),
        Command::Init(_)
        | Command::Check(_)
        | Command::Plan(_)
        | Command::Run(_)
        | Command::Verify(_)
        | Command::Report(_)
        | Command::Status(_)
        | Command::Plugin(_) => return None,
    };
    Some(refusal(name, instead))
}

/// Returns the refusal of a `plugin` command that is not built yet.
pub(crate) fn plugin(command: &Plugin) -> Option<Failure> {
    const BY_PATH: &str =
        "name the component itself in `mailhaul.toml`: `[plugins] mapping = [\"./acme.wasm\", \"roles\"]`";
    let (name, instead) = match command {
        Plugin::Add(_) => ("plugin add", Some(BY_PATH)),
        Plugin::Update(_) => ("plugin update", Some("replace the component file")),
        Plugin::Remove(_) => ("plugin remove", Some("take its name out of `mailhaul.toml`")),
        Plugin::Diff(_) => ("plugin diff", Some("compare what `mailhaul plugin inspect FILE` says of both")),
        Plugin::Grant(_) => ("plugin grant", None),
        Plugin::List
        | Plugin::Inspect(_)
        | Plugin::New(_)
        | Plugin::Build(_)
        | Plugin::Check(_)
        | Plugin::Test(_)
        | Plugin::Call(_)
        | Plugin::Record(_) => return None,
    };
    Some(refusal(name, instead))
}

/// Returns the refusal of an option of `run` that is not built yet.
pub(crate) fn run(run: &Run) -> Option<Failure> {
    if run.delete_gone {
        return Some(refusal("run --delete-gone", Some("without it, `run` never deletes anything")));
    }
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
        for line in "provision retry certificate signoff passwords undo cutover serve completions man \
            plugin:add plugin:update \
            plugin:remove plugin:diff plugin:grant run:--delete-gone run:--dashboard"
            .split_whitespace()
        {
            let words: Vec<_> = line.split(':').collect();
            let cli = Cli::try_parse_from(["mailhaul"].iter().chain(&words)).unwrap();
            let failure = match &cli.command {
                Command::Plugin(command) => plugin(command),
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
