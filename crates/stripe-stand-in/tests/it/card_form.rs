use reqwest::Method;

use crate::stand_in::{Answer, StandIn};

#[tokio::test]
async fn the_script_and_the_page_of_the_card_form_are_served() {
    let stand_in = StandIn::start().await;
    for path in ["/v3", "/v3/"] {
        let script = stand_in.get(path).await;
        assert_eq!(script.status, 200);
        assert!(script.header("content-type").starts_with("text/javascript"));
        assert_eq!(script.header("access-control-allow-origin"), "*");
        assert!(script.text.contains("window.Stripe"));
    }
    let page = stand_in.get("/v3/card-form").await;
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(
        page.header("content-security-policy")
            .contains("script-src 'self'")
    );
    for part in ["/v3/card-form.js", "/v3/card-form.css"] {
        assert!(page.text.contains(part), "{part}");
        assert_eq!(stand_in.get(part).await.status, 200);
    }
    for autocomplete in ["cc-number", "cc-exp", "cc-csc"] {
        assert!(page.text.contains(autocomplete), "{autocomplete}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_may_create_tokens() {
    let stand_in = StandIn::start().await;
    let asked = stand_in
        .http
        .request(Method::OPTIONS, stand_in.url("/v1/tokens"));
    let answer = Answer::of(asked.send().await).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(
        answer
            .header("access-control-allow-headers")
            .contains("authorization")
    );
}
