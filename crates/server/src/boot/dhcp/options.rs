//! The options of a network: made once, and handed out with each answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ironhand_api::{DhcpOption, DhcpOptionValue, Network, NetworkSpec};
use ironhand_dhcp::{ClasslessRoute, OptionSet, Options, code};
use ironhand_model::boot::Templates;

/// The options of the machines of a network.
#[derive(Debug)]
pub(super) struct NetworkOptions {
    /// What they were made of.
    spec: Box<NetworkSpec>,
    /// Those that all machines have.
    fixed: Arc<Options>,
    /// Those that are sent whether or not a machine asks for them: a person wrote them down for it. Option 108 is not among
    /// them, as who does not ask for it must not be told (RFC 8925).
    always: OptionSet,
    /// Those that not all machines have alike.
    varying: Vec<Varying>,
}

/// An option that depends on who asks.
#[derive(Debug)]
struct Varying {
    code: u8,
    /// Only for those whose vendor class begins so.
    vendor_class: Option<String>,
    value: Value,
    /// Whether it was told that its template gives nothing.
    told: AtomicBool,
}

#[derive(Debug)]
enum Value {
    Bytes(Vec<u8>),
    Template(String),
}

impl NetworkOptions {
    /// The options of a network.
    pub(super) fn of(network: &Network) -> Self {
        let spec = &network.spec;
        let mut fixed = Options::new();
        if let Some(gateway) = spec.gateway {
            fixed.set_addresses(code::ROUTER, &[gateway]);
        }
        if !spec.dns.is_empty() {
            fixed.set_addresses(code::DOMAIN_NAME_SERVER, &spec.dns);
        }
        if let Some(domain) = &spec.domain {
            fixed.set_text(code::DOMAIN_NAME, domain);
        }
        if spec.subnet.prefix() < 31 {
            fixed.set_addresses(code::BROADCAST_ADDRESS, &[spec.subnet.broadcast()]);
        }
        if !spec.ntp.is_empty() {
            fixed.set_addresses(code::NTP_SERVERS, &spec.ntp);
        }
        if !spec.routes.is_empty() {
            // Who takes this option takes no router from option 3 (RFC 3442), so that the way to everywhere is in it, too.
            let route = |to: ironhand_api::Ipv4Subnet, router| ClasslessRoute {
                network: to.network(),
                prefix: to.prefix(),
                router,
            };
            let mut routes: Vec<ClasslessRoute> =
                spec.routes.iter().map(|one| route(one.to, one.via)).collect();
            let everywhere = routes.iter().any(|route| route.prefix == 0);
            if let Some(router) = spec.gateway.filter(|_| !everywhere) {
                routes.push(ClasslessRoute { network: std::net::Ipv4Addr::UNSPECIFIED, prefix: 0, router });
            }
            fixed.set(code::CLASSLESS_STATIC_ROUTE, &ClasslessRoute::encode(&routes));
        }
        let (mut always, mut varying) = (OptionSet::default(), Vec::new());
        for option in &spec.options {
            let Some(value) = Value::of(option) else { continue };
            if option.code != code::IPV6_ONLY_PREFERRED {
                always.insert(option.code);
            }
            match (value, &option.vendor_class) {
                (Value::Bytes(bytes), None) => {
                    fixed.set(option.code, &bytes);
                }
                (value, vendor_class) => varying.push(Varying {
                    code: option.code,
                    vendor_class: vendor_class.clone(),
                    value,
                    told: AtomicBool::new(false),
                }),
            }
        }
        Self { spec: Box::new(spec.clone()), fixed: Arc::new(fixed), always, varying }
    }

    /// Whether they are those of a network as it is.
    pub(super) fn is_of(&self, network: &Network) -> bool {
        *self.spec == network.spec
    }

    /// Those of a machine with a vendor class (option 60); `fill` fills in a template for it.
    pub(super) fn of_client(
        &self,
        vendor_class: Option<&[u8]>,
        fill: impl Fn(&str) -> Result<String, String>,
    ) -> (Arc<Options>, OptionSet) {
        let suits = |varying: &&Varying| {
            varying
                .vendor_class
                .as_ref()
                .is_none_or(|wanted| vendor_class.is_some_and(|class| class.starts_with(wanted.as_bytes())))
        };
        let mut suiting = self.varying.iter().filter(suits).peekable();
        if suiting.peek().is_none() {
            return (Arc::clone(&self.fixed), self.always);
        }
        let mut options = Options::clone(&self.fixed);
        for varying in suiting {
            match &varying.value {
                Value::Bytes(bytes) => {
                    options.set(varying.code, bytes);
                }
                Value::Template(template) => match fill(template) {
                    // An option of texts has one character at least (RFC 2132, section 3.14 and others).
                    Ok(text) if text.trim_end_matches('\n').is_empty() => options.remove(varying.code),
                    Ok(text) => {
                        options.set_text(varying.code, text.trim_end_matches('\n'));
                    }
                    Err(error) => varying.tell(&error),
                },
            }
        }
        (Arc::new(options), self.always)
    }
}

impl Value {
    fn of(option: &DhcpOption) -> Option<Self> {
        match option.value()? {
            DhcpOptionValue::Text(text) if ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)) => {
                Some(Self::Template(text.to_owned()))
            }
            DhcpOptionValue::Text(text) => Some(Self::Bytes(text.as_bytes().to_vec())),
            _ => option.bytes().map(Self::Bytes),
        }
    }
}

impl Varying {
    /// Says once that the option is left out: packets come by the thousand.
    fn tell(&self, error: &str) {
        if !self.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                code = self.code,
                error,
                "an option of a network is not sent to a machine that its template does not suit"
            );
        }
    }
}

/// Fills in templates of options for a machine.
pub(super) fn filler<'a>(
    templates: &'a dyn Templates,
    context: impl Fn() -> ironhand_model::boot::Context + 'a,
) -> impl Fn(&str) -> Result<String, String> + 'a {
    move |template| templates.fill(template, &context())
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;

    const SPEC: &str = "gateway: 10.0.7.1, dns: [10.0.7.2], domain: rack.example, ntp: [10.0.7.3], \
        routes: [{ to: 10.1.0.0/16, via: 10.0.7.9 }], options: [{ code: 26, number: { value: 9000, bytes: 2 } }, \
        { code: 43, vendorClass: Cisco, hex: f10400 }, { code: 12, text: '{{ host.name }}' }, { code: 100, text: UTC }]";

    #[test]
    fn a_network_says_what_its_machines_are_told() {
        let options = NetworkOptions::of(&fixture::network(SPEC));
        let (told, always) = options.of_client(Some(b"PXEClient"), |_| Ok("rack7-12".to_owned()));
        let check = |code: u8, wanted: &[u8]| assert_eq!(told.get(code), Some(wanted), "{code}");
        check(3, &[10, 0, 7, 1]);
        check(6, &[10, 0, 7, 2]);
        check(15, b"rack.example");
        check(28, &[10, 0, 7, 255]);
        check(42, &[10, 0, 7, 3]);
        check(26, &[0x23, 0x28]);
        check(12, b"rack7-12");
        check(100, b"UTC");
        // The way to everywhere stands behind the routes (RFC 3442).
        check(121, &[16, 10, 1, 10, 0, 7, 9, 0, 10, 0, 7, 1]);
        assert_eq!(told.get(43), None);
        assert!(always.contains(26) && always.contains(12) && !always.contains(3));
        let (cisco, _) = options.of_client(Some(b"Cisco AP c2700"), |_| Err("no such name".to_owned()));
        assert_eq!((cisco.get(43), cisco.get(12)), (Some(&[0xf1, 4, 0][..]), None));
        // RFC 2132, section 3.14: a name of no letters is none.
        assert_eq!(options.of_client(None, |_| Ok(String::new())).0.get(12), None);
    }

    #[test]
    fn only_who_asks_is_told_that_ipv6_alone_will_do() {
        let spec = "options: [{ code: 108, number: { value: 1800, bytes: 4 } }, { code: 26, hex: 0578 }]";
        let (told, always) =
            NetworkOptions::of(&fixture::network(spec)).of_client(None, |_| Ok(String::new()));
        assert_eq!(told.get(108), Some(&[0, 0, 7, 8][..]));
        assert!(always.contains(26) && !always.contains(108));
    }

    #[test]
    fn what_all_machines_have_is_made_once() {
        let options = NetworkOptions::of(&fixture::network(
            "dns: [10.0.7.2], options: [{ code: 43, vendorClass: Cisco, hex: 00 }]",
        ));
        let (one, _) = options.of_client(None, |_| Ok(String::new()));
        let (other, _) = options.of_client(Some(b"anaconda"), |_| Ok(String::new()));
        assert!(Arc::ptr_eq(&one, &other));
    }
}
