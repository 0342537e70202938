//! Signs people in and out: the redirects to the identity provider and back.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use stockline_application::sign_in::{
    SignInRefused, SignInResponse, begin_sign_in, complete_sign_in,
};
use stockline_platform::edge::{PageReply, PageRequest};
use stockline_platform::problem::{Problem, ProblemKind};

use crate::handler::{Dashboard, Ports, see_other};
use crate::pages::layout::{Frame, message_page};
use crate::site::local_path;

/// Redirects to the provider, with a cookie that remembers the sign-in.
pub fn begin<P: Ports>(
    dashboard: &Dashboard<P>,
    request: &PageRequest,
    now: Timestamp,
) -> Result<PageReply, Problem> {
    let return_to = request.query("return_to").and_then(local_path);
    let return_to = return_to.unwrap_or("/").to_owned();
    let pending = begin_sign_in(dashboard.ports.random(), return_to, now)?;
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&pending.code_verifier));
    let url = dashboard.site.authorization(&[
        ("state", &pending.state),
        ("nonce", &pending.nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    Ok(see_other(&url).header("set-cookie", dashboard.cookies.begin_sign_in(&pending)))
}

/// Handles the provider's response: begins the session and shows the page that the person wanted.
pub async fn complete<P: Ports>(
    dashboard: &Dashboard<P>,
    request: &PageRequest,
    now: Timestamp,
) -> Result<PageReply, Problem> {
    let Some(pending) = dashboard.cookies.sign_in(request) else {
        // The cookie has expired, or the person followed an old link.
        return Ok(try_again(
            dashboard,
            "The sign-in took too long, or was begun in another window.",
        ));
    };
    let Some((code, state)) = request.query("code").zip(request.query("state")) else {
        tracing::info!("the identity provider sent no code");
        return Ok(try_again(
            dashboard,
            "The identity provider did not sign you in.",
        ));
    };
    let response = SignInResponse {
        pending: &pending,
        state,
        code,
        at: now,
    };
    let ports = &dashboard.ports;
    let signed_in = complete_sign_in(ports.provider(), ports.users(), ports.random(), response);
    let session = match signed_in.await? {
        Ok(session) => session,
        Err(refused) => {
            tracing::info!(reason = %refused, "sign-in refused");
            return match refused {
                SignInRefused::Role(_) => Err(Problem::new(
                    ProblemKind::Forbidden,
                    "This account belongs to a machine. The dashboard is for people.",
                )),
                SignInRefused::NoAccess(_) => Err(Problem::new(
                    ProblemKind::Forbidden,
                    "This account has no access to Stockline. An administrator can give it a role.",
                )),
                SignInRefused::State | SignInRefused::Expired => Ok(try_again(
                    dashboard,
                    "The sign-in took too long, or was begun in another window.",
                )),
                SignInRefused::NotConfirmed(_) => Ok(try_again(
                    dashboard,
                    "The identity provider did not confirm who you are.",
                )),
            };
        }
    };
    let cookie = dashboard.cookies.begin_session(&session, now).map_err(|_| {
        Problem::new(
            ProblemKind::Forbidden,
            "This account lists more locations than a session can hold. An administrator without a list has access to every \
             location.",
        )
    })?;
    let return_to = local_path(&pending.return_to).unwrap_or("/");
    Ok(dashboard
        .see(return_to)
        .header("set-cookie", cookie)
        .header("set-cookie", dashboard.cookies.end_sign_in()))
}

/// Ends the session here, and then at the provider.
pub fn sign_out<P: Ports>(dashboard: &Dashboard<P>) -> PageReply {
    let url = dashboard.site.after_sign_out();
    see_other(&url).header("set-cookie", dashboard.cookies.end_session())
}

/// Says that the session has ended.
pub fn signed_out<P: Ports>(dashboard: &Dashboard<P>) -> PageReply {
    message(dashboard, (200, "Signed out"), "Your session has ended.")
}

fn try_again<P: Ports>(dashboard: &Dashboard<P>, detail: &str) -> PageReply {
    let reply = message(dashboard, (400, "Not signed in"), detail);
    reply.header("set-cookie", dashboard.cookies.end_sign_in())
}

fn message<P: Ports>(
    dashboard: &Dashboard<P>,
    (status, title): (u16, &str),
    detail: &str,
) -> PageReply {
    let frame = Frame {
        dashboard,
        session: None,
    };
    let link = (dashboard.site.url("/sign-in"), "Sign in");
    PageReply::new(status, message_page(&frame, title, detail, link))
}
