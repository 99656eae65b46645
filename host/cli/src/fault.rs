//! What happens when this program itself breaks: one sentence for the user, the details for the log,
//! exit code 1, and no core dump with passwords in it.

use std::backtrace::Backtrace;
use std::panic::{self, PanicHookInfo};
use std::sync::atomic::{AtomicBool, Ordering};

use mailhaul_app::{REPORT, redact};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::args::Global;
use crate::error::Failure;
use crate::exit::Exit;
use crate::logging;
use crate::ui::Ui;

static PANICKED: AtomicBool = AtomicBool::new(false);

/// Whether any thread has panicked; the engine may have gone on without it.
pub(crate) fn panicked() -> bool {
    PANICKED.load(Ordering::Relaxed)
}

/// Makes the first panic one sentence on standard error; the details of every panic go to the log.
pub(crate) fn install_hook(global: Global) {
    panic::set_hook(Box::new(move |info| {
        let first = !PANICKED.swap(true, Ordering::Relaxed);
        let details = details(info);
        tracing::error!(target: logging::PANIC_TARGET, "{details}");
        // One is enough: whatever follows is most likely its consequence.
        if !first {
            return;
        }
        let place = info.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
        let (tail, hint) = match logging::path() {
            Some(path) => (String::new(), format!("{REPORT}; it is `{}`", path.display())),
            None => (format!("\n{}", redact::scrub(&details)), REPORT.to_owned()),
        };
        Ui::new(&global).failure(&Failure::new(
            Exit::Internal,
            format!("mailhaul broke{place}{tail}"),
            Some(&hint),
        ));
    }));
}

fn details(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let message = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    format!("panic at {place}: {message}\n{}", Backtrace::force_capture())
}

/// A core dump would hold every password of the project. Where the system says no, it stays as the
/// administrator set it.
pub(crate) fn forbid_core_dumps() {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).ok();
}
