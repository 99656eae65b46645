//! Why an author's command did not do its work, in a sentence that says what to do.

use std::io;
use std::path::{Path, PathBuf};

use mailhaul_componentize::ComponentizeError;

/// Why an author's command stopped: the folder or a tool is not as it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorError {
    /// A name that cannot be id, folder, file and crate at once.
    #[error(
        "`{0}` cannot be a plugin's name: use lower-case letters, digits and `-`, beginning with a letter, at most 64"
    )]
    Name(String),
    /// The folder to be written exists; nothing in it is touched.
    #[error("`{}` exists already: choose another name, or move it away", .0.display())]
    Exists(PathBuf),
    /// The system refused to read or write a file.
    #[error("cannot {verb} `{}`: {cause}", path.display())]
    File {
        /// What was tried, as a verb: `read`, `write`.
        verb: &'static str,
        /// The file that is at fault.
        path: PathBuf,
        /// The system's own words.
        cause: String,
    },
    /// The folder has no `plugin.toml`, so it is no plugin's.
    #[error("there is no `plugin.toml` in `{}`: change to a plugin's folder, or begin one with `mailhaul plugin new KIND NAME`", .0.display())]
    NoPlugin(PathBuf),
    /// The manifest is no TOML, or lacks what is needed to build.
    #[error("{}: {problem}", path.display())]
    Manifest {
        /// The file that is at fault.
        path: PathBuf,
        /// What is wrong with the manifest, in a sentence.
        problem: String,
    },
    /// The folder holds no file that tells the plugin's language.
    #[error("`{}` holds neither `Cargo.toml` (Rust), `plugin.js` (JavaScript) nor `plugin.py` (Python): there is nothing to build", .0.display())]
    NoSource(PathBuf),
    /// There is no template of this kind in this language.
    #[error("there is no template for a {kind} in {language}")]
    NoTemplate {
        /// The kind as it was typed.
        kind: String,
        /// The language as people write it.
        language: &'static str,
    },
    /// A program the language's build needs is not on this machine.
    #[error(
        "`{program}` is needed to build a plugin in {language} and was found neither in this folder nor on the PATH: {remedy}"
    )]
    Missing {
        /// The program's name, or the missing target's.
        program: &'static str,
        /// The language it builds.
        language: &'static str,
        /// How to get it.
        remedy: &'static str,
    },
    /// A compiler failed. All it said has gone to standard error already.
    #[error("`{program}` could not build the plugin: {cause}")]
    Compiler {
        /// Program and first argument of what failed, such as `cargo build`.
        program: String,
        /// How it ended.
        cause: String,
    },
    /// The compiled module cannot be made a component.
    #[error("what was compiled cannot become a component: {0}")]
    Componentize(#[from] ComponentizeError),
    /// A component still asks for WASI.
    #[error("the component imports `{0}` although WASI was to be left out: update the tool that built it")]
    Wasi(String),
    /// The SDKs and templates inside this program cannot be unpacked.
    #[error("what this program carries cannot be unpacked: {0}")]
    Carried(String),
}

impl AuthorError {
    pub(crate) fn file(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| {
            let text = error.to_string();
            let cause = text.split(" (os error").next().unwrap_or(&text).to_lowercase();
            Self::File { verb, path, cause }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every sentence an author can meet here, to be read as he reads it.
    #[test]
    fn sentences_name_the_place_and_what_to_do() {
        let missing = |program, language, remedy| AuthorError::Missing { program, language, remedy };
        let all = [
            AuthorError::Name("Acme Mail".into()),
            AuthorError::Exists("acme".into()),
            AuthorError::file("read", Path::new("acme/plugin.toml"))(io::ErrorKind::PermissionDenied.into()),
            AuthorError::NoPlugin(".".into()),
            AuthorError::Manifest { path: "plugin.toml".into(), problem: "line 2: invalid array".into() },
            AuthorError::NoSource(".".into()),
            AuthorError::NoTemplate { kind: "mailbox-source".into(), language: "python" },
            missing("wasm32-unknown-unknown", "Rust", "run `rustup target add wasm32-unknown-unknown`"),
            AuthorError::Compiler {
                program: "cargo build".into(),
                cause: "it ended with exit status: 101".into(),
            },
            AuthorError::Componentize(ComponentizeError::NotWasm),
            AuthorError::Componentize(ComponentizeError::Wasi("wasi_snapshot_preview1".into())),
            AuthorError::Wasi("wasi:io/poll@0.2.6".into()),
        ];
        let lines: Vec<_> = all.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
