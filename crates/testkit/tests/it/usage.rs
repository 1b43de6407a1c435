//! What the operating system says of a process.

use testkit::usage;

const HELD: usize = 32 << 20;

#[test]
fn memory_is_used_once_it_is_touched_again() {
    let process = std::process::id();
    let held = vec![1_u8; HELD];
    usage::begin_use(process);
    let before = usage::used(process).unwrap();
    assert!(usage::resident(process).unwrap() >= before + kibibytes(HELD));
    let touched: u64 = held.iter().copied().map(u64::from).sum();
    assert_eq!(usize::try_from(touched).unwrap(), HELD);
    // Pages at its ends may be shared with others.
    let used = usage::used(process).unwrap() - before;
    assert!(used >= kibibytes(HELD) - 8, "{used} KiB");
}

fn kibibytes(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap() / 1_024
}
