//! The database in memory behaves as a server does.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use bson::oid::ObjectId;
use bson::{Bson, Document, doc};
use futures::FutureExt;
use mongo::{Collection, Database, Find, MongoConfig, StoreError, in_transaction};
use secrecy::SecretString;
use simulation::{Memory, World};
use telemetry::metrics::Metrics;
use testkit::Servers;
use tokio::sync::Barrier;

/// The number of operations that are compared.
const OPERATIONS: usize = 1_500;

async fn on_server() -> Database {
    let name = format!("memory-{:016x}", rand::random::<u64>());
    let uri = Servers::shared().await.mongo_uri(&name);
    let uri = SecretString::from(uri);
    Database::open(&MongoConfig { uri }, "simulation", &Metrics::none())
        .await
        .unwrap()
}

fn in_memory() -> Database {
    Memory::new(World::new(0, 0).outsider()).database()
}

/// The result of an operation, without error messages.
#[derive(Debug, PartialEq)]
enum Outcome {
    Found(Vec<BTreeMap<String, Bson>>),
    Matched(bool),
    Done,
    Duplicate,
}

impl Outcome {
    fn found(found: Result<impl IntoIterator<Item = Document>, StoreError>) -> Self {
        match found {
            Ok(found) => Self::Found(
                found
                    .into_iter()
                    .map(|one| one.into_iter().collect())
                    .collect(),
            ),
            Err(error) => Self::failed(&error),
        }
    }

    fn matched(matched: Result<bool, StoreError>) -> Self {
        match matched {
            Ok(matched) => Self::Matched(matched),
            Err(error) => Self::failed(&error),
        }
    }

    fn done(done: Result<(), StoreError>) -> Self {
        match done {
            Ok(()) => Self::Done,
            Err(error) => Self::failed(&error),
        }
    }

    fn failed(error: &StoreError) -> Self {
        assert!(error.is_duplicate_key(), "{error}");
        Self::Duplicate
    }
}

/// An operation as stores use it.
#[derive(Debug, Clone)]
enum Operation {
    Insert(Document),
    Update(Document, Document, bool),
    FindAndUpdate(Document, Document),
    FindAndDelete(Document),
    Find(Document, i32, i64),
    Transaction(Vec<Write>),
}

#[derive(Debug, Clone)]
enum Write {
    Insert(Document),
    Update(Vec<(Document, Document)>),
    UpdateAll(Document, Document),
    Delete(Document),
}

impl Operation {
    async fn run(self, database: &Database) -> Outcome {
        let things: Collection<Document> = database.collection("things");
        match self {
            Self::Insert(document) => Outcome::done(things.insert_one(&document).await),
            Self::Update(filter, update, upsert) => {
                Outcome::matched(things.update_one(filter, update, upsert).await)
            }
            Self::FindAndUpdate(filter, update) => {
                Outcome::found(things.find_one_and_update(filter, update).await)
            }
            Self::FindAndDelete(filter) => Outcome::found(things.find_one_and_delete(filter).await),
            Self::Find(filter, direction, limit) => {
                let find = Find::matching(filter).sort(doc! { "_id": direction });
                Outcome::found(things.find(find.limit(limit)).await)
            }
            Self::Transaction(writes) => {
                let context = (things, writes);
                let written = in_transaction(database, context, |session, (things, writes)| {
                    async move {
                        for write in writes.clone() {
                            match write {
                                Write::Insert(document) => {
                                    things.insert_many_in(session, &[document]).await?;
                                }
                                Write::Update(changes) => {
                                    if !things.update_many_in(session, changes).await? {
                                        return Ok(Err(()));
                                    }
                                }
                                Write::UpdateAll(filter, update) => {
                                    things.update_all_in(session, filter, update).await?;
                                }
                                Write::Delete(filter) => {
                                    things.delete_many_in(session, filter).await?;
                                }
                            }
                        }
                        Ok(Ok(()))
                    }
                    .boxed()
                });
                Outcome::done(written.await.map(|_| ()))
            }
        }
    }
}

/// Draws operations that often concern the same few documents.
struct Draw(World);

impl Draw {
    fn below(&self, end: u32) -> i64 {
        i64::try_from(self.0.below(end.into())).unwrap()
    }

    fn id(&self) -> i64 {
        self.below(6)
    }

    fn document(&self) -> Document {
        let mut document = doc! { "_id": self.id(), "version": self.below(4), "list": [] };
        let holder = match self.below(4) {
            0 | 1 => Some(Bson::Int64(self.below(3))),
            2 => Some(Bson::Null),
            _ => None,
        };
        document.extend(holder.map(|holder| ("holder".to_owned(), holder)));
        document
    }

    fn filter(&self) -> Document {
        match self.below(10) {
            0 => doc! { "_id": self.id(), "version": { "$lt": self.below(5) } },
            1 => doc! { "_id": self.id(), "version": self.below(4) },
            2 => doc! { "_id": self.id(), "holder": { "$ne": self.below(3) } },
            3 => doc! { "_id": self.id(), "holder": Bson::Null },
            4 => doc! { "_id": self.id(), "list": { "$ne": self.below(3) } },
            5 => doc! { "_id": self.id(), "outbox.time": { "$lte": self.below(9) } },
            6 => doc! { "_id": self.id(), "due": { "$exists": self.0.percent(50) } },
            7 => {
                // As the sweep finds entries that can be published.
                let entry = doc! {
                    "time": { "$lte": self.below(9) },
                    "id": { "$in": [self.below(4), self.below(4)] },
                    "note": { "$type": "string" },
                };
                doc! { "_id": self.id(), "outbox": { "$elemMatch": entry } }
            }
            8 => doc! { "_id": self.id(), "version": { "$nin": [self.below(4), self.below(4)] } },
            _ => doc! { "_id": self.id() },
        }
    }

    fn update(&self) -> Document {
        match self.below(6) {
            0 => doc! { "$set": { "version": self.below(5), "holder": Bson::Null } },
            1 => doc! { "$set": { "due": self.below(9) }, "$inc": { "tries": 1_i64 } },
            2 => doc! { "$unset": { "due": "" }, "$set": { "holder": self.below(3) } },
            3 => doc! { "$push": { "list": { "$each": [self.below(3)], "$slice": -2 } } },
            4 => {
                let note = if self.0.percent(50) {
                    Bson::from("a")
                } else {
                    Bson::Null
                };
                let entry = doc! { "id": self.below(4), "time": self.below(9), "note": note };
                doc! { "$push": { "outbox": { "$each": [entry], "$slice": -3 } } }
            }
            _ => {
                doc! { "$pull": { "outbox": { "id": { "$in": [self.below(4), self.below(4)] } } } }
            }
        }
    }

    fn operation(&self) -> Operation {
        match self.below(13) {
            0 | 1 => Operation::Insert(self.document()),
            2..=4 => {
                // As replicas apply events.
                let version = self.below(5);
                let older = doc! { "_id": self.id(), "version": { "$lt": version } };
                let state = doc! { "$set": { "version": version, "holder": self.below(3) } };
                Operation::Update(older, state, true)
            }
            5 => Operation::Update(self.filter(), self.update(), false),
            6 | 7 => Operation::FindAndUpdate(self.filter(), self.update()),
            8 => Operation::FindAndDelete(self.filter()),
            9 => {
                let ids = doc! { "_id": { "$in": [self.id(), self.id(), self.id()] } };
                Operation::Transaction(vec![Write::UpdateAll(ids, self.update())])
            }
            10 => {
                let direction = if self.0.percent(50) { 1 } else { -1 };
                Operation::Find(Document::new(), direction, self.below(6) + 1)
            }
            _ => Operation::Transaction(vec![
                Write::Delete(doc! {
                    "_id": { "$in": [self.id(), self.id()] },
                    "version": self.below(4),
                }),
                Write::Update(
                    (0..=self.below(2))
                        .map(|_| (self.filter(), self.update()))
                        .collect(),
                ),
                Write::Insert(self.document()),
            ]),
        }
    }
}

#[tokio::test]
async fn it_gives_the_same_results_as_a_server() {
    let (server, memory) = (on_server().await, in_memory());
    let seed = rand::random();
    let draw = Draw(World::new(seed, 0));
    for number in 0..OPERATIONS {
        let operation = draw.operation();
        let expected = operation.clone().run(&server).await;
        let found = operation.clone().run(&memory).await;
        assert_eq!(
            found, expected,
            "seed {seed}, number {number}: {operation:?}"
        );
        let all = Operation::Find(Document::new(), 1, 100);
        let documents = all.clone().run(&memory).await;
        assert_eq!(
            documents,
            all.run(&server).await,
            "seed {seed}, after number {number}: {operation:?}"
        );
    }
    server.close().await;
}

/// How often each of two transactions that write the same document at the same time was started.
async fn tries_of_rivals(database: &Database) -> [usize; 2] {
    let things: Collection<Document> = database.collection("rivals");
    things
        .insert_one(&doc! { "_id": 1, "count": 0_i64 })
        .await
        .unwrap();
    let (tries, both) = ([AtomicUsize::new(0), AtomicUsize::new(0)], Barrier::new(2));
    let rival = async |number: usize| {
        let context = (&things, &tries[number], &both);
        let counted = in_transaction(database, context, |session, (things, tries, both)| {
            async move {
                let one = doc! { "_id": 1 };
                let count = doc! { "$inc": { "count": 1_i64 } };
                let first = tries.fetch_add(1, Ordering::SeqCst) == 0;
                let own = [doc! { "_id": ObjectId::new() }];
                things.insert_many_in(session, &own).await?;
                let counted = things.update_many_in(session, vec![(one, count)]).await;
                if first {
                    // Neither commits before both tried to write.
                    both.wait().await;
                }
                counted?;
                Ok(Ok::<_, ()>(()))
            }
            .boxed()
        });
        counted.await.unwrap().unwrap();
    };
    tokio::join!(rival(0), rival(1));
    let counted = things.find_one(doc! { "_id": 1 }).await.unwrap().unwrap();
    assert_eq!(counted.get_i64("count").unwrap(), 2);
    tries.map(AtomicUsize::into_inner)
}

#[tokio::test]
async fn of_two_transactions_the_first_to_write_wins_and_the_other_is_retried() {
    let server = on_server().await;
    for database in [&server, &in_memory()] {
        let mut tries = tries_of_rivals(database).await;
        tries.sort_unstable();
        assert_eq!(tries[0], 1);
        assert!(tries[1] > 1, "{tries:?}");
    }
    server.close().await;
}
