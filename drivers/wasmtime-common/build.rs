//! Sets `WASMTIME_VERSION` and `cfg(wasmtime = "MAJOR")` for a driver, from its lock file.

use std::path::Path;

fn main() {
    let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let path = Path::new(&folder).join("Cargo.lock");
    println!("cargo::rerun-if-changed={}", path.display());
    let lock = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let version = lock
        .split_once("\nname = \"wasmtime\"\nversion = \"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(version, _)| version)
        .unwrap_or_else(|| panic!("no package 'wasmtime' in {}", path.display()));
    println!("cargo::rustc-env=WASMTIME_VERSION={version}");
    let major = version.split('.').next().unwrap_or_default();
    println!("cargo::rustc-check-cfg=cfg(wasmtime, values(any()))");
    println!("cargo::rustc-cfg=wasmtime=\"{major}\"");
}
