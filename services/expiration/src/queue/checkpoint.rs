//! The checkpoint: up to which event the queue reflects the stream.
//!
//! It is stored in Redis with the jobs, so it is lost whenever they are, and then the whole stream is read again. Redis
//! only ever loses its latest writes, so an existing checkpoint proves that the jobs stored before it exist.

use std::sync::LazyLock;

use redis::Script;

use super::{JobQueue, QueueError};

static REPLACE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("lua/replace_checkpoint.lua")));

/// The claim that every order that was open at this position of the stream had a job. Each checkpoint is unique, so
/// compare-and-set notices one that was replaced or lost in the meantime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint(String);

impl Checkpoint {
    /// The claim for the stream that was created at `stream` (nanoseconds since 1970), up to this sequence number.
    #[must_use]
    pub fn new(stream: i128, sequence: u64) -> Self {
        Self(format!(
            "{stream}:{sequence}:{:016x}",
            rand::random::<u64>()
        ))
    }

    /// The last sequence number of this stream that the claim covers; 0 if it is about another stream.
    #[must_use]
    pub fn sequence(&self, stream: i128) -> u64 {
        let mut parts = self.0.split(':');
        let is_of_stream = parts.next() == Some(stream.to_string().as_str());
        let sequence = parts.next().filter(|_| is_of_stream);
        sequence.and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

impl JobQueue {
    /// The stored checkpoint. If there is none, it stores one that claims nothing.
    pub async fn checkpoint(&self) -> Result<Checkpoint, QueueError> {
        let none = Checkpoint(String::new());
        self.replace_checkpoint(&none, &Checkpoint::new(0, 0)).await
    }

    /// Stores `new` if the checkpoint is still `old`. Returns the stored one.
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
