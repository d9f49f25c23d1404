use std::fmt::Write as _;

use super::Code;

/// docs/ERRORS.md.
pub fn reference() -> String {
    let mut text = String::from(
        "# Errors\n\n\
         Made from the code by `make openapi`; do not edit.\n\n\
         Every failed request answers `application/problem+json` (RFC 9457) with `type`, `title`, \
         `status`, `detail`, `code` and `request_id`; on 422 also `errors`, a list of `{loc, msg, type}`. \
         `detail` is always one string. Programs compare `code`; it does not change.\n\n\
         | status | code | what it means and what to do |\n|---|---|---|\n",
    );
    let mut codes = Code::ALL.to_vec();
    codes.sort_by_key(|code| code.status());
    for code in codes {
        let meaning = code.meaning().trim();
        let (status, code) = (code.status().as_u16(), code.as_str());
        // Writing into a String does not fail.
        let _ = writeln!(text, "| {status} | `{code}` | {meaning} |");
    }
    text + "\n401 carries `WWW-Authenticate: Bearer`, with `error=\"invalid_token\"` only where a token was sent; \
            403 carries `error=\"insufficient_scope\"`; 405 carries `Allow`; 429 and 503 carry `Retry-After` in \
            seconds, and limited routes `RateLimit-Policy` and `RateLimit`.\n"
}
