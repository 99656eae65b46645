//! Colour, where it is wanted. Meaning never hangs on it: every painted word says the same unpainted.

/// What a piece of text stands for; [`Palette`] has the colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// A heading or the thing a line is about.
    Strong,
    Good,
    Bad,
    Warn,
    /// A word of ours that introduces something, e.g. `hint:`.
    Accent,
    Faint,
}

/// Paints text with SGR escape sequences, or leaves it as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Palette {
    pub on: bool,
}

impl Palette {
    /// Returns `text` between the sequences of a tone; empty text stays empty.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.on || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Strong => "1",
            Tone::Good => "32",
            Tone::Bad => "1;31",
            Tone::Warn => "33",
            Tone::Accent => "36",
            Tone::Faint => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paints_only_when_on() {
        assert_eq!(Palette { on: false }.paint(Tone::Bad, "x"), "x");
        assert_eq!(Palette { on: true }.paint(Tone::Bad, "x"), "\x1b[1;31mx\x1b[0m");
        assert_eq!(Palette { on: true }.paint(Tone::Bad, ""), "");
    }
}
