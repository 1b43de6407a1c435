//! Up to where the event stream is reflected in the queue.
//!
//! The checkpoint is stored beside the jobs, so it is lost whenever they are, and then the whole stream is read again.
//! Redis loses the end of what was written, never something in between, so a checkpoint that is still there vouches for
//! the jobs that were stored before it.

use std::sync::LazyLock;

use redis::Script;

use super::{JobQueue, QueueError};

static REPLACE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("lua/replace_checkpoint.lua")));

/// A claim: every order that was open at this place of the stream had a job at that time. No two checkpoints are equal,
/// so one that was replaced, or lost, in the meantime is noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint(String);

impl Checkpoint {
    /// The claim for the stream that was created at `stream` (nanoseconds since 1970) up to the event of this number.
    #[must_use]
    pub fn new(stream: i128, sequence: u64) -> Self {
        Self(format!(
            "{stream}:{sequence}:{:016x}",
            rand::random::<u64>()
        ))
    }

    /// The number of the last event of this stream that the claim is about; 0 if it is about another stream.
    #[must_use]
    pub fn sequence(&self, stream: i128) -> u64 {
        let mut parts = self.0.split(':');
        let is_of_stream = parts.next() == Some(stream.to_string().as_str());
        let sequence = parts.next().filter(|_| is_of_stream);
        sequence.and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

impl JobQueue {
    /// The checkpoint. If there is none, one that claims nothing is stored.
    pub async fn checkpoint(&self) -> Result<Checkpoint, QueueError> {
        let none = Checkpoint(String::new());
        self.replace_checkpoint(&none, &Checkpoint::new(0, 0)).await
    }

    /// Stores `new` unless the checkpoint is not `old` any more. Returns the one that is stored then.
    pub async fn replace_checkpoint(
        &self,
        old: &Checkpoint,
        new: &Checkpoint,
    ) -> Result<Checkpoint, QueueError> {
        let mut connection = self.connection.clone();
        let stored = REPLACE
            .key(&self.checkpoint)
            .arg(&old.0)
            .arg(&new.0)
            .invoke_async(&mut connection)
            .await?;
        Ok(Checkpoint(stored))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_claims_nothing_about_another_stream() {
        let checkpoint = Checkpoint::new(7, 100);
        assert_eq!(checkpoint.sequence(7), 100);
        assert_eq!(checkpoint.sequence(8), 0);
        assert_eq!(Checkpoint("of another release".to_owned()).sequence(7), 0);
        assert_ne!(checkpoint, Checkpoint::new(7, 100));
    }
}
