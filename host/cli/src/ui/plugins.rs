//! `plugin list` and `plugin inspect`.
