//! Tells the crate for which platform it is compiled: cargo calls a folder of release programs so.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = std::env::var("TARGET").expect("cargo says what it compiles for");
    println!("cargo::rustc-env=TARGET={target}");
}
