//! The operating system's counters of a process.

use testkit::usage;

const HELD: usize = 32 << 20;

#[test]
fn memory_counts_as_used_once_it_is_read_again() {
    let process = std::process::id();
    let held = vec![1_u8; HELD];
    usage::begin_use(process);
    let before = usage::used(process).unwrap();
    assert!(usage::resident(process).unwrap() >= before + kibibytes(HELD));
    let sum: u64 = held.iter().copied().map(u64::from).sum();
    assert_eq!(usize::try_from(sum).unwrap(), HELD);
    // Other allocations may share the first and the last page.
    let used = usage::used(process).unwrap() - before;
    assert!(used >= kibibytes(HELD) - 8, "{used} KiB");
}

fn kibibytes(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap() / 1_024
}
