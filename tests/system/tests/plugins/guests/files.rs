//! Files that are no plugin, or one that must not be compiled, however they are called.

use std::fs;

use mailhaul_guests::Guest;
use mailhaul_lab::process::until;
use rustix::process::{Pid, Signal, kill_process};

use super::project::{Project, TIME, component};
use super::tests;

/// Neither looked at nor run, with this sentence; nothing is written, and the project goes on without it.
#[track_caller]
fn is_refused(guest: Guest, file: &[u8], says: &str) {
    let project = Project::new(file);
    project.mapped_by(guest);
    project.mailhaul(&["plugin", "add", "./hostile.wasm"]).expect(6).says(&[says]);
    project.run().expect(6).says(&[says]);
    project.assert_nothing_written();
    project.without_it();
    project.run().expect(0);
    assert_eq!(project.moved(), ["ann", "eve", "joe"]);
}

tests! {
    Truncated => truncated {
        is_refused(
            Guest::Truncated,
            &component()[..component().len() / 2],
            "plugin `./hostile.wasm`: the component is broken: unexpected end-of-file",
        );
    }
    Precompiled => precompiled {
        // What wasmtime writes is an ELF file; a name proves nothing.
        is_refused(
            Guest::Precompiled,
            b"\x7fELF\x02\x01\x01",
            "plugin `./hostile.wasm`: this is precompiled native code, which is never loaded: give the component it was \
             made from",
        );
    }
    UnknownVersion => unknown_version {
        // Every name of the interface, in the imports and exports and in the module inside, is of the same
        // length.
        let (ours, other) = (b"@0.1.0", b"@0.9.0");
        let mut file = component().to_vec();
        for at in 0..file.len() - ours.len() {
            if file[at..].starts_with(ours) {
                file[at..at + ours.len()].copy_from_slice(other);
            }
        }
        is_refused(
            Guest::UnknownVersion,
            &file,
            "plugin `./hostile.wasm`: it speaks version 0.9.0 of the plugin interface and this mailhaul speaks 0.1: \
             update mailhaul, or use an older version of the plugin",
        );
    }
    CompileBomb => compile_bomb {
        let project = Project::new(&mailhaul_guests::compile_bomb(component()));
        // The child's limits are the promised ones. What they do is shown with smaller ones below and in
        // host/plugin; here it is ended as they would end it.
        let adding = project.start(&["plugin", "add", "./hostile.wasm"]);
        let compiler = until("a compiler with limits", TIME, || limited_child(adding.pid())).unwrap();
        kill_process(Pid::from_raw(compiler.cast_signed()).unwrap(), Signal::KILL).unwrap();
        adding.wait().expect(6).says(&["plugin `./hostile.wasm`: compiling it takes more than the 4096 MiB of memory, or more \
                                        time, than any plugin may take"]);
        project.mapped_by(Guest::CompileBomb);
        project.run().expect(6).says(&["plugin `./hostile.wasm`: it is not in plugins.lock"]);
        project.assert_nothing_written();
        project.without_it();
        project.run().expect(0);
        assert_eq!(project.moved(), ["ann", "eve", "joe"]);
    }
}

/// The child of this process, once its memory is limited as `Limits` says.
fn limited_child(parent: u32) -> Option<u32> {
    // Each thread has children of its own.
    let threads = fs::read_dir(format!("/proc/{parent}/task")).ok()?.flatten();
    let children = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let child = children.collect::<String>().split_whitespace().next()?.parse().ok()?;
    let limits = fs::read_to_string(format!("/proc/{child}/limits")).ok()?;
    let hard = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().nth(1).map(str::to_owned)
    };
    let bounded = hard("Max address space")? == (4_u64 << 30).to_string()
        && hard("Max file size")? == "0"
        && hard("Max core file size")? == "0"
        && hard("Max cpu time")?.parse::<u64>().is_ok_and(|seconds| seconds >= 120);
    bounded.then_some(child)
}
