//! Courier as a child process: `INBOX.` in front, `.` between levels, no roles, no CONDSTORE, and line ends
//! of its own.
//!
//! Its `authdaemond` has `/etc/courier` and `/run/courier` compiled in. It gets its own: everything runs in a
//! mount namespace in which folders of the laboratory lie over those two, so that nothing of the machine's is
//! touched. Its `couriertcpd`s leave our process group, so it is a process namespace too: they end with its
//! first process. That, and changing to the mail's owner, takes root.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::certs::Certs;
use crate::dovecot::User;
use crate::imap::Client;
use crate::process::{Service, output, until};
use crate::{corpus, install, ports, workdir};

/// The user and group `nobody` and `nogroup` of every Debian.
const MAIL_ID: u32 = 65534;

/// `$1` is the folder; the configuration is in the environment, as its own start script does it.
const START: &str = r#"
set -e
mount --make-rprivate /
mount --bind "$1/etc" /etc/courier
mount --bind "$1/run" /run/courier
/usr/sbin/makeuserdb
set -a
. /etc/courier/authdaemonrc
/usr/lib/courier/courier-authlib/authdaemond &
tcpd="/usr/sbin/couriertcpd -address=127.0.0.1 -maxprocs=200 -maxperip=200 -nodnslookup -noidentlookup"
$tcpd "$PLAIN_PORT" "$1/bin/imaplogin" "$1/bin/imapd" Maildir &
IMAP_TLS=1 $tcpd "$TLS_PORT" /usr/bin/couriertls -server -tcpd -user=courier "$1/bin/imaplogin" "$1/bin/imapd" Maildir &
wait
"#;

const NAMESPACES: [&str; 4] = ["--mount", "--pid", "--fork", "--kill-child"];

const CAPABILITY: &str =
    "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE";

/// A running Courier, which ends when this handle is dropped.
#[derive(Debug)]
pub struct Courier {
    /// The port of 127.0.0.1 that speaks TLS from the first byte.
    pub tls_port: u16,
    /// Clear text, with STARTTLS offered and log-in in the clear allowed.
    pub plain_port: u16,
    users: Vec<User>,
    _service: Service,
}

/// Why this machine cannot run one; `None` when it can.
#[must_use]
pub fn impossible() -> Option<String> {
    if !fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
        return Some("Courier's authdaemond needs root".to_owned());
    }
    let unshare = output(Command::new("unshare").args(NAMESPACES).arg("true"));
    unshare.err().map(|error| format!("Courier needs namespaces of its own: {error}"))
}

impl Courier {
    /// Starts a server with these accounts and waits until it lets the first one in.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(users: &[User], certs: &Certs) -> Self {
        let programs = install::courier().unwrap_or_else(|error| panic!("Courier cannot be had: {error}"));
        let mut last = String::new();
        // A port may be taken between being chosen and being bound.
        for _ in 0..3 {
            match Self::try_start(users, certs, &programs) {
                Ok(server) => return server,
                Err(error) => last = error,
            }
        }
        panic!("Courier does not start: {last}");
    }

    fn try_start(users: &[User], certs: &Certs, programs: &Path) -> Result<Self, String> {
        let folder = workdir::folder("co");
        let [tls_port, plain_port] = ports::free();
        let say = |error: std::io::Error| error.to_string();
        for name in ["bin", "etc", "etc/shared", "run", "run/authdaemon", "mail"] {
            fs::create_dir(folder.join(name)).map_err(say)?;
        }
        // Copies: the checkout may be closed to the users that Courier runs as.
        for (from, to) in [("usr/lib/courier/courier/imaplogin", "imaplogin"), ("usr/bin/imapd", "imapd")] {
            let to = folder.join("bin").join(to);
            fs::copy(programs.join(from), &to).map_err(say)?;
            fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).map_err(say)?;
        }
        let identity = [&certs.good.key, &certs.good.cert].map(fs::read);
        let [key, cert] = identity;
        fs::write(folder.join("tls.pem"), [key.map_err(say)?, cert.map_err(say)?].concat()).map_err(say)?;
        fs::write(folder.join("etc/authdaemonrc"), AUTHDAEMONRC).map_err(say)?;
        let list = folder.join("etc/userdb");
        fs::write(&list, userdb(&folder, users)).map_err(say)?;
        fs::set_permissions(&list, fs::Permissions::from_mode(0o600)).map_err(say)?;
        let courier = output(Command::new("id").args(["-u", "courier"]))?;
        let courier: u32 = courier.trim().parse().map_err(|e| format!("id -u courier: {e}"))?;
        for name in ["run", "run/authdaemon"] {
            chown(folder.join(name), Some(courier), None).map_err(say)?;
        }
        for user in users {
            let home = folder.join("mail").join(&user.name);
            let parts = ["", "Maildir", "Maildir/cur", "Maildir/new", "Maildir/tmp"];
            for path in parts.map(|part| home.join(part)) {
                fs::create_dir(&path).map_err(say)?;
                chown(&path, Some(MAIL_ID), Some(MAIL_ID)).map_err(say)?;
            }
        }
        let mut command = Command::new("unshare");
        command.args(NAMESPACES).args(["sh", "-c", START, "courier"]).arg(&folder);
        command.env_clear().envs(environment(&folder, tls_port, plain_port));
        let mut service = Service::spawn("courier", command, &folder.join("courier.log"));
        let first = users.first().ok_or("a Courier without accounts")?;
        let greeted = until("Courier's log-in", Duration::from_secs(20), || match service.ended() {
            Some(why) => Some(Err(why)),
            None => Client::connect(plain_port)
                .and_then(|mut client| client.login(&first.name, &first.password))
                .ok()
                .map(Ok),
        });
        match greeted {
            Ok(Ok(())) => Ok(Self { tls_port, plain_port, users: users.to_owned(), _service: service }),
            Ok(Err(error)) | Err(error) => {
                let log = fs::read_to_string(folder.join("courier.log")).unwrap_or_default();
                Err(format!("{error}\n{log}"))
            }
        }
    }

    /// A client of the laboratory, logged in.
    ///
    /// # Panics
    /// When the log-in is refused.
    #[must_use]
    pub fn client(&self, user: &str) -> Client {
        let known = self.users.iter().find(|u| u.name == user);
        let known = known.unwrap_or_else(|| panic!("the laboratory's Courier has no account {user}"));
        let mut client = Client::connect(self.plain_port).expect("connect to Courier");
        client.login(user, &known.password).expect("log in to Courier");
        client
    }
}

const AUTHDAEMONRC: &str = "authmodulelist=\"authuserdb\"\nauthmodulelistorig=\"authuserdb\"\ndaemons=3\n\
                            authdaemonvar=/run/courier/authdaemon\nDEBUG_LOGIN=0\nDEFAULTOPTIONS=\"\"\n";

fn userdb(folder: &Path, users: &[User]) -> String {
    let mut text = String::new();
    for user in users {
        let home: PathBuf = folder.join("mail").join(&user.name);
        let digest = corpus::base64(&Sha256::digest(user.password.as_bytes()));
        writeln!(
            text,
            "{}\tuid={MAIL_ID}|gid={MAIL_ID}|home={home}|mail={home}/Maildir|imappw={{SHA256}}{digest}",
            user.name,
            home = home.display()
        )
        .expect("write to a string");
    }
    text
}

fn environment(folder: &Path, tls_port: u16, plain_port: u16) -> Vec<(&'static str, String)> {
    let mut all: Vec<(&str, String)> = [
        ("PATH", "/usr/sbin:/sbin:/usr/bin:/bin"),
        ("PROTOCOL", "imap"),
        ("IMAP_CAPABILITY", CAPABILITY),
        ("IMAP_KEYWORDS", "1"),
        ("IMAP_ACL", "1"),
        ("IMAP_IDLE_TIMEOUT", "60"),
        ("IMAP_USELOCKS", "1"),
        ("IMAP_TRASHFOLDERNAME", "Trash"),
        ("IMAP_UMASK", "022"),
        ("HEADERFROM", "X-IMAP-Sender"),
        ("MAILDIRPATH", "Maildir"),
        ("COURIERTLS", "/usr/bin/couriertls"),
        ("IMAPDSTARTTLS", "YES"),
        ("IMAP_TLS_REQUIRED", "0"),
        ("TLS_VERIFYPEER", "NONE"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec();
    all.push(("IMAP_CAPABILITY_TLS", format!("{CAPABILITY} AUTH=PLAIN")));
    all.push(("TLS_CERTFILE", folder.join("tls.pem").display().to_string()));
    all.push(("TLS_PORT", tls_port.to_string()));
    all.push(("PLAIN_PORT", plain_port.to_string()));
    all
}
