//! Signing up and in, with a password and by a mailed link.

use std::time::Duration;

use common::api::auth::{CurrentUserView, UserView};
use serde_json::json;

use super::Operation;
use super::customer::{Customer, message};
use crate::history::Acknowledged;

/// How long to wait for a mail. It never arrives if it was queued in a process that was killed.
const MAIL_TIMEOUT: Duration = Duration::from_secs(5);

impl Customer {
    /// Creates an account and signs in to it from another client. Returns whether both succeeded.
    pub(super) async fn sign_up_and_in(&self, email: &str, password: &str) -> bool {
        let body = json!({ "email": email, "password": password });
        let response = self
            .request(Operation::SignUp, "/api/users/signup", Some(&body))
            .await;
        let Some(response) = response else {
            return false;
        };
        let created = match response.answer.status {
            201 => self.read::<UserView>(Operation::SignUp, &response.answer),
            // The first request succeeded, and its response was lost.
            400 if response.is_repeated => None,
            _ => {
                let refusal = format!("refused: {}", message(&response.answer));
                return self.fail(Operation::SignUp, email, refusal);
            }
        };
        if let Some(user) = &created {
            self.shop.history.add(Acknowledged::SignedUp {
                user: user.id,
                email: email.to_owned(),
            });
        }
        let elsewhere = Self::anonymous(&self.shop);
        let response = elsewhere
            .request(Operation::SignIn, "/api/users/signin", Some(&body))
            .await;
        let Some(response) = response else {
            return false;
        };
        if response.answer.status != 200 {
            return self.fail(
                Operation::SignIn,
                email,
                "an account does not exist".to_owned(),
            );
        }
        let user: Option<UserView> = self.read(Operation::SignIn, &response.answer);
        match (user, created) {
            (Some(user), Some(created)) if user != created => {
                let message = "an address has two accounts".to_owned();
                self.fail(Operation::SignIn, email, message)
            }
            (user, _) => user.is_some(),
        }
    }

    /// Requests a magic link, reads the mail, and follows the link. Returns whether all of it succeeded.
    pub(super) async fn sign_in_by_link(&self, email: &str) -> bool {
        let body = json!({ "email": email });
        let path = "/api/users/signup-pl";
        let asked = self
            .request(Operation::RequestLink, path, Some(&body))
            .await;
        let Some(link) = self.mailed_link(email).await.filter(|_| asked.is_some()) else {
            return false;
        };
        let response = self.request(Operation::FollowLink, &link, None).await;
        let Some(response) = response else {
            return false;
        };
        match response.answer.status {
            303 => {}
            // The first request succeeded, and its response was lost.
            400 if response.is_repeated => return false,
            _ => {
                let refusal = format!("refused: {}", message(&response.answer));
                return self.fail(Operation::FollowLink, email, refusal);
            }
        }
        let response = self
            .request(Operation::CurrentUser, "/api/users/currentuser", None)
            .await;
        let Some(response) = response else {
            return false;
        };
        let shown: Option<CurrentUserView> = self.read(Operation::CurrentUser, &response.answer);
        let Some(session) = shown.and_then(|shown| shown.current_user) else {
            return self.fail(
                Operation::CurrentUser,
                email,
                "a link did not sign in".to_owned(),
            );
        };
        self.shop.history.add(Acknowledged::SignedUp {
            user: session.id,
            email: email.to_owned(),
        });
        true
    }

    /// The path of the link that was mailed to this address.
    async fn mailed_link(&self, email: &str) -> Option<String> {
        const EVERY: Duration = Duration::from_millis(200);
        let origin = self.shop.fleet.origin();
        for _ in 0..MAIL_TIMEOUT.as_millis() / EVERY.as_millis() {
            let mails = self.shop.fleet.mail().messages();
            let mail = mails
                .iter()
                .find(|mail| mail.to.iter().any(|to| to == email));
            let mut parts = mail
                .into_iter()
                .flat_map(|mail| mail.text.split_whitespace());
            if let Some(path) = parts.find_map(|part| part.strip_prefix(&origin)) {
                return Some(path.to_owned());
            }
            if self.shop.is_closing() {
                return None;
            }
            self.shop.pause(EVERY).await;
        }
        None
    }

    fn fail(&self, operation: Operation, email: &str, message: String) -> bool {
        self.report_breach(operation, vec![email.to_owned()], message);
        false
    }
}
