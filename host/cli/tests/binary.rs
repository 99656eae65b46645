//! The binary as it is built: what no unit test of its parts can say.

use std::process::Command;

fn mailhaul() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mailhaul"))
}

#[test]
fn it_names_its_version_on_stdout() {
    let output = mailhaul().arg("--version").output().unwrap();
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        concat!("mailhaul ", env!("CARGO_PKG_VERSION"), "\n")
    );
    assert!(output.stderr.is_empty());
}

/// A set without a plugin would be found out only when a project needs it.
#[test]
fn it_carries_the_plugins_that_ship() {
    let output = mailhaul().args(["plugin", "list", "--format", "json"]).output().unwrap();
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let ids: Vec<_> = list["plugins"].as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap()).collect();
    let shipped: Vec<_> = mailhaul_shipped::plugins().iter().map(|plugin| plugin.id).collect();
    assert_eq!(ids, shipped);
    // Those a project uses unless its file says otherwise.
    for id in ["csv", "roles", "counts", "special-folders", "server-profiles"] {
        assert!(ids.contains(&id), "{id} is missing among {ids:?}");
    }
}
