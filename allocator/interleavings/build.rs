//! Makes the checker that a feature names a condition of the allocator's sources, in this package only.

fn main() {
    for checker in ["loom", "shuttle"] {
        println!("cargo::rustc-check-cfg=cfg({checker})");
        if std::env::var_os(format!("CARGO_FEATURE_{}", checker.to_uppercase())).is_some() {
            println!("cargo::rustc-cfg={checker}");
        }
    }
}
