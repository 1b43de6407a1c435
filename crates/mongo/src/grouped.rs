//! Reads that are grouped: who asks the same while it is being asked is answered together with others, by the next query.
//!
//! It is no cache. Each answer comes from a query that began after its request had come, so it is never staler than an
//! answer of one's own would be, whoever wrote and by whichever replica. When few ask, each has a query of its own; when
//! thousands want the same page, two queries are on their way, however many wait.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::StoreError;
use crate::joint::Joint;

/// How many different questions are grouped at once; what is asked beyond is asked for itself.
const QUESTIONS: usize = 1_024;

/// What a group is answered.
type Answer<T> = Result<T, StoreError>;

/// Groups the reads of answers `T` to questions `Q`. Clones share the groups.
pub struct Grouped<Q, T>(Arc<Mutex<HashMap<Q, Line<T>>>>);

/// Those who ask one question: some are being answered, the others gather for the next query.
struct Line<T> {
    /// Had by the query that runs.
    turn: Arc<tokio::sync::Mutex<()>>,
    gathering: Option<Joint<Answer<T>>>,
}

// Written out because derives would ask the same of what is grouped.
impl<Q, T> Clone for Grouped<Q, T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<Q, T> fmt::Debug for Grouped<Q, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grouped").finish_non_exhaustive()
    }
}

impl<Q, T> Default for Grouped<Q, T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self {
            turn: Arc::default(),
            gathering: None,
        }
    }
}

impl<Q, T> Grouped<Q, T>
where
    Q: Hash + Eq + Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// What `query` gives, or another query for the same question that began after this one was asked for.
    pub async fn read(
        &self,
        question: Q,
        query: impl Future<Output = Answer<T>> + Send + 'static,
    ) -> Answer<T> {
        let answer = self.next(&question, query).outcome().await.clone();
        self.tidy(&question);
        answer
    }

    /// The query that whoever asks now is answered by.
    fn next(
        &self,
        question: &Q,
        query: impl Future<Output = Answer<T>> + Send + 'static,
    ) -> Joint<Answer<T>> {
        let mut lines = self.lines();
        if lines.len() >= QUESTIONS && !lines.contains_key(question) {
            return Joint::new(query);
        }
        let Line { turn, gathering } = lines.entry(question.clone()).or_default();
        gathering
            .get_or_insert_with(|| self.in_turn(question.clone(), Arc::clone(turn), query))
            .clone()
    }

    fn in_turn(
        &self,
        question: Q,
        turn: Arc<tokio::sync::Mutex<()>>,
        query: impl Future<Output = Answer<T>> + Send + 'static,
    ) -> Joint<Answer<T>> {
        let this = self.clone();
        Joint::new(async move {
            let _turn = turn.lock_owned().await;
            // Whoever comes from now on gathers for the query after this one.
            if let Some(line) = this.lines().get_mut(&question) {
                line.gathering = None;
            }
            query.await
        })
    }

    /// Forgets a question that nobody asks any more.
    fn tidy(&self, question: &Q) {
        let mut lines = self.lines();
        let asked = lines
            .get(question)
            .is_some_and(|line| line.gathering.is_some() || Arc::strong_count(&line.turn) > 1);
        if !asked {
            lines.remove(question);
        }
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Q, Line<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    /// A database that answers with the number of the query, once it may.
    #[derive(Clone)]
    struct Slow {
        begun: Arc<AtomicUsize>,
        may: Arc<Semaphore>,
    }

    impl Slow {
        fn new() -> Self {
            Self {
                begun: Arc::default(),
                may: Arc::new(Semaphore::new(0)),
            }
        }

        async fn query(self) -> Result<usize, StoreError> {
            let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            self.may.acquire().await.unwrap().forget();
            Ok(number)
        }

        /// Asks, and is in line when this returns.
        async fn ask(
            &self,
            grouped: &Grouped<&'static str, usize>,
            question: &'static str,
        ) -> tokio::task::JoinHandle<usize> {
            let (grouped, slow) = (grouped.clone(), self.clone());
            let asking =
                tokio::spawn(async move { grouped.read(question, slow.query()).await.unwrap() });
            tokio::task::yield_now().await;
            asking
        }
    }

    #[tokio::test]
    async fn whoever_asks_while_a_query_runs_is_answered_by_the_next_one() {
        let (grouped, slow) = (Grouped::default(), Slow::new());
        let first = slow.ask(&grouped, "list").await;
        let mut others = Vec::new();
        for _ in 0..20 {
            others.push(slow.ask(&grouped, "list").await);
        }
        assert_eq!(slow.begun.load(Ordering::SeqCst), 1);
        slow.may.add_permits(2);
        assert_eq!(first.await.unwrap(), 1);
        for answer in join_all(others).await {
            assert_eq!(answer.unwrap(), 2);
        }
        assert!(grouped.lines().is_empty());
    }

    #[tokio::test]
    async fn other_questions_do_not_wait() {
        let (grouped, slow) = (Grouped::default(), Slow::new());
        let asked = [
            slow.ask(&grouped, "list").await,
            slow.ask(&grouped, "other").await,
        ];
        assert_eq!(slow.begun.load(Ordering::SeqCst), 2);
        slow.may.add_permits(2);
        for answer in join_all(asked).await {
            answer.unwrap();
        }
    }

    #[tokio::test]
    async fn a_query_that_is_given_up_holds_nobody_up() {
        let (grouped, slow) = (Grouped::default(), Slow::new());
        let given_up = slow.ask(&grouped, "list").await;
        let waiting = slow.ask(&grouped, "list").await;
        given_up.abort();
        assert!(given_up.await.unwrap_err().is_cancelled());
        slow.may.add_permits(1);
        assert_eq!(waiting.await.unwrap(), 2);
    }

    #[tokio::test]
    async fn beyond_the_most_questions_each_is_asked_by_itself() {
        let grouped = Grouped::<usize, usize>::default();
        for question in 0..QUESTIONS {
            grouped.lines().insert(question, Line::default());
        }
        let answer = grouped.read(QUESTIONS, async { Ok(7) }).await;
        assert_eq!(answer.unwrap(), 7);
        assert_eq!(grouped.lines().len(), QUESTIONS);
    }
}
