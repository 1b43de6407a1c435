//! Signing up and in, with a password and by a mailed link.

use std::time::Duration;

use common::api::auth::{CurrentUserView, UserView};
use serde_json::json;

use super::Ask;
use super::customer::{Customer, message};
use crate::history::Acknowledged;

/// How long a mail is waited for: one that waited in a process that was killed never comes.
const MAIL_PATIENCE: Duration = Duration::from_secs(5);

impl Customer {
    /// Makes an account and signs in to it from another place. Whether both were done.
    pub(super) async fn sign_up_and_in(&self, email: &str, password: &str) -> bool {
        let body = json!({ "email": email, "password": password });
        let said = self
            .insist(Ask::SignUp, "/api/users/signup", Some(&body))
            .await;
        let Some(said) = said else { return false };
        let made = match said.answer.status {
            201 => self.read::<UserView>(Ask::SignUp, &said.answer),
            // The first try arrived, and its answer was lost.
            400 if said.again => None,
            _ => {
                let words = format!("refused: {}", message(&said.answer));
                return self.give_up(Ask::SignUp, email, words);
            }
        };
        if let Some(user) = &made {
            self.shop.history.add(Acknowledged::SignedUp {
                user: user.id,
                email: email.to_owned(),
            });
        }
        let elsewhere = Self::anonymous(&self.shop);
        let said = elsewhere
            .insist(Ask::SignIn, "/api/users/signin", Some(&body))
            .await;
        let Some(said) = said else { return false };
        if said.answer.status != 200 {
            return self.give_up(Ask::SignIn, email, "an account is not there".to_owned());
        }
        let user: Option<UserView> = self.read(Ask::SignIn, &said.answer);
        match (user, made) {
            (Some(user), Some(made)) if user != made => {
                let words = "an address has two accounts".to_owned();
                self.give_up(Ask::SignIn, email, words)
            }
            (user, _) => user.is_some(),
        }
    }

    /// Asks for a magic link, reads the mail, and follows it. Whether all of it worked.
    pub(super) async fn sign_in_by_link(&self, email: &str) -> bool {
        let body = json!({ "email": email });
        let path = "/api/users/signup-pl";
        let asked = self.insist(Ask::AskLink, path, Some(&body)).await;
        let Some(link) = self.mailed_link(email).await.filter(|_| asked.is_some()) else {
            return false;
        };
        let said = self.insist(Ask::FollowLink, &link, None).await;
        let Some(said) = said else { return false };
        match said.answer.status {
            303 => {}
            // It worked the first time, and the answer was lost.
            400 if said.again => return false,
            _ => {
                let words = format!("refused: {}", message(&said.answer));
                return self.give_up(Ask::FollowLink, email, words);
            }
        }
        let said = self
            .insist(Ask::WhoAmI, "/api/users/currentuser", None)
            .await;
        let Some(said) = said else { return false };
        let shown: Option<CurrentUserView> = self.read(Ask::WhoAmI, &said.answer);
        let Some(session) = shown.and_then(|shown| shown.current_user) else {
            return self.give_up(Ask::WhoAmI, email, "a link signed nobody in".to_owned());
        };
        self.shop.history.add(Acknowledged::SignedUp {
            user: session.id,
            email: email.to_owned(),
        });
        true
    }

    /// The path of the newest link that was mailed to this address.
    async fn mailed_link(&self, email: &str) -> Option<String> {
        const EVERY: Duration = Duration::from_millis(200);
        let origin = self.shop.fleet.origin();
        for _ in 0..MAIL_PATIENCE.as_millis() / EVERY.as_millis() {
            let mails = self.shop.fleet.mail().messages();
            let mail = mails
                .iter()
                .find(|mail| mail.to.iter().any(|to| to == email));
            let mut words = mail
                .into_iter()
                .flat_map(|mail| mail.text.split_whitespace());
            if let Some(path) = words.find_map(|word| word.strip_prefix(&origin)) {
                return Some(path.to_owned());
            }
            if self.shop.is_closing() {
                return None;
            }
            self.shop.pause(EVERY).await;
        }
        None
    }

    fn give_up(&self, ask: Ask, email: &str, words: String) -> bool {
        self.complain(ask, vec![email.to_owned()], words);
        false
    }
}
