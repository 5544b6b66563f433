//! The accounts that controllers leave the factory with, where the makers publish them.
//!
//! Newer machines carry a password of their own on a label; these are of older ones, and of firmware that was reset.

use ironhand_connectors::Login;
use ironhand_redfish::Vendor;
use secrecy::SecretString;

use crate::Maker;

/// The accounts of a maker's controllers as they leave the factory: user name and password. No more than two of one user
/// name, so that they may all be tried.
const fn published(maker: Maker) -> &'static [(&'static str, &'static str)] {
    match maker {
        Maker::Redfish(vendor) => match vendor {
            Vendor::Dell => &[("root", "calvin")],
            Vendor::Lenovo => &[("USERID", "PASSW0RD")],
            Vendor::Supermicro => &[("ADMIN", "ADMIN")],
            Vendor::OpenBmc | Vendor::Nvidia => &[("root", "0penBmc")],
            Vendor::AmiMegaRac | Vendor::AsrockRack | Vendor::Fujitsu => &[("admin", "admin")],
            Vendor::Gigabyte => &[("admin", "password"), ("admin", "admin")],
            Vendor::Cisco => &[("admin", "password")],
            Vendor::Huawei => &[("Administrator", "Admin@9000")],
            Vendor::H3c => &[("admin", "Password@_")],
            // HPE prints a password on every machine; of unknown makers nothing is known.
            Vendor::Hpe | Vendor::Generic => &[],
        },
        Maker::Other(name) => match name.as_bytes() {
            b"IBM" => &[("USERID", "PASSW0RD")],
            b"Oracle" => &[("root", "changeme")],
            b"Raritan" => &[("admin", "raritan")],
            _ => &[],
        },
    }
}

/// The logins that a maker's controllers leave the factory with; none where the maker is not known.
pub(crate) fn logins(maker: Option<Maker>) -> Vec<Login> {
    let published = maker.map_or(&[][..], published);
    let login = |(username, password): &(&str, &str)| Login {
        username: (*username).to_owned(),
        password: SecretString::from(*password),
    };
    published.iter().map(login).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_account_is_tried_more_often_than_locks_it() {
        let others = ["IBM", "Oracle", "Raritan", "Quanta"].map(Maker::Other);
        for maker in Vendor::ALL.iter().copied().map(Maker::Redfish).chain(others) {
            let names: Vec<String> = logins(Some(maker)).into_iter().map(|login| login.username).collect();
            for name in &names {
                assert!(names.iter().filter(|other| *other == name).count() <= 2, "{maker}: {name}");
            }
        }
        assert!(logins(None).is_empty());
        assert_eq!(logins(Some(Maker::DELL))[0].username, "root");
    }
}
