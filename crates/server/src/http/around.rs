use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, header::CONTENT_LENGTH},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use tracing::Instrument as _;

use super::{
    context::RequestContext,
    log::{Pending, user_agent},
    panic,
    proxy::TrustedProxies,
    request_id::{REQUEST_ID, RequestIds, trace_id},
    security_headers::secure,
};
use crate::{
    app::App,
    clock::Random,
    config::ServerConfig,
    error::Failure,
    telemetry::{Metrics, request_answered, request_span, within_request},
};

struct Surroundings {
    ids: RequestIds,
    proxies: TrustedProxies,
    is_https: bool,
    metrics: Metrics,
}

/// Puts around every route what every request has: a name, a client's address, a panic guard, the
/// problem document with that name, safe headers, one line in the log and its metrics. Outside of
/// all other layers.
pub fn around(router: Router<App>, app: &App) -> Router<App> {
    surround(router, &app.config.server, &app.metrics, app.random)
}

fn surround<S>(
    router: Router<S>,
    config: &ServerConfig,
    metrics: &Metrics,
    random: Random,
) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let surroundings = Surroundings {
        ids: RequestIds::new(random),
        proxies: TrustedProxies::new(&config.trusted_proxies),
        is_https: config.is_https(),
        metrics: metrics.clone(),
    };
    router.layer(from_fn_with_state(Arc::new(surroundings), run))
}

async fn run(State(this): State<Arc<Surroundings>>, mut request: Request, next: Next) -> Response {
    let peer: Option<&ConnectInfo<SocketAddr>> = request.extensions().get();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
    let headers = request.headers();
    let client = this.proxies.client(peer, headers);
    let scheme = this.proxies.scheme(peer, headers);
    let trace_id = trace_id(headers).map(Into::into);
    let context = RequestContext::new(this.ids.of(headers), client, user_agent(headers));
    let pending = Pending::begin(context.clone(), &this.metrics, &request, scheme, trace_id);
    let span = request_span(&request, &context.request_id);
    request.extensions_mut().insert(context.clone());
    let work = panic::guard(next.run(request));
    let mut response = within_request(context.clone(), work).instrument(span.clone()).await;
    request_answered(&span, response.status());
    let failure = finish(&mut response, &context, this.is_https);
    pending.answered(response, failure)
}

/// Gives the answer the request's name, in its header and in its problem document.
fn finish(response: &mut Response, context: &RequestContext, is_https: bool) -> Option<Failure> {
    let failure: Option<Failure> = response.extensions_mut().remove();
    if let Some(failure) = &failure {
        *response.body_mut() = Body::from(failure.body(&context.request_id));
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    let headers = response.headers_mut();
    if let Ok(request_id) = HeaderValue::from_str(&context.request_id) {
        headers.insert(REQUEST_ID, request_id);
    }
    if let Some(rate) = context.rate() {
        rate.write(headers);
    }
    secure(headers, is_https);
    failure
}

#[cfg(test)]
mod tests;
