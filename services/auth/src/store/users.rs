//! Accounts as they are stored.

use std::fmt;

use bson::oid::ObjectId;
use bson::{DateTime, doc};
use common::Email;
use mongo::{
    Collection, Database, Find, StoreError, from_date_time, object_id, to_date_time, typed_id,
};
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use serde::{Deserialize, Serialize};

use crate::domain::{EmailInUse, PasswordHash, User};

/// The users collection. Addresses are unique by an index; they are inserted and never updated.
///
/// Earlier releases stored the domain as it was typed (`u@bücher.example`). Such an account keeps its spelling, so that
/// those releases still find it after a rollback; it is found by today's spelling and by its own.
#[derive(Debug, Clone)]
pub(crate) struct UserStore {
    users: Collection<UserDocument>,
}

/// Why an account could not be added.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InsertError {
    /// Its address is taken.
    #[error(transparent)]
    EmailInUse(#[from] EmailInUse),
    /// The database said something else.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, Serialize, Deserialize)]
struct UserDocument {
    #[serde(rename = "_id")]
    id: ObjectId,
    email: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    password_hash: Option<PhcString>,
    created_at: DateTime,
}

/// A password's hash as it is stored. It does not print.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct PhcString(String);

impl fmt::Debug for PhcString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhcString(…)")
    }
}

impl UserStore {
    /// Opens the collection and makes sure of its index.
    pub(crate) async fn open(database: &Database) -> Result<Self, StoreError> {
        let users = database.collection("users");
        let unique = IndexOptions::builder().unique(true).build();
        let by_email = IndexModel::builder()
            .keys(doc! { "email": 1 })
            .options(unique)
            .build();
        users.create_indexes([by_email]).await?;
        Ok(Self { users })
    }

    /// Adds the account, unless its address is taken.
    pub(crate) async fn insert(&self, user: &User) -> Result<(), InsertError> {
        // The index knows nothing of the other spelling. No release that runs now adds an account under it.
        if let Some(unicode) = user.email.in_unicode()
            && self.find_spelled(&[unicode]).await?.is_some()
        {
            return Err(EmailInUse.into());
        }
        match self.users.insert_one(&UserDocument::from(user)).await {
            Err(error) if error.is_duplicate_key() => self.is_there(user).await,
            inserted => Ok(inserted?),
        }
    }

    /// Whether the address is this very account's: the driver repeats a write whose answer got lost, and a server that
    /// was killed meanwhile may not remember that it did it.
    async fn is_there(&self, user: &User) -> Result<(), InsertError> {
        match self.find_by_email(&user.email).await? {
            Some(stored) if stored.id == user.id => Ok(()),
            _ => Err(EmailInUse.into()),
        }
    }

    /// The account with this address, if there is one.
    pub(crate) async fn find_by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        self.find_typed(email, None).await
    }

    /// As [`UserStore::find_by_email`]. If two accounts of earlier releases differ only in how the domain is written, the
    /// one that is spelled as it was typed is meant.
    pub(crate) async fn find_typed(
        &self,
        email: &Email,
        earlier_spelling: Option<String>,
    ) -> Result<Option<User>, StoreError> {
        let spellings: Vec<_> = earlier_spelling
            .into_iter()
            .chain([email.to_string()])
            .chain(email.in_unicode())
            .collect();
        self.find_spelled(&spellings).await
    }

    /// The account under the first of these spellings that there is one under.
    async fn find_spelled(&self, spellings: &[String]) -> Result<Option<User>, StoreError> {
        let found = match spellings {
            [only] => self.users.find_one(doc! { "email": only }).await?,
            several => {
                let any = doc! { "email": { "$in": several } };
                let found = self.users.find(Find::matching(any)).await?;
                let place = |user: &UserDocument| several.iter().position(|one| *one == user.email);
                found.into_iter().min_by_key(place)
            }
        };
        Ok(found.map(User::from))
    }
}

impl From<&PasswordHash> for PhcString {
    fn from(hash: &PasswordHash) -> Self {
        Self(hash.expose().to_owned())
    }
}

impl From<PhcString> for PasswordHash {
    fn from(stored: PhcString) -> Self {
        Self::from_phc(stored.0)
    }
}

impl From<&User> for UserDocument {
    fn from(user: &User) -> Self {
        Self {
            id: object_id(user.id),
            email: user.email.to_string(),
            password_hash: user.password.as_ref().map(PhcString::from),
            created_at: to_date_time(user.created_at),
        }
    }
}

impl From<UserDocument> for User {
    fn from(stored: UserDocument) -> Self {
        Self {
            id: typed_id(stored.id),
            email: stored.email.into(),
            password: stored.password_hash.map(PasswordHash::from),
            created_at: from_date_time(stored.created_at),
        }
    }
}
