//! Our client and our service, without a network between them, by a clock that stands until somebody waits.

mod faults;
mod machine;
mod power;
mod session;
mod subjects;

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use ironhand_redfish::bmc::{Flavour, Moment, ReplyBody, Service, ServiceReply, ServiceRequest};
use ironhand_redfish::{
    Admission, Answer, Error, Operation, Place, Question, Request, Run, SessionPolicy, Talk, Token, Told,
    Tree, Turn, locate, log_in, root,
};
use secrecy::SecretString;

use self::machine::{ADMIN, Bench, PASSWORD};

/// Requests after which an operation is taken for endless.
const MOST_REQUESTS: usize = 1500;

/// What stands between the client and the service: it may answer in the service's place, or change what that answers.
type Trouble = Box<dyn FnMut(&Request, &mut dyn FnMut() -> Answer) -> Answer>;

/// A service with its machine, and a client with its session.
struct Pair {
    service: Service,
    machine: Bench,
    began: Instant,
    now: Instant,
    token: Option<Token>,
    asked: Vec<String>,
    trouble: Option<Trouble>,
}

impl Pair {
    fn new(flavour: &'static Flavour) -> Self {
        let mut count = 0_u8;
        let entropy = move |bytes: &mut [u8]| {
            bytes.fill_with(|| {
                count = count.wrapping_add(1);
                count
            });
        };
        let service = Service::new(flavour, Box::new(entropy));
        let now = Instant::now();
        let (machine, asked) = (Bench::new(now), Vec::new());
        Self { service, machine, began: now, now, token: None, asked, trouble: None }
    }

    /// One whose client is logged in.
    fn logged_in(flavour: &'static Flavour) -> Self {
        let mut pair = Self::new(flavour);
        let told = pair.log_in(&mut SessionPolicy::new(None, false), PASSWORD);
        assert!(matches!(told, Told::Opened(_)), "{}: {told:?}", flavour.name);
        pair
    }

    fn flavour(&self) -> &'static str {
        self.service.flavour().name
    }

    fn ask(&mut self, request: &Request) -> Answer {
        self.asked.push(request.named());
        assert!(self.asked.len() < MOST_REQUESTS, "it does not end: {:?}", self.asked.last());
        let Some(mut trouble) = self.trouble.take() else { return answer(&self.serve(request)) };
        let answer = trouble(request, &mut || answer(&self.serve(request)));
        self.trouble = Some(trouble);
        answer
    }

    /// What the service itself answers.
    fn serve(&mut self, request: &Request) -> ServiceReply {
        let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut sent = ServiceRequest::new(request.method.as_str(), request.path.as_str(), from)
            .with_header("OData-Version", "4.0");
        if let Some(token) = self.token.as_ref().filter(|_| !request.anonymous) {
            sent = sent.with_header("X-Auth-Token", token.expose());
        }
        if let Some(tag) = &request.if_match {
            sent = sent.with_header("If-Match", tag.as_str());
        }
        if let Some(body) = &request.body {
            sent =
                sent.with_header("Content-Type", "application/json").with_body(body.to_string().into_bytes());
        }
        self.machine.at(self.now);
        let unix = 1_772_285_462 + self.now.duration_since(self.began).as_secs();
        self.service.answer(Moment { at: self.now, unix }, &sent, &mut self.machine)
    }

    /// Plays an operation to its end, with nothing known of the controller.
    fn play<O: Operation>(&mut self, operation: O) -> Result<O::Output, Error> {
        let mut run = Run::new(operation, Tree::default());
        loop {
            match run.next_turn() {
                Turn::Done(result) => return result,
                Turn::Wait(time) => self.now += time,
                Turn::Ask(questions) => {
                    for Question { id, request } in questions {
                        let answer = self.ask(&request);
                        run.answer(id, answer);
                    }
                }
            }
        }
    }

    /// Logs in, as the policy says; what came of it.
    fn log_in(&mut self, policy: &mut SessionPolicy, password: &str) -> Told {
        assert_eq!(policy.next(self.now), Admission::LogIn);
        let sessions = self.play(|talk: &mut Talk| root(talk)).expect("the root is for all").sessions;
        let sessions = sessions.expect("it has sessions");
        let answer = self.ask(&log_in(&sessions, ADMIN, &SecretString::from(password)));
        let told = Told::by(&answer);
        policy.told(self.now, told.clone());
        self.token = policy.session().map(|session| session.token.clone());
        told
    }

    fn place(&mut self) -> Place {
        self.play(|talk: &mut Talk| locate(talk, None)).expect("the machine is found")
    }
}

/// A reply as an HTTP client hands it over.
fn answer(reply: &ServiceReply) -> Answer {
    let header = |name: &str| {
        let found = reply.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    let bytes = match &reply.body {
        ReplyBody::Bytes(bytes) => bytes.as_slice(),
        ReplyBody::Empty | ReplyBody::Events(_) => b"",
    };
    Answer {
        etag: header("ETag"),
        location: header("Location"),
        token: header("X-Auth-Token").map(Token::new),
        retry_after: header("Retry-After").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs),
        ..Answer::new(reply.status, bytes)
    }
}

/// Checks a pair of each flavour that the service has.
fn each_flavour(check: impl Fn(&mut Pair, &Place)) {
    for flavour in Flavour::ALL {
        let mut pair = Pair::logged_in(flavour);
        let place = pair.place();
        check(&mut pair, &place);
    }
}
