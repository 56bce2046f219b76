//! The kernel, the confinement of this process, and the drivers.

use std::fs;
use std::path::Path;

use leakbench_scenarios::Offer;
use rustix::fs::{Access, access};

use super::check::{Check, State};
use crate::driver;
use leakbench_kernel::Machine;

/// Capabilities by their bits, from the kernel's `include/uapi/linux/capability.h`.
const CAP_SYS_PTRACE: u32 = 19;
/// Either lets the folder of another user's descriptors be listed, which has mode 0500.
const CAP_DAC_OVERRIDE: u32 = 1;
const CAP_DAC_READ_SEARCH: u32 = 2;

pub(super) fn checks(machine: &Machine) -> Vec<Check> {
    vec![kernel(machine), container(), other_processes()]
}

fn kernel(machine: &Machine) -> Check {
    let release = machine.kernel.as_deref().unwrap_or("of unknown release");
    Check::new(
        "kernel",
        State::Ok,
        format!("Linux {release} on {}", std::env::consts::ARCH),
        "its features are tried below",
    )
}

fn container() -> Check {
    let mut found = Vec::new();
    let uid_map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    if is_mapped(&uid_map) {
        found.push("a user namespace");
    }
    let marks = ["/.dockerenv", "/run/.containerenv"];
    if marks.iter().any(|mark| Path::new(mark).exists()) {
        found.push("a container");
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if status_line(&status, "Seccomp").is_some_and(|mode| mode != "0") {
        found.push("a seccomp filter");
    }
    let found = match found.as_slice() {
        [] => "nothing visible".to_owned(),
        found => found.join(", "),
    };
    let means = if access("/proc/sys/vm/max_map_count", Access::WRITE_OK).is_ok() {
        "sysctl can change settings here"
    } else {
        "sysctl cannot change settings here: run it as root, on the host of a container"
    };
    Check::new("confined by", State::Ok, found, means).extra()
}

/// Holds in a user namespace: without one, `0 0 4294967295` maps each user to itself.
fn is_mapped(uid_map: &str) -> bool {
    let mut lines = uid_map.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let itself = lines.next().is_none_or(|words| words == ["0", "0", "4294967295"]);
    !itself || lines.next().is_some()
}

fn other_processes() -> Check {
    const NAME: &str = "other processes";
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let caps = status_line(&status, "CapEff");
    let caps = caps.and_then(|caps| u64::from_str_radix(caps, 16).ok()).unwrap_or(0);
    let has = |cap: u32| caps & (1 << cap) != 0;
    let lists = has(CAP_DAC_READ_SEARCH) || has(CAP_DAC_OVERRIDE);
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let hidden = hidepid(&mounts).map_or(String::new(), |how| format!(", /proc has hidepid={how}"));
    // Yama restricts tracing, not reading /proc.
    let yama = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok();
    let yama = yama.map_or(String::new(), |scope| {
        format!(", kernel.yama.ptrace_scope is {} (of no influence)", scope.trim())
    });
    if has(CAP_SYS_PTRACE) && lists {
        let found = format!("this process has CAP_SYS_PTRACE{hidden}{yama}");
        Check::new(NAME, State::Ok, found, "processes of any user can be observed")
    } else {
        let lacks = match (has(CAP_SYS_PTRACE), lists) {
            (false, true) => "CAP_SYS_PTRACE",
            (true, false) => "CAP_DAC_READ_SEARCH",
            _ => "CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH",
        };
        let found = format!("this process lacks {lacks}{hidden}{yama}");
        let means = "only processes of this user can be observed; subjects of leakbench are such";
        Check::new(NAME, State::Limited, found, means)
            .change("setcap cap_sys_ptrace,cap_dac_read_search=ep \"$(command -v leakbench)\"")
    }
}

/// The value of `hidepid` if `/proc` hides processes of other users:
/// `22 27 0:21 / /proc rw,relatime - proc proc rw,hidepid=invisible`.
fn hidepid(mountinfo: &str) -> Option<&str> {
    let proc = mountinfo.lines().find(|line| line.split(' ').nth(4) == Some("/proc"))?;
    let options = proc.rsplit(' ').next()?;
    let how = options.split(',').find_map(|option| option.strip_prefix("hidepid="))?;
    (!matches!(how, "0" | "off")).then_some(how)
}

fn status_line<'a>(status: &'a str, key: &str) -> Option<&'a str> {
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    Some(line.trim())
}

/// A check for each driver.
pub(super) fn drivers(driver_dir: Option<&Path>) -> Vec<Check> {
    let drivers = driver::all(driver_dir);
    if drivers.is_empty() {
        let found = "none in leakbench's folder or on PATH";
        let means = "use --subject builtin, or a command that speaks the step protocol";
        return vec![
            Check::new("driver", State::Ok, found, means)
                .extra()
                .change("scripts/build-drivers wasmtime@48"),
        ];
    }
    let checks = drivers.into_iter().map(|(path, offer)| match offer {
        Ok(offer) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let name = name.strip_prefix("leakbench-").unwrap_or(&name);
            let found = format!("--subject {name} is {} in {}", offer.runtime, path.display());
            Check::new("driver", State::Ok, found, offered(&offer)).extra()
        }
        Err(error) => Check::new(
            "driver",
            State::Missing,
            error.to_string(),
            "runs with this driver are refused",
        )
        .extra(),
    });
    checks.collect()
}

/// `it takes --on-drop, --slots`: the fields of an offer are named as the flags.
fn offered(offer: &Offer) -> String {
    let fields = match serde_json::to_value(offer) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let is_there = |value: &serde_json::Value| {
        !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty())
    };
    let flags = fields
        .iter()
        .filter(|(name, value)| {
            !matches!(name.as_str(), "runtime" | "threads-max" | "wasi") && is_there(value)
        })
        .map(|(name, _)| format!("--{name}"));
    let of_wasi = ["--dir", "--env", "--arg"].map(str::to_owned).into_iter();
    let flags = flags.chain(of_wasi.filter(|_| offer.wasi));
    match flags.collect::<Vec<_>>() {
        flags if flags.is_empty() => "it has no options".to_owned(),
        flags => format!("it takes {}", flags.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_namespace_is_recognized_by_its_map() {
        assert!(!is_mapped("         0          0 4294967295\n"));
        assert!(!is_mapped(""), "a kernel without namespaces");
        assert!(is_mapped("         0       1000          1\n"));
        assert!(is_mapped("0 0 1000\n1000 1001 1\n"));
    }

    #[test]
    fn hidepid_is_read_from_the_mount_options() {
        let with =
            |options: &str| format!("22 27 0:21 / /proc rw,relatime - proc proc rw{options}\n");
        assert_eq!(hidepid(&with("")), None);
        assert_eq!(hidepid(&with(",hidepid=off")), None);
        assert_eq!(hidepid(&with(",gid=5,hidepid=invisible")), Some("invisible"));
        assert_eq!(hidepid(&with(",hidepid=2")), Some("2"));
        assert_eq!(hidepid("1 2 0:3 / /elsewhere rw - proc proc rw,hidepid=2\n"), None);
    }

    #[test]
    fn an_offer_is_shown_by_its_flags() {
        assert_eq!(offered(&Offer::none("x 1")), "it has no options");
        let text = offered(&Offer::builtin());
        for flag in ["--on-drop", "--warm-slots", "--dir, --env, --arg"] {
            assert!(text.contains(flag), "{flag} is not in {text}");
        }
        assert!(!text.contains("keep-resident") && !text.contains("runtime"), "{text}");
        assert!(!text.contains("wasi"), "{text}");
    }
}
