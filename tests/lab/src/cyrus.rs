//! Cyrus as a child process: other rules than Dovecot's about what a message and a folder name may be.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::certs::Certs;
use crate::dovecot::User;
use crate::imap::Client;
use crate::process::{Service, output, until};
use crate::{install, ports, workdir};

/// How a Cyrus is to be set up before it starts.
#[derive(Debug, Clone, Default)]
pub struct CyrusOptions {
    /// All its accounts: none can be added later.
    pub users: Vec<User>,
    /// Lines put at the end of `imapd.conf`, each with its line end.
    pub extra: String,
}

/// A running Cyrus, which ends when this handle is dropped.
#[derive(Debug)]
pub struct Cyrus {
    /// The port of 127.0.0.1 that speaks TLS from the first byte.
    pub tls_port: u16,
    /// Clear text, with STARTTLS offered and log-in in the clear allowed.
    pub plain_port: u16,
    users: Vec<User>,
    folder: PathBuf,
    _service: Service,
}

impl Cyrus {
    /// Starts a server and waits until it greets.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(options: &CyrusOptions, certs: &Certs) -> Self {
        let imapd = install::cyrus().unwrap_or_else(|error| panic!("Cyrus cannot be had: {error}"));
        let mut last = String::new();
        // A port may be taken between being chosen and being bound.
        for _ in 0..3 {
            match Self::try_start(options, certs, &imapd) {
                Ok(server) => return server,
                Err(error) => last = error,
            }
        }
        panic!("Cyrus does not start: {last}");
    }

    fn try_start(options: &CyrusOptions, certs: &Certs, imapd: &Path) -> Result<Self, String> {
        let folder = workdir::folder("cy");
        let [tls_port, plain_port] = ports::free();
        let say = |error: std::io::Error| error.to_string();
        // A copy: the checkout may be closed to the user that Cyrus runs as.
        fs::copy(imapd, folder.join("imapd")).map_err(say)?;
        fs::set_permissions(folder.join("imapd"), fs::Permissions::from_mode(0o755)).map_err(say)?;
        for name in ["conf", "conf/socket", "conf/proc", "conf/lock", "spool", "run"] {
            fs::create_dir(folder.join(name)).map_err(say)?;
        }
        fs::copy(&certs.good.cert, folder.join("cert.pem")).map_err(say)?;
        fs::copy(&certs.good.key, folder.join("key.pem")).map_err(say)?;
        let owner = Owner::current()?;
        fs::write(folder.join("imapd.conf"), imapd_conf(&folder, options, &owner)).map_err(say)?;
        fs::write(folder.join("cyrus.conf"), cyrus_conf(&folder, tls_port, plain_port)).map_err(say)?;
        for user in &options.users {
            add_user(&folder.join("sasldb2"), user)?;
        }
        owner.own(&folder)?;
        let mut command = Command::new("/usr/lib/cyrus/bin/master");
        command.arg("-C").arg(folder.join("imapd.conf")).arg("-M").arg(folder.join("cyrus.conf"));
        command.arg("-p").arg(folder.join("run/master.pid"));
        // Cyrus logs to syslog, which may not be there; with this it also speaks to stderr.
        command.env("CYRUS_VERBOSE", "1").env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin");
        let mut service = Service::spawn("cyrus", command, &folder.join("master.log"));
        let greeted = until("Cyrus's greeting", Duration::from_secs(30), || match service.ended() {
            Some(why) => Some(Err(why)),
            None => Client::connect(plain_port).ok().map(|_| Ok(())),
        });
        match greeted {
            Ok(Ok(())) => {
                Ok(Self { tls_port, plain_port, users: options.users.clone(), folder, _service: service })
            }
            Ok(Err(error)) | Err(error) => Err(error),
        }
    }

    /// A client of the laboratory, logged in.
    ///
    /// # Panics
    /// When the log-in is refused.
    #[must_use]
    pub fn client(&self, user: &str) -> Client {
        let known = self.users.iter().find(|u| u.name == user);
        let known = known.unwrap_or_else(|| panic!("the laboratory's Cyrus has no account {user}"));
        let mut client = Client::connect(self.plain_port).expect("connect to Cyrus");
        client.login(user, &known.password).expect("log in to Cyrus");
        client
    }

    /// Returns the folder with this server's configuration, logs and mail.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Whom the server's files belong to: the package's own user when root starts it, else who we are.
struct Owner {
    root: bool,
    user: String,
    group: String,
    ids: (u32, u32),
}

impl Owner {
    fn current() -> Result<Self, String> {
        let own = fs::metadata("/proc/self").map_err(|e| e.to_string())?;
        let id = |arguments: &[&str]| {
            Ok::<_, String>(output(Command::new("id").args(arguments))?.trim().to_owned())
        };
        let number = |text: String| text.parse().map_err(|e| format!("unreadable id {text}: {e}"));
        if own.uid() == 0 {
            let ids = (number(id(&["-u", "cyrus"])?)?, number(id(&["-g", "cyrus"])?)?);
            return Ok(Self { root: true, user: "cyrus".to_owned(), group: "mail".to_owned(), ids });
        }
        Ok(Self { root: false, user: id(&["-un"])?, group: id(&["-gn"])?, ids: (own.uid(), own.gid()) })
    }

    /// Gives a folder and everything in it to the server's user.
    fn own(&self, path: &Path) -> Result<(), String> {
        if !self.root {
            return Ok(());
        }
        chown(path, Some(self.ids.0), Some(self.ids.1))
            .map_err(|e| format!("chown {}: {e}", path.display()))?;
        if path.is_dir() {
            for entry in fs::read_dir(path).map_err(|e| e.to_string())?.flatten() {
                self.own(&entry.path())?;
            }
        }
        Ok(())
    }
}

fn add_user(database: &Path, user: &User) -> Result<(), String> {
    use std::io::Write as _;
    let program = install::program("saslpasswd2").ok_or("saslpasswd2 is missing")?;
    let mut child = Command::new(program)
        .args(["-p", "-c", "-u", "lab", "-f"])
        .arg(database)
        .arg(&user.name)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("saslpasswd2: {e}"))?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(user.password.as_bytes()).map_err(|e| format!("saslpasswd2: {e}"))?;
    }
    let status = child.wait().map_err(|e| format!("saslpasswd2: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("saslpasswd2 ended with {status}")) }
}

fn imapd_conf(folder: &Path, options: &CyrusOptions, owner: &Owner) -> String {
    let dir = folder.display();
    let (user, group) = (&owner.user, &owner.group);
    let extra = &options.extra;
    format!(
        "configdirectory: {dir}/conf
partition-default: {dir}/spool
defaultpartition: default
proc_path: {dir}/conf/proc
mboxname_lockpath: {dir}/conf/lock
lmtpsocket: {dir}/conf/socket/lmtp
idlesocket: {dir}/conf/socket/idle
notifysocket: {dir}/conf/socket/notify
cyrus_user: {user}
cyrus_group: {group}
servername: lab
admins: cyrus
altnamespace: yes
unixhierarchysep: yes
virtdomains: off
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {dir}/sasldb2
sasl_mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256
autocreate_quota: 0
autocreate_inbox_folders: Sent | Drafts | Trash | Junk
autocreate_subscribe_folders: Sent | Drafts | Trash | Junk
xlist-sent: Sent
xlist-drafts: Drafts
xlist-trash: Trash
xlist-junk: Junk
specialusealways: yes
duplicatesuppression: no
maxlogins_per_user: 0
maxlogins_per_host: 0
tls_server_cert: {dir}/cert.pem
tls_server_key: {dir}/key.pem
tls_sessions_db_path: {dir}/conf/tls_sessions.db
{extra}
"
    )
}

fn cyrus_conf(folder: &Path, tls_port: u16, plain_port: u16) -> String {
    let dir = folder.display();
    format!(
        "START {{
  recover cmd=\"/usr/lib/cyrus/bin/ctl_cyrusdb -C {dir}/imapd.conf -r\"
}}
SERVICES {{
  imap cmd=\"{dir}/imapd -C {dir}/imapd.conf -U 100\" listen=\"127.0.0.1:{plain_port}\" prefork=1 maxchild=100
  imaps cmd=\"{dir}/imapd -C {dir}/imapd.conf -s -U 100\" listen=\"127.0.0.1:{tls_port}\" prefork=1 maxchild=100
}}
EVENTS {{
}}
"
    )
}
