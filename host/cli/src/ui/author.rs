//! The pages of `plugin check` and `plugin test`.

use mailhaul_author::trial::{CaseEnd, Fixture};
use mailhaul_engine::plugin::PluginId;
use mailhaul_plugin_host::{Kind, Limits};
use mailhaul_text::{bytes, count, escape, plural};
use serde::Serialize;

use super::paint::{Palette, Tone};
use super::sum::push_wrapped;

/// What `plugin check` found to be right; what is wrong is an error.
#[derive(Debug, Serialize)]
pub(crate) struct PluginCheck {
    pub id: String,
    pub version: String,
    pub kinds: Vec<Kind>,
    pub imports: Vec<&'static str>,
    /// How many settings its schema has, required or not.
    pub settings: usize,
    /// Names of the settings the operator must set.
    pub required: Vec<String>,
    pub size: usize,
}

/// Returns the page of `plugin check`.
pub(crate) fn check_page(found: &PluginCheck, width: Option<usize>, palette: Palette) -> String {
    let name = format!("{} {}", escape(&found.id), escape(&found.version));
    let mut out = format!("{}\n", palette.paint(Tone::Strong, &name));
    let kinds: Vec<_> = found.kinds.iter().map(|kind| kind.name()).collect();
    let mut line = |text: &str| {
        push_wrapped(&mut out, 2, &format!("{}  {text}", palette.paint(Tone::Good, "ok")), width)
    };
    line(&format!("its exports and its manifest agree: {}", kinds.join(", ")));
    let imports = if found.imports.is_empty() { "nothing".to_owned() } else { found.imports.join(", ") };
    line(&format!("it imports what that may import: {imports}"));
    line("it starts");
    let required: Vec<_> = found.required.iter().map(|name| format!("`{}`", escape(name))).collect();
    let must =
        if required.is_empty() { String::new() } else { format!("; must be set: {}", required.join(", ")) };
    line(&format!("{} in its schema{must}", plural(found.settings as u64, "setting")));
    line(&format!("{}, of at most 64 MiB", bytes(found.size as u64)));
    out
}

/// What came of one fixture; the JSON is the contract's.
#[derive(Debug, Serialize)]
pub(crate) struct Case {
    pub name: String,
    pub about: String,
    pub ok: bool,
    pub problems: Vec<String>,
    pub cpu_ms: f64,
    pub memory: usize,
    pub host_calls: u64,
    pub log: Vec<String>,
}

impl Case {
    /// Makes a case of a fixture that was tried; CPU time is rounded to hundredths of a millisecond.
    pub(crate) fn of(name: String, fixture: &Fixture, end: CaseEnd) -> Self {
        Self {
            name,
            about: fixture.about.clone(),
            ok: end.problems.is_empty(),
            problems: end.problems,
            cpu_ms: (end.usage.cpu.as_secs_f64() * 100_000.0).round() / 100.0,
            memory: end.usage.memory,
            host_calls: end.usage.host_calls,
            log: end.usage.log,
        }
    }

    /// Makes a failed case of a file that is no fixture.
    pub(crate) fn broken(name: String, problem: String) -> Self {
        Self {
            name,
            about: String::new(),
            ok: false,
            problems: vec![problem],
            cpu_ms: 0.0,
            memory: 0,
            host_calls: 0,
            log: Vec::new(),
        }
    }
}

/// What `plugin test` prints with `--format json`.
#[derive(Debug, Serialize)]
pub(crate) struct Tests {
    pub plugin: String,
    pub version: String,
    pub cases: Vec<Case>,
    pub passed: usize,
    pub failed: usize,
    pub limits: CallLimits,
}

/// What one call of the plugin may use, for comparison with each case.
#[derive(Debug, Serialize)]
pub(crate) struct CallLimits {
    pub cpu_ms: u128,
    pub memory: usize,
}

impl Tests {
    /// Counts the cases that passed and failed.
    pub(crate) fn new(plugin: &PluginId, cases: Vec<Case>, limits: &Limits) -> Self {
        let passed = cases.iter().filter(|case| case.ok).count();
        Self {
            plugin: plugin.id.clone(),
            version: plugin.version.clone(),
            failed: cases.len() - passed,
            passed,
            cases,
            limits: CallLimits { cpu_ms: limits.cpu.as_millis(), memory: limits.memory },
        }
    }
}

/// Returns the page of `plugin test`.
pub(crate) fn test_page(page: &Tests, width: Option<usize>, palette: Palette) -> String {
    let mut out = String::new();
    let longest = page.cases.iter().map(|case| case.name.chars().count()).max().unwrap_or_default();
    for case in &page.cases {
        let name = escape(&case.name);
        let (tone, word) = if case.ok { (Tone::Good, "ok    ") } else { (Tone::Bad, "FAILED") };
        let used = if case.memory == 0 {
            String::new()
        } else {
            format!(
                "  {:.2} ms CPU, {}, {}",
                case.cpu_ms,
                bytes(case.memory as u64),
                plural(case.host_calls, "host call")
            )
        };
        out.push_str(&format!("{name:longest$}  {}{used}\n", palette.paint(tone, word)));
        if !case.ok {
            for problem in &case.problems {
                push_wrapped(&mut out, 2, &escape(problem), width);
            }
            for line in &case.log {
                push_wrapped(&mut out, 2, &format!("log: {}", escape(line)), width);
            }
        }
    }
    out.push_str(&format!(
        "{} passed, {} failed; a call may use {} ms CPU and {}\n",
        count(page.passed as u64),
        count(page.failed as u64),
        page.limits.cpu_ms,
        bytes(page.limits.memory as u64)
    ));
    out
}

#[cfg(test)]
mod tests_of_pages {
    use std::time::Duration;

    use mailhaul_plugin_host::Usage;

    use super::*;

    #[test]
    fn a_failed_case_says_where_and_what_it_logged() {
        let usage = Usage {
            cpu: Duration::from_micros(420),
            memory: 1_179_648,
            host_calls: 1,
            log: vec!["looking at 4 folders".into()],
        };
        let end = |problems: Vec<String>| CaseEnd { problems, usage: usage.clone(), took: Duration::ZERO };
        let problem = "/rulings/0/decision/map-to/path: expected \"Customers\", found \"Customer\"";
        let cases = vec![
            Case::of("renames-a-tree".into(), &Fixture::default(), end(Vec::new())),
            Case::of("settings".into(), &Fixture::default(), end(vec![problem.into()])),
            Case::broken("typo".into(), "`fixtures/typo.json` is no fixture: expected `,`".into()),
        ];
        let id = PluginId { id: "acme".into(), version: "1.0.0".into() };
        let page = Tests::new(&id, cases, &Limits::default());
        insta::assert_snapshot!(test_page(&page, Some(80), Palette::default()));
        let found = PluginCheck {
            id: "acme".into(),
            version: "1.0.0".into(),
            kinds: vec![Kind::FolderMapper],
            imports: vec!["log", "settings"],
            settings: 2,
            required: vec!["host".into()],
            size: 48_000,
        };
        insta::assert_snapshot!(check_page(&found, Some(80), Palette::default()));
    }
}
