//! A folder mapper that misbehaves in whatever way its settings ask for.

use mailhaul_plugin::{FolderMapper, Mapping, MappingRequest, PluginError};

struct Hostile;

#[derive(serde::Deserialize)]
struct Settings {
    way: String,
}

impl FolderMapper for Hostile {
    fn map_folders(request: &MappingRequest) -> Result<Mapping, PluginError> {
        let settings: Settings = mailhaul_plugin::settings()?;
        let mut answer = Mapping::default();
        match settings.way.as_str() {
            "trap" => panic!("a plugin that traps"),
            "loop" => loop {
                std::hint::spin_loop();
            },
            "recurse" => {
                let depth = recurse(request.source_folders.len() as u64);
                answer.note(None, depth.to_string());
            }
            "memory" => {
                let mut kept: Vec<Vec<u8>> = Vec::new();
                loop {
                    kept.push(vec![1; 16 << 20]);
                    std::hint::black_box(&kept);
                }
            }
            // A million notes of a thousand bytes.
            "answer" => {
                for _ in 0..1_000_000 {
                    answer.note(None, "x".repeat(1_000));
                }
            }
            "error" => return Err(PluginError::Other("the plugin gives up\u{1b}[31m on purpose".to_owned())),
            "index" => answer.map_to(1_000_000, ["Nowhere"], "an index out of range"),
            "twice" => {
                answer.map_to(0, ["One"], "first");
                answer.map_to(0, ["Two"], "second");
            }
            "collide" => {
                for (index, _) in request.open() {
                    answer.map_to(index, ["All"], "all into one");
                }
            }
            "name" => {
                for (index, _) in request.open() {
                    answer.map_to(index, ["..", "x\r\ny\0", ""], "no name at all");
                }
            }
            "log" => {
                for n in 0..10_000_000_u64 {
                    mailhaul_plugin::log::info(&format!("line {n} \u{1b}]0;owned\u{7}"));
                }
            }
            other => return Err(PluginError::Settings(format!("there is no way `{other}`"))),
        }
        Ok(answer)
    }
}

#[inline(never)]
fn recurse(n: u64) -> u64 {
    if std::hint::black_box(n) == u64::MAX {
        n
    } else {
        recurse(std::hint::black_box(n + 1)) + std::hint::black_box(1)
    }
}

mailhaul_plugin::export!(mapper: Hostile);
