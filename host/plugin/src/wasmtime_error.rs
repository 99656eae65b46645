//! wasmtime's errors for people: one sentence with the interface and the function. The whole chain, which
//! speaks of wasmtime's inside as well, goes to the log at the level that `-v` shows.

use crate::error::LoadReason;
use crate::limits::{CODE, MESSAGE};
use crate::text;

/// Lines of a chain with its backtrace that are logged; more help nobody.
const CHAIN: usize = 60;

/// Says where a component differs from the plugin interface. `export` is the interface it exports, for chains
/// that name none.
pub(crate) fn link(error: &wasmtime::Error, export: Option<&str>) -> LoadReason {
    log("does not fit", error);
    let chain: Vec<_> = error.chain().map(ToString::to_string).collect();
    let names: Vec<_> = chain.iter().flat_map(|line| quoted(line)).collect();
    let interface = names.iter().find_map(|name| {
        let rest = name.strip_prefix("mailhaul:plugin/")?;
        Some(rest.split_once('@').map_or(rest, |(interface, _)| interface))
    });
    let interface = interface.or(export);
    // The outermost field leads to the one that differs, which the cause itself names.
    let field = chain.iter().find_map(|line| line.split_once(" for field ")).map(|(_, field)| field);
    let function = names.iter().copied().find(|name| !name.contains(['/', ':'])).or(field);
    let shown = |name: &str| text::shown(name, CODE);
    let place = match (interface, function) {
        (Some(interface), Some(function)) => format!(", in `{}` of `{}`", shown(function), shown(interface)),
        (Some(interface), None) => format!(", in `{}`", shown(interface)),
        (None, Some(function)) => format!(", in `{}`", shown(function)),
        (None, None) => String::new(),
    };
    LoadReason::Link { place, why: text::shown(&error.root_cause().to_string().replace('\n', " "), MESSAGE) }
}

/// Says why wasmtime cannot load native code it was given.
pub(crate) fn broken(error: &wasmtime::Error) -> LoadReason {
    log("is broken", error);
    LoadReason::Broken(text::shown(&error.root_cause().to_string().replace('\n', " "), MESSAGE))
}

/// Logs the chain, a line each: it is read by people who look for the place.
pub(crate) fn log(what: &str, error: &wasmtime::Error) {
    tracing::info!("wasmtime: {what}");
    let lines = error.chain().map(ToString::to_string).enumerate().flat_map(|(depth, cause)| {
        let lines: Vec<_> = cause.lines().map(|line| format!("{depth}: {line}")).collect();
        lines
    });
    for line in lines.take(CHAIN) {
        tracing::info!("wasmtime: {}", text::shown(&line, MESSAGE));
    }
}

/// The words that stand in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_found_in_the_chain() {
        let error = wasmtime::Error::msg("expected record field named subscribed, found subscribex")
            .context("type mismatch with parameters")
            .context("instance export `map-folders` has the wrong type")
            .context("component exports `mailhaul:plugin/folder-mapper@0.1.0`, which does not match");
        assert_eq!(
            link(&error, None).to_string(),
            "it does not fit version 0.1 of the plugin interface, in `map-folders` of `folder-mapper`: expected record \
             field named subscribed, found subscribex; build it again with the SDK or the `wit/` that `mailhaul plugin \
             new` writes"
        );
        assert!(
            link(&wasmtime::Error::msg("no names"), None).to_string().contains("interface: no names; build")
        );
        let error = wasmtime::Error::msg("expected u32, found u8").context("type mismatch for field folder");
        let told = link(&error, Some("validator")).to_string();
        assert!(
            told.contains("interface, in `folder` of `validator`: expected u32, found u8; build"),
            "{told}"
        );
    }
}
