//! What plugins are written in.

/// A language plugins can be written, built and tested in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Rust: nothing but cargo is needed.
    Rust,
    /// JavaScript, checked with TypeScript's types; needs jco.
    Js,
    /// Python; needs componentize-py.
    Python,
}

impl Language {
    /// Every language, the one with the fewest needs first.
    pub const ALL: [Self; 3] = [Self::Rust, Self::Js, Self::Python];

    /// The word for `--lang`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Js => "js",
            Self::Python => "python",
        }
    }

    /// The file by which a plugin's folder is known to be of this language.
    pub(crate) fn marker(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::Js => "plugin.js",
            Self::Python => "plugin.py",
        }
    }
}
