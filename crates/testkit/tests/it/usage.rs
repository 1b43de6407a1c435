//! What the operating system says of a process.

use testkit::usage;

const SIZE: usize = 32 << 20;

#[test]
fn memory_belongs_to_the_working_set_once_it_is_written() {
    let process = std::process::id();
    let before = usage::working_set(process).unwrap();
    let held = vec![1_u8; SIZE];
    let grown = usage::working_set(process).unwrap() - before;
    // Tests that run at the same time may free memory.
    let expected = u64::try_from(held.len()).unwrap() / 1_024 / 2;
    assert!(grown >= expected, "{grown} KiB");
    assert!(usage::mapped_files(process).unwrap() > 0);
}
