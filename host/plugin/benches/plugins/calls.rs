//! Loading and calling, in this process.

use std::path::Path;
use std::time::Instant;

use mailhaul_engine::plugin::{FolderInfo, MappingRequest, ServerDescription};
use mailhaul_imap::{FolderPath, Secret};
use mailhaul_net::TlsMode;
use mailhaul_plugin_host::{
    Cell, Column, Inputs, Limits, Meter, PluginHost, ShippedPlugin, TableInput, TableRow,
};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{Figure, median};

pub(crate) fn measure() -> Vec<Figure> {
    let runtime = Runtime::new().unwrap();
    let mut figures = vec![mapping(&runtime), cached(&runtime)];
    figures.extend(listing(&runtime));
    figures
}

fn host() -> PluginHost {
    let shipped = mailhaul_shipped::plugins();
    let shipped = shipped.iter().map(|plugin| ShippedPlugin { id: plugin.id, component: plugin.component });
    PluginHost::new(Limits::default(), shipped).unwrap()
}

fn here() -> &'static Path {
    Path::new(".")
}

/// A new instance and one call, as for each mailbox of a run.
fn mapping(runtime: &Runtime) -> Figure {
    const NAMES: [&str; 10] = [
        "INBOX",
        "Gesendete Elemente",
        "Entwürfe",
        "Spam",
        "Papierkorb",
        "Archiv",
        "Kunden",
        "Angebote",
        "Projekte",
        "Rundbriefe",
    ];
    let folder = |levels: Vec<String>| FolderInfo {
        path: FolderPath(levels),
        attributes: Vec::new(),
        roles: Vec::new(),
        selectable: true,
        subscribed: true,
        messages: Some(10),
        bytes: None,
    };
    let server = ServerDescription {
        host: "mail.example".into(),
        port: 993,
        tls: TlsMode::Implicit,
        greeting: "ready".into(),
        capabilities: ["IMAP4rev1", "UIDPLUS", "SPECIAL-USE", "LIST-STATUS"].map(Into::into).to_vec(),
        id: Vec::new(),
        namespace_prefix: String::new(),
        delimiter: Some('/'),
    };
    let request = MappingRequest {
        source: server.clone(),
        target: server,
        // Ten of them, and ten more in each of the last four.
        source_folders: (0..50)
            .map(|n| match NAMES.get(n) {
                Some(top) => folder(vec![(*top).to_owned()]),
                None => folder(vec![NAMES[6 + n % 4].to_owned(), format!("Ordner {n}")]),
            })
            .collect(),
        target_folders: ["INBOX", "Sent", "Drafts", "Junk", "Trash"]
            .map(|name| folder(vec![name.into()]))
            .into(),
        settled: Vec::new(),
    };
    let seconds = runtime.block_on(async {
        let roles = host().open("roles", here()).await.unwrap().mapper(&Value::Null).unwrap();
        let mut seconds = Vec::new();
        for _ in 0..3_000 {
            let begin = Instant::now();
            let mapping = roles.map_folders(&request).await.unwrap();
            seconds.push(begin.elapsed().as_secs_f64());
            assert!(!mapping.rulings.is_empty());
        }
        seconds
    });
    Figure {
        what: "`roles`: a new instance asked about 50 folders",
        unit: "µs",
        measured: median(seconds) * 1e6,
        most: 150.0,
    }
}

/// A component that was compiled by an earlier process.
fn cached(runtime: &Runtime) -> Figure {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("native");
    let mut seconds = Vec::new();
    for _ in 0..200 {
        // Knows nothing yet of what it has opened.
        let host = host().with_cache(&folder);
        let begin = Instant::now();
        let opened = runtime.block_on(host.open("roles", here())).unwrap();
        seconds.push(begin.elapsed().as_secs_f64());
        drop(opened);
    }
    Figure {
        what: "`roles`: a component from the cache, and an instance of it",
        unit: "ms",
        measured: median(seconds) * 1e3,
        most: 1.0,
    }
}

/// A long table, page by page.
fn listing(runtime: &Runtime) -> [Figure; 2] {
    const ROWS: u32 = 100_000;
    let (mut seconds, mut memory) = (Vec::new(), 0);
    for _ in 0..3 {
        let inputs = Inputs::new().with_table("accounts", accounts(ROWS));
        let meter = Meter::default();
        let (took, seen) = runtime.block_on(async {
            let csv = host().open("csv", here()).await.unwrap().metered(&meter);
            let source = csv.source(&Value::Null, inputs).unwrap();
            let (begin, mut seen, mut token) = (Instant::now(), 0, None::<String>);
            loop {
                let page = source.list_mailboxes(token.as_deref(), 1_000).await.unwrap();
                seen += page.mailboxes.len();
                token = page.next;
                if token.is_none() {
                    break (begin.elapsed().as_secs_f64(), seen);
                }
            }
        });
        assert_eq!(seen, ROWS as usize);
        seconds.push(took);
        memory = memory.max(meter.take().memory);
    }
    [
        Figure {
            what: "`csv`: 100,000 mailboxes, page by page",
            unit: "s",
            measured: median(seconds),
            most: 1.0,
        },
        Figure {
            what: "`csv`: its memory meanwhile",
            unit: "MiB",
            measured: memory as f64 / f64::from(1 << 20),
            most: 32.0,
        },
    ]
}

fn accounts(rows: u32) -> TableInput {
    let column = |name: &str| Column { name: name.into(), secret: name.ends_with("_password") };
    let columns = ["source_user", "source_password", "target_user", "target_password"];
    let secret = |text: String| Cell::Secret(Secret::from(text.into_bytes()));
    let row = |number: u32| TableRow {
        line: number + 2,
        cells: vec![
            Cell::Text(format!("user{number}@old.example")),
            secret(format!("old-{number}")),
            Cell::Text(format!("user{number}@new.example")),
            secret(format!("new-{number}")),
        ],
    };
    TableInput {
        file: "mailboxes.csv".into(),
        columns: columns.into_iter().map(column).collect(),
        rows: (0..rows).map(row).collect(),
    }
}
