//! `examples/acme-mapper`, built as its author would.

use mailhaul_engine::plugin::{Decision, FolderMapper, MappingRequest, Ruling};
use serde_json::Value;

use crate::build;
use crate::world::{folder, host, request};

async fn targets(mapper: &dyn FolderMapper, request: &MappingRequest) -> (Vec<String>, Vec<Ruling>) {
    let rulings = mapper.map_folders(request).await.unwrap().rulings;
    let target = |ruling: &Ruling| match &ruling.decision {
        Decision::MapTo { path, .. } => format!("{} -> {path}", request.source_folders[ruling.folder].path),
        Decision::Skip(why) => format!("{} skipped: {why}", request.source_folders[ruling.folder].path),
    };
    (rulings.iter().map(target).collect(), rulings)
}

#[tokio::test]
async fn an_outsiders_plugin_takes_part_in_the_chain() {
    let example = build::root().join("examples/acme-mapper");
    let component =
        build::component(&example, &["--release"], "acme_mapper.wasm", &example.join("plugin.toml"));
    let project = tempfile::tempdir().unwrap();
    std::fs::write(project.path().join("acme.wasm"), component).unwrap();

    let host = host();
    let acme = host.open("./acme.wasm", project.path()).await.unwrap().mapper(&Value::Null).unwrap();
    let roles = host.open("roles", project.path()).await.unwrap().mapper(&Value::Null).unwrap();
    let mut request = request(
        vec![folder("Kunden/Nord", &[]), folder("Gesendet", &[]), folder("Kundendienst", &[])],
        vec![folder("Sent Items", &[])],
    );
    let (lines, rulings) = targets(acme.as_ref(), &request).await;
    assert_eq!(lines, ["Kunden/Nord -> Customers/Nord"]);
    // Then ours, on what is left.
    request.settled = rulings;
    let (lines, _) = targets(roles.as_ref(), &request).await;
    assert_eq!(lines, ["Gesendet -> Sent Items"]);

    let inspection = host.inspect("./acme.wasm", project.path()).unwrap();
    assert_eq!((inspection.id.as_str(), inspection.shipped), ("acme", false));
}
