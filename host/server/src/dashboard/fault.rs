//! What is shown in a page's place.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::header::{HeaderName, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

use super::filters;
use super::layout::Page;
use crate::problem::Problem;

/// Tells htmx to load the whole page anew instead of a part of it.
const REFRESH: HeaderName = HeaderName::from_static("hx-refresh");

/// Why a page is not shown.
#[derive(Debug)]
pub(super) enum Fault {
    /// Nobody is logged in.
    Login {
        /// As which status.
        status: StatusCode,
        /// The page that was asked for.
        next: String,
        /// What was wrong with the last attempt.
        message: Option<&'static str>,
    },
    /// It cannot be, or not for whoever asks.
    Refused {
        /// As which status.
        status: StatusCode,
        /// Why, and the way out.
        message: String,
        /// The mark of the session's forms, where another login may do what this one may not.
        csrf: Option<String>,
    },
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    page: Page,
    next: &'a str,
    message: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage<'a> {
    page: Page,
    status: u16,
    message: &'a str,
    csrf: Option<&'a str>,
}

impl Fault {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self::Refused { status, message: message.into(), csrf: None }
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// Whoever is logged in may not; somebody else may. `csrf` is the mark of the session's forms.
    pub(super) fn not_theirs(csrf: String, message: impl Into<String>) -> Self {
        Self::Refused { status: StatusCode::FORBIDDEN, message: message.into(), csrf: Some(csrf) }
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// The host's own fault. What it was is for the log.
    pub(super) fn internal(error: impl std::fmt::Display) -> Self {
        Problem::internal(error).into()
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(status, problem.detail)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let (status, text) = match &self {
            Self::Login { status, next, message } => {
                (*status, LoginPage { page: Page::public("Log in"), next, message: *message }.render())
            }
            Self::Refused { status, message, csrf } => {
                let page = Page::public(status.canonical_reason().unwrap_or("Error"));
                let csrf = csrf.as_deref();
                (*status, FaultPage { page, status: status.as_u16(), message, csrf }.render())
            }
        };
        let text = match text {
            Ok(text) => text,
            Err(error) => return Problem::internal(error).into_response(),
        };
        let mut response = (status, Html(text)).into_response();
        let headers = response.headers_mut();
        match status {
            StatusCode::UNAUTHORIZED => drop(headers.insert(REFRESH, HeaderValue::from_static("true"))),
            StatusCode::SERVICE_UNAVAILABLE => drop(headers.insert(RETRY_AFTER, HeaderValue::from_static("1"))),
            _ => {}
        }
        response
    }
}
