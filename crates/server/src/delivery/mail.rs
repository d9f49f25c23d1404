use std::{fs, time::Duration};

use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message as Mail, Tokio1Executor,
    message::{Attachment, Mailbox, MultiPart, SinglePart, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use pacioli_model::{CompanyId, Email, User};
use pacioli_report::{
    Inline, Language, Letter, MAIL_WIDTH, ReportLetter,
    chart::{Chart, Picture, png},
    say, write,
};
use pacioli_store::TenantStore;
use secrecy::ExposeSecret as _;

use super::{
    Trouble,
    message::{Made, Message, document, language_of},
};
use crate::{
    app::App,
    config::{MailConfig, MailSecurity},
    error::{ApiError, ApiResult},
    rendering::apart,
};

/// The longest that one command of the mail server's may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of the pictures in a mail's text; findings past them show their rows alone.
const PICTURES: usize = 3 << 20;

/// Sends mail through the configured server.
#[derive(Debug)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    /// As configured; nothing where no server is. In words what is wrong.
    pub fn new(config: &MailConfig) -> Result<Option<Self>, String> {
        let Some(host) = &config.host else { return Ok(None) };
        let from = config.from.parse::<Mailbox>();
        let from = from.map_err(|error| format!("mail.from: {error}"))?;
        let mut parameters = TlsParameters::builder(host.clone());
        if let Some(file) = &config.ca_file {
            let wrong = |why: String| format!("mail.ca_file: {}: {why}", file.display());
            let pem = fs::read(file).map_err(|error| wrong(error.to_string()))?;
            let authority =
                Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?;
            parameters = parameters.add_root_certificate(authority);
        }
        let parameters = parameters.build().map_err(|error| format!("mail: {error}"))?;
        let tls = match config.security {
            MailSecurity::Starttls => Tls::Required(parameters),
            MailSecurity::Tls => Tls::Wrapper(parameters),
            MailSecurity::None => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host.as_str())
            .port(config.port)
            .tls(tls)
            .timeout(Some(PATIENCE));
        if let (Some(user), Some(password)) = (&config.username, &config.password) {
            let password = password.expose_secret().to_owned();
            transport = transport.credentials(Credentials::new(user.clone(), password));
        }
        Ok(Some(Self { transport: transport.build(), from }))
    }
}

/// Refuses an address that a company may not send to: its own people's, and those of the domains that the
/// operator allows, are taken. Somebody of the company who is shut out gets nothing.
pub async fn check_recipient(
    app: &App,
    company: CompanyId,
    address: &str,
) -> ApiResult<Result<Email, String>> {
    let Ok(email) = Email::parse(address) else {
        return Ok(Err("is no e-mail address".to_owned()));
    };
    let person = app.store.user_by_email(&email).await?;
    if let Some(person) = person.filter(|person| person.company_id == company) {
        let gone = "belongs to somebody who is not active".to_owned();
        return Ok(if User::is_active(&person) { Ok(email) } else { Err(gone) });
    }
    let domain = email.as_str().rsplit_once('@').map_or("", |(_, domain)| domain);
    let allowed = &app.config.mail.outside_domains;
    if allowed.iter().any(|it| it.eq_ignore_ascii_case(domain)) {
        return Ok(Ok(email));
    }
    Ok(Err("is nobody's of the company, and no domain that mail may go to".to_owned()))
}

/// Sends a message to one address.
pub async fn send(
    app: &App,
    data: &TenantStore,
    address: &str,
    message: &Message<'_>,
) -> ApiResult<Result<(), Trouble>> {
    let Some(mailer) = &app.mailer else {
        return Ok(Err(Trouble::Lasting("no mail server is configured".to_owned())));
    };
    if let Err(why) = check_recipient(app, data.company_id(), address).await? {
        return Ok(Err(Trouble::Void(format!("the address {why}"))));
    }
    let Ok(to) = address.parse::<Mailbox>() else {
        return Ok(Err(Trouble::Lasting("no mail can be sent to this address".to_owned())));
    };
    let mail = letter(app, mailer, to, message).await?;
    Ok(mailer.transport.send(mail).await.map(|_| ()).map_err(|error| {
        // Nothing of the message stands in it.
        let why = crate::error::chain(&error);
        if error.is_permanent() { Trouble::Lasting(why) } else { Trouble::Passing(why) }
    }))
}

async fn letter(app: &App, mailer: &Mailer, to: Mailbox, message: &Message<'_>) -> ApiResult<Mail> {
    let name = &message.subscription.name;
    let subject = match message.notice {
        Some(_) => say(language_of(message.subscription), "mail.alert", &[("name", name)]),
        None => name.clone(),
    };
    let domain = mailer.from.email.domain();
    let mail = Mail::builder()
        .from(mailer.from.clone())
        .to(to)
        .subject(subject)
        .date(app.clock.now().utc().into())
        .message_id(Some(format!("<{}@{domain}>", message.id)));
    let both = body(app, message, domain).await?.parts()?;
    if message.files.is_empty() {
        return mail.multipart(both).map_err(ApiError::internal);
    }
    let mut parts = MultiPart::mixed().multipart(both);
    for file in &message.files {
        let is_text = file.media_type.starts_with("text/");
        let charset = if is_text { "; charset=utf-8" } else { "" };
        let kind = ContentType::parse(&format!("{}{charset}", file.media_type));
        let kind = kind.map_err(ApiError::internal)?;
        parts = parts.singlepart(Attachment::new(file.name.clone()).body(file.bytes.clone(), kind));
    }
    mail.multipart(parts).map_err(ApiError::internal)
}

/// What a mail says.
struct Body {
    text: String,
    html: String,
    /// Those that the HTML shows.
    pictures: Vec<Inline>,
}

impl Body {
    /// Plain text, or HTML together with its pictures (RFC 2387).
    fn parts(self) -> ApiResult<MultiPart> {
        if self.pictures.is_empty() {
            return Ok(MultiPart::alternative_plain_html(self.text, self.html));
        }
        let kind = ContentType::parse("image/png").map_err(ApiError::internal)?;
        let mut page = MultiPart::related().singlepart(SinglePart::html(self.html));
        for (place, Inline { id, picture }) in self.pictures.into_iter().enumerate() {
            let name = format!("chart-{}.png", place + 1);
            let part = Attachment::new_inline_with_name(id, name);
            page = page.singlepart(part.body(picture.png, kind.clone()));
        }
        Ok(MultiPart::alternative().singlepart(SinglePart::plain(self.text)).multipart(page))
    }
}

/// What becomes of pictures in a mail.
struct Pictures {
    message: String,
    domain: String,
    language: Language,
}

impl Pictures {
    /// The charts, as many as there is room for. Each has a name that no other message has: some programs
    /// for mail know the pictures of all messages by their names.
    fn of<'a>(&self, charts: impl Iterator<Item = Option<&'a Chart>>) -> Vec<Option<Inline>> {
        let mut room = PICTURES;
        let pictures = charts.enumerate().map(|(place, chart)| {
            let picture = self.drawn(chart?).filter(|picture| picture.png.len() <= room)?;
            room -= picture.png.len();
            let Self { message, domain, .. } = self;
            Some(Inline { id: format!("chart-{}.{message}@{domain}", place + 1), picture })
        });
        pictures.collect()
    }

    /// A mail goes without a picture that cannot be drawn: its rows say the same.
    fn drawn(&self, chart: &Chart) -> Option<Picture> {
        let drawn = png(chart, MAIL_WIDTH, self.language);
        let drawn = drawn.inspect_err(|error| {
            let cause = crate::error::chain(error);
            tracing::error!(event = "delivery.no_picture", cause, "a picture was not drawn");
        });
        drawn.ok()
    }
}

/// What the mail says, as plain text and as HTML.
async fn body(app: &App, message: &Message<'_>, domain: &str) -> ApiResult<Body> {
    let place = app.config.server.public_url.clone();
    let (message_id, domain) = (message.id.clone(), domain.to_owned());
    match message.made {
        Made::Answer { question, answered } => {
            let language = language_of(message.subscription);
            let document = document(app, (question, answered), "", language);
            let pictures = Pictures { message: message_id, domain, language };
            let chart = document.sections.first().and_then(|section| section.chart.clone());
            let drawn = apart(move || Ok(pictures.of([chart.as_ref()].into_iter()))).await?;
            let inline = drawn.into_iter().flatten().next();
            let letter = Letter {
                title: &message.subscription.name,
                notice: message.notice,
                document: &document,
                left_out: &message.left_out,
                picture: inline.as_ref(),
                place: place.as_deref(),
            };
            let (text, html) = (letter.text(), letter.html());
            Ok(Body { text, html, pictures: inline.into_iter().collect() })
        }
        Made::Report(report) => {
            let (report, name) = (report.clone(), message.subscription.name.clone());
            let (has_files, left_out) = (!message.files.is_empty(), message.left_out.clone());
            apart(move || {
                let language = Language::parse(&report.language).unwrap_or_default();
                let document = write(&report, language);
                let charts = document.sections.iter().map(|section| section.chart.as_ref());
                let pictures = Pictures { message: message_id, domain, language }.of(charts);
                let letter = ReportLetter {
                    document: &document,
                    name: &name,
                    place: place.as_deref(),
                    has_files,
                    left_out: &left_out,
                    pictures: &pictures,
                };
                let (text, html) = (letter.text(), letter.html());
                Ok(Body { text, html, pictures: pictures.into_iter().flatten().collect() })
            })
            .await
        }
    }
}
